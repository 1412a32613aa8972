DROP TABLE IF EXISTS cache_outages;
--bun:split

DROP TABLE IF EXISTS modules;
--bun:split

DROP TABLE IF EXISTS users;
--bun:split

DROP TABLE IF EXISTS stream_meta;
--bun:split

DROP TABLE IF EXISTS chat_events;
--bun:split

DROP TABLE IF EXISTS messages;
--bun:split

DROP TABLE IF EXISTS chat_members;
--bun:split

DROP TABLE IF EXISTS chats;
