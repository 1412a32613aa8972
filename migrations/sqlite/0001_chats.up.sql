-- Times are TEXT of one fixed width, UTC, with microseconds ('2026-03-01 09:30:00.000000'): they sort as they stand.

CREATE TABLE IF NOT EXISTS chats (
    id              TEXT    NOT NULL PRIMARY KEY,
    title           TEXT    NOT NULL,
    module_id       TEXT,
    created_by      TEXT    NOT NULL,
    created_at      TEXT    NOT NULL,
    last_at         TEXT    NOT NULL,
    last_message_at TEXT    NOT NULL, -- of an empty chat: created_at
    head_seq        INTEGER NOT NULL,
    floor_seq       INTEGER NOT NULL,
    floor_at        TEXT,             -- what was pruned is older; a deletion leaves it alone
    deleted_at      TEXT
);
--bun:split

-- joined_seq is the number of the event that made the membership. The last three columns are the member's own affair.
CREATE TABLE IF NOT EXISTS chat_members (
    chat_id     TEXT    NOT NULL REFERENCES chats (id),
    user_id     TEXT    NOT NULL,
    role        TEXT    NOT NULL,
    joined_at   TEXT    NOT NULL,
    joined_seq  INTEGER NOT NULL DEFAULT 0,
    read_seq    INTEGER NOT NULL DEFAULT 0,
    muted_until TEXT,
    pinned_at   TEXT,
    archived_at TEXT,
    PRIMARY KEY (chat_id, user_id)
);
--bun:split

CREATE INDEX IF NOT EXISTS chat_members_user ON chat_members (user_id, chat_id);
--bun:split

CREATE TABLE IF NOT EXISTS messages (
    id         TEXT    NOT NULL PRIMARY KEY,
    chat_id    TEXT    NOT NULL REFERENCES chats (id),
    seq        INTEGER NOT NULL,
    author_id  TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    content    TEXT    NOT NULL,
    reply_to   TEXT, -- a message of the same chat, which may be pruned
    created_at TEXT    NOT NULL,
    edited_at  TEXT,
    deleted_at TEXT,
    UNIQUE (chat_id, seq)
);
--bun:split

-- Every event that is not a message. subject_id is the user whom it adds, removes or makes the owner.
CREATE TABLE IF NOT EXISTS chat_events (
    chat_id    TEXT    NOT NULL REFERENCES chats (id),
    seq        INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    actor_id   TEXT    NOT NULL,
    subject_id TEXT,
    payload    TEXT    NOT NULL,
    created_at TEXT    NOT NULL,
    PRIMARY KEY (chat_id, seq)
);
--bun:split

-- Finds the chats that a user was taken out of, whom chat_members does not know any more.
CREATE INDEX IF NOT EXISTS chat_events_subject ON chat_events (subject_id, created_at) WHERE subject_id IS NOT NULL;
--bun:split

-- Names of users. claims and claims_at are what the user's token said last, and when that token was issued: a name that
-- was written otherwise stays until the token says something else.
CREATE TABLE IF NOT EXISTS users (
    id         TEXT NOT NULL PRIMARY KEY,
    name       TEXT NOT NULL,
    avatar_url TEXT,
    claims     TEXT NOT NULL DEFAULT '',
    claims_at  TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
--bun:split

CREATE TABLE IF NOT EXISTS modules (
    id         TEXT NOT NULL PRIMARY KEY,
    title      TEXT NOT NULL,
    content    TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
--bun:split

CREATE INDEX IF NOT EXISTS modules_title ON modules (title, id);
--bun:split

-- Instances whose writes do not reach the cache in Redis: from since on nobody trusts it. It is a little after the first such
-- write, so that one request that fails costs the others nothing.
CREATE TABLE IF NOT EXISTS cache_outages (
    instance TEXT NOT NULL PRIMARY KEY,
    since    TEXT NOT NULL,
    until    TEXT NOT NULL
);
--bun:split

CREATE TABLE IF NOT EXISTS stream_meta (
    id          INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), -- there is one row
    epoch       INTEGER NOT NULL,
    fingerprint TEXT    NOT NULL,
    database_id TEXT    NOT NULL -- random, part of every name in Redis; new with each epoch
);
--bun:split

INSERT INTO stream_meta (id, epoch, fingerprint, database_id) VALUES (1, 1, '', LOWER(HEX(RANDOMBLOB(8)))) ON CONFLICT (id) DO NOTHING;
