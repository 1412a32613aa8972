-- User and module ids are compared byte by byte (COLLATE "C"), so that lists have the same order as in SQLite.

-- A send updates the chat's row. Room on the page (fillfactor) and no index on head_seq, last_at or last_message_at make
-- that a HOT update: no index is touched, and the old version is cleaned up without a vacuum.
CREATE TABLE IF NOT EXISTS chats (
    id              uuid           NOT NULL PRIMARY KEY,
    title           text           NOT NULL,
    module_id       text           COLLATE "C",
    created_by      text           COLLATE "C" NOT NULL,
    created_at      timestamptz(6) NOT NULL,
    last_at         timestamptz(6) NOT NULL,
    last_message_at timestamptz(6) NOT NULL, -- of an empty chat: created_at
    head_seq        bigint         NOT NULL,
    floor_seq       bigint         NOT NULL,
    floor_at        timestamptz(6), -- what was pruned is older; a deletion leaves it alone
    deleted_at      timestamptz(6)
) WITH (fillfactor = 70);
--bun:split

-- joined_seq is the number of the event that made the membership. The last three columns are the member's own affair.
CREATE TABLE IF NOT EXISTS chat_members (
    chat_id     uuid           NOT NULL REFERENCES chats (id),
    user_id     text           COLLATE "C" NOT NULL,
    role        text           NOT NULL,
    joined_at   timestamptz(6) NOT NULL,
    joined_seq  bigint         NOT NULL DEFAULT 0,
    read_seq    bigint         NOT NULL DEFAULT 0,
    muted_until timestamptz(6),
    pinned_at   timestamptz(6),
    archived_at timestamptz(6),
    PRIMARY KEY (chat_id, user_id)
) WITH (fillfactor = 80);
--bun:split

CREATE INDEX IF NOT EXISTS chat_members_user ON chat_members (user_id, chat_id);
--bun:split

CREATE TABLE IF NOT EXISTS messages (
    id         uuid           NOT NULL PRIMARY KEY,
    chat_id    uuid           NOT NULL REFERENCES chats (id),
    seq        bigint         NOT NULL,
    author_id  text           COLLATE "C" NOT NULL,
    role       text           NOT NULL,
    content    text           NOT NULL,
    reply_to   uuid,          -- a message of the same chat, which may be pruned
    created_at timestamptz(6) NOT NULL,
    edited_at  timestamptz(6),
    deleted_at timestamptz(6),
    UNIQUE (chat_id, seq)
);
--bun:split

-- Every event that is not a message. subject_id is the user whom it adds, removes or makes the owner.
CREATE TABLE IF NOT EXISTS chat_events (
    chat_id    uuid           NOT NULL REFERENCES chats (id),
    seq        bigint         NOT NULL,
    kind       text           NOT NULL,
    actor_id   text           COLLATE "C" NOT NULL,
    subject_id text           COLLATE "C",
    payload    text           NOT NULL,
    created_at timestamptz(6) NOT NULL,
    PRIMARY KEY (chat_id, seq)
);
--bun:split

-- Finds the chats that a user was taken out of, whom chat_members does not know any more.
CREATE INDEX IF NOT EXISTS chat_events_subject ON chat_events (subject_id, created_at) WHERE subject_id IS NOT NULL;
--bun:split

-- Names of users. claims and claims_at are what the user's token said last, and when that token was issued: a name that
-- was written otherwise stays until the token says something else.
CREATE TABLE IF NOT EXISTS users (
    id         text           COLLATE "C" NOT NULL PRIMARY KEY,
    name       text           NOT NULL,
    avatar_url text,
    claims     text           NOT NULL DEFAULT '',
    claims_at  timestamptz(6) NOT NULL,
    updated_at timestamptz(6) NOT NULL
);
--bun:split

CREATE TABLE IF NOT EXISTS modules (
    id         text           COLLATE "C" NOT NULL PRIMARY KEY,
    title      text           COLLATE "C" NOT NULL,
    content    text           NOT NULL,
    updated_at timestamptz(6) NOT NULL
);
--bun:split

CREATE INDEX IF NOT EXISTS modules_title ON modules (title, id);
--bun:split

-- Instances whose writes do not reach the cache in Redis: from since on nobody trusts it. It is a little after the first such
-- write, so that one request that fails costs the others nothing.
CREATE TABLE IF NOT EXISTS cache_outages (
    instance text COLLATE "C" NOT NULL PRIMARY KEY,
    since    timestamptz(6) NOT NULL,
    until    timestamptz(6) NOT NULL
);
--bun:split

CREATE TABLE IF NOT EXISTS stream_meta (
    id          bigint NOT NULL PRIMARY KEY CHECK (id = 1), -- there is one row
    epoch       bigint NOT NULL,
    fingerprint text   NOT NULL,
    database_id text   NOT NULL -- random, part of every name in Redis; new with each epoch
);
--bun:split

INSERT INTO stream_meta (id, epoch, fingerprint, database_id)
VALUES (1, 1, '', SUBSTR(REPLACE(CAST(gen_random_uuid() AS text), '-', ''), 1, 16)) ON CONFLICT (id) DO NOTHING;
