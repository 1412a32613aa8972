-- User and module ids are compared byte by byte (COLLATE "C"), so that lists have the same order as in SQLite.

-- A send updates the chat's row. Room on the page (fillfactor) and no index on head_seq or last_at make that a HOT
-- update: no index is touched, and the old version is cleaned up without a vacuum.
CREATE TABLE IF NOT EXISTS chats (
    id         uuid           NOT NULL PRIMARY KEY,
    title      text           NOT NULL,
    module_id  text           COLLATE "C",
    created_by text           COLLATE "C" NOT NULL,
    created_at timestamptz(6) NOT NULL,
    last_at    timestamptz(6) NOT NULL,
    head_seq   bigint         NOT NULL,
    floor_seq  bigint         NOT NULL,
    deleted_at timestamptz(6)
) WITH (fillfactor = 70);
--bun:split

CREATE TABLE IF NOT EXISTS chat_members (
    chat_id   uuid           NOT NULL REFERENCES chats (id),
    user_id   text           COLLATE "C" NOT NULL,
    role      text           NOT NULL,
    joined_at timestamptz(6) NOT NULL,
    read_seq  bigint         NOT NULL DEFAULT 0,
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
    created_at timestamptz(6) NOT NULL,
    edited_at  timestamptz(6),
    deleted_at timestamptz(6),
    UNIQUE (chat_id, seq)
);
--bun:split

-- Every event that is not a message. subject_id is the user whom it adds or removes.
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

CREATE TABLE IF NOT EXISTS stream_meta (
    id          bigint NOT NULL PRIMARY KEY CHECK (id = 1), -- there is one row
    epoch       bigint NOT NULL,
    fingerprint text   NOT NULL
);
--bun:split

INSERT INTO stream_meta (id, epoch, fingerprint) VALUES (1, 1, '') ON CONFLICT (id) DO NOTHING;
