-- joined_seq is the number of the event that made the user a member: 0 when that event is not kept any more.
ALTER TABLE chat_members ADD COLUMN IF NOT EXISTS joined_seq bigint NOT NULL DEFAULT 0;
--bun:split

UPDATE chat_members AS cm SET joined_seq = COALESCE(
    (SELECT MAX(e.seq) FROM chat_events AS e WHERE e.chat_id = cm.chat_id AND e.kind = 'MEMBER_ADDED' AND e.subject_id = cm.user_id),
    CASE WHEN cm.role = 'OWNER' THEN 1 ELSE 0 END)
WHERE cm.joined_seq = 0;
