-- Compatible with versions that know 0001.
-- What db/sqlstore/batch asks of PostgreSQL. They are functions because a session plans the statements of a function once: texts would be
-- planned each time, and prepared statements do not pass a pooler in transaction mode. They run with the rights and the search_path of
-- their caller, as the statements of the server do. The settings make each plan one for few rows by index, whatever the tables were like
-- when it was made. A later version with other arguments is another function: so instances of two versions can share a database.

-- send_read locks the chats of calls, reserves the calls' ids, and returns what decides about the calls: first one row per locked chat
-- (chat to stamp), then one row per call (call to users), all else being NULL. Each statement sees what was committed before it began,
-- so what decides is read behind the locks.
--
-- It locks chats of which a caller is a member, and skips those that somebody else has locked. That grants nothing: the members may
-- change before the lock. patient waits for ids that somebody else has reserved; otherwise they are held.
CREATE OR REPLACE FUNCTION send_read(chats uuid[], viewers text[], ids uuid[], replies uuid[], firsts boolean[], patient boolean, roster bigint)
RETURNS TABLE (
    chat uuid, head_seq bigint, last_at timestamptz, last_message_at timestamptz, epoch bigint, stamp timestamptz,
    call bigint, member boolean, taken boolean, sent boolean, answers boolean, held boolean, users text[]
)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
DECLARE
    busy boolean[];
BEGIN
    RETURN QUERY
    SELECT c.id, c.head_seq, c.last_at, c.last_message_at, (SELECT s.epoch FROM stream_meta AS s WHERE s.id = 1), clock_timestamp(),
        NULL::bigint, NULL::boolean, NULL::boolean, NULL::boolean, NULL::boolean, NULL::boolean, NULL::text[]
    FROM chats AS c WHERE c.deleted_at IS NULL AND c.id IN (
        SELECT cm.chat_id FROM unnest(chats, viewers) AS i (chat, viewer) JOIN chat_members AS cm ON cm.chat_id = i.chat AND cm.user_id = i.viewer)
    ORDER BY c.id FOR NO KEY UPDATE OF c SKIP LOCKED;

    IF patient THEN -- in one order, as two transactions may wait for each other's ids
        PERFORM pg_advisory_xact_lock(hashtextextended(i.id::text, 0)) FROM (SELECT u.id FROM unnest(ids) AS u (id) ORDER BY u.id) AS i;
    ELSE
        SELECT array_agg(NOT pg_try_advisory_xact_lock(hashtextextended(i.id::text, 0)) ORDER BY i.n)
        INTO busy FROM unnest(ids) WITH ORDINALITY AS i (id, n);
    END IF;

    RETURN QUERY
    SELECT NULL::uuid, NULL::bigint, NULL::timestamptz, NULL::timestamptz, NULL::bigint, NULL::timestamptz,
        i.n,
        EXISTS (SELECT FROM chat_members AS cm JOIN chats AS c ON c.id = cm.chat_id WHERE cm.chat_id = i.chat AND cm.user_id = i.viewer AND c.deleted_at IS NULL),
        EXISTS (SELECT FROM chats AS o WHERE o.id = i.id),
        EXISTS (SELECT FROM messages AS o WHERE o.id = i.id),
        i.reply IS NULL OR EXISTS (SELECT FROM messages AS r WHERE r.id = i.reply AND r.chat_id = i.chat),
        coalesce(busy[i.n], false),
        CASE WHEN i.first THEN (SELECT array_agg(m.user_id) FROM (SELECT cm.user_id FROM chat_members AS cm WHERE cm.chat_id = i.chat LIMIT roster) AS m) END
    FROM unnest(chats, viewers, ids, replies, firsts) WITH ORDINALITY AS i (chat, viewer, id, reply, first, n);
END $$;
--bun:split

-- send_store stores messages and gives chats their new head. chat is a message's place in chats; it is created when the chat was last
-- changed. The messages come first: then their foreign key finds the chat's row locked by this transaction already.
CREATE OR REPLACE FUNCTION send_store(
    ids uuid[], chat bigint[], seqs bigint[], authors text[], roles text[], contents text[], replies uuid[],
    chats uuid[], heads bigint[], last_ats timestamptz[], last_message_ats timestamptz[]
)
RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    INSERT INTO messages (id, chat_id, seq, author_id, role, content, reply_to, created_at)
    SELECT m.id, chats[m.chat], m.seq, m.author, m.role, m.content, m.reply, last_ats[m.chat]
    FROM unnest(ids, chat, seqs, authors, roles, contents, replies) AS m (id, chat, seq, author, role, content, reply);

    UPDATE chats AS c SET head_seq = v.head, last_at = v.last_at, last_message_at = v.last_message_at
    FROM unnest(chats, heads, last_ats, last_message_ats) AS v (id, head, last_at, last_message_at) WHERE c.id = v.id;
END $$;
