ALTER TABLE chat_members DROP COLUMN IF EXISTS joined_seq;
