-- Compatible with versions that know 0001.
-- Find what has happened since a moment, in all chats: see Repository.Changes. Rows are added at the right end of these indexes, which
-- costs little. An index on chats.last_at would be smaller, but every send would pay for it: its update of the chat would not be HOT.
CREATE INDEX IF NOT EXISTS messages_created ON messages (created_at);
--bun:split

CREATE INDEX IF NOT EXISTS chat_events_created ON chat_events (created_at);
