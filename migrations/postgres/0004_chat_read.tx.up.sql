-- Compatible with versions that know 0001.
-- What a chat is read by: see Repository.Chat. It is a function so that a session plans its statements once: see 0002_sends.
--
-- chat_read returns one row of the chat (title to epoch), then one per member (user_id to read_seq), then one per message, newest first
-- (id to message_deleted_at), all else being NULL. To a viewer who is not a member it returns nothing. Its statements see one state, that
-- of the statement that calls it.
CREATE OR REPLACE FUNCTION chat_read(chat uuid, viewer text, newest bigint)
RETURNS TABLE (
    title text, module_id text, created_by text, created_at timestamptz, last_at timestamptz, last_message_at timestamptz, head_seq bigint, floor_seq bigint,
    epoch bigint,
    user_id text, role text, joined_at timestamptz, joined_seq bigint, read_seq bigint,
    id uuid, seq bigint, author_id text, message_role text, content text, reply_to uuid, message_created_at timestamptz, edited_at timestamptz, message_deleted_at timestamptz
)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT c.title, c.module_id, c.created_by, c.created_at, c.last_at, c.last_message_at, c.head_seq, c.floor_seq, (SELECT s.epoch FROM stream_meta AS s WHERE s.id = 1),
        NULL::text, NULL::text, NULL::timestamptz, NULL::bigint, NULL::bigint,
        NULL::uuid, NULL::bigint, NULL::text, NULL::text, NULL::text, NULL::uuid, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz
    FROM chats AS c
    WHERE c.id = chat AND c.deleted_at IS NULL AND EXISTS (SELECT FROM chat_members AS own WHERE own.chat_id = chat AND own.user_id = viewer);
    IF NOT FOUND THEN
        RETURN;
    END IF;

    RETURN QUERY
    SELECT NULL::text, NULL::text, NULL::text, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz, NULL::bigint, NULL::bigint, NULL::bigint,
        cm.user_id, cm.role, cm.joined_at, cm.joined_seq, cm.read_seq,
        NULL::uuid, NULL::bigint, NULL::text, NULL::text, NULL::text, NULL::uuid, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz
    FROM chat_members AS cm WHERE cm.chat_id = chat ORDER BY cm.joined_at, cm.user_id;

    RETURN QUERY
    SELECT NULL::text, NULL::text, NULL::text, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz, NULL::bigint, NULL::bigint, NULL::bigint,
        NULL::text, NULL::text, NULL::timestamptz, NULL::bigint, NULL::bigint,
        m.id, m.seq, m.author_id, m.role, m.content, m.reply_to, m.created_at, m.edited_at, m.deleted_at
    FROM messages AS m WHERE m.chat_id = chat ORDER BY m.seq DESC LIMIT newest;
END $$;
