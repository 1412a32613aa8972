DROP INDEX IF EXISTS chat_events_created;
--bun:split

DROP INDEX IF EXISTS messages_created;
