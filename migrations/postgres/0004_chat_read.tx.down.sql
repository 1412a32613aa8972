DROP FUNCTION IF EXISTS chat_read(uuid, text, bigint);
