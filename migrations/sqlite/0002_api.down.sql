CREATE TABLE chat_members_old (
    chat_id   TEXT    NOT NULL REFERENCES chats (id),
    user_id   TEXT    NOT NULL,
    role      TEXT    NOT NULL,
    joined_at TEXT    NOT NULL,
    read_seq  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (chat_id, user_id)
);
--bun:split

INSERT INTO chat_members_old (chat_id, user_id, role, joined_at, read_seq)
SELECT chat_id, user_id, role, joined_at, read_seq FROM chat_members;
--bun:split

DROP TABLE chat_members;
--bun:split

ALTER TABLE chat_members_old RENAME TO chat_members;
--bun:split

CREATE INDEX IF NOT EXISTS chat_members_user ON chat_members (user_id, chat_id);
