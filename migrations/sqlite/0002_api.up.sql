-- joined_seq is the number of the event that made the user a member: 0 when that event is not kept any more.
-- SQLite has no ADD COLUMN IF NOT EXISTS: the table is made anew, which may be done again.

CREATE TABLE chat_members_new (
    chat_id    TEXT    NOT NULL REFERENCES chats (id),
    user_id    TEXT    NOT NULL,
    role       TEXT    NOT NULL,
    joined_at  TEXT    NOT NULL,
    read_seq   INTEGER NOT NULL DEFAULT 0,
    joined_seq INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (chat_id, user_id)
);
--bun:split

INSERT INTO chat_members_new (chat_id, user_id, role, joined_at, read_seq, joined_seq)
SELECT cm.chat_id, cm.user_id, cm.role, cm.joined_at, cm.read_seq, COALESCE(
    (SELECT MAX(e.seq) FROM chat_events AS e WHERE e.chat_id = cm.chat_id AND e.kind = 'MEMBER_ADDED' AND e.subject_id = cm.user_id),
    CASE WHEN cm.role = 'OWNER' THEN 1 ELSE 0 END)
FROM chat_members AS cm;
--bun:split

DROP TABLE chat_members;
--bun:split

ALTER TABLE chat_members_new RENAME TO chat_members;
--bun:split

CREATE INDEX IF NOT EXISTS chat_members_user ON chat_members (user_id, chat_id);
