-- The chats of data.go. Interleaved like real traffic: the n-th messages of all chats lie together.
INSERT INTO users (id, name, claims_at, updated_at)
SELECT p || g, 'user ' || p || g, now(), now() FROM (VALUES ('r', 20), ('s', 100), ('h', 50)) AS u (p, n), generate_series(0, n - 1) g;

CREATE FUNCTION pg_temp.chat(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;

-- n: number, o: owner, k: messages
CREATE TEMP TABLE wanted AS
SELECT n, 'r' || n % 10 AS o, 50 AS k FROM generate_series(0, 999) n
UNION ALL SELECT n, 's' || n % 100, 1 FROM generate_series(10000, 19999) n
UNION ALL SELECT 30000, 'h0', 1;

INSERT INTO chats (id, title, created_by, created_at, last_at, last_message_at, head_seq, floor_seq)
SELECT pg_temp.chat(n), 'chat ' || n, o, now() - interval '1 day', now() - n * interval '1 second', now() - n * interval '1 second', k + 1, 0 FROM wanted;

INSERT INTO chat_members (chat_id, user_id, role, joined_at, joined_seq)
SELECT pg_temp.chat(n), o, 'OWNER', now() - interval '1 day', 1 FROM wanted
UNION ALL SELECT pg_temp.chat(n), 'r' || n % 10 + 10, 'MEMBER', now() - interval '1 day', 1 FROM generate_series(0, 999) n
UNION ALL SELECT pg_temp.chat(30000), 'h' || g, 'MEMBER', now() - interval '1 day', 1 FROM generate_series(1, 49) g;

INSERT INTO chat_events (chat_id, seq, kind, actor_id, payload, created_at)
SELECT pg_temp.chat(n), 1, 'CHAT_CREATED', o, '{}', now() - interval '1 day' FROM wanted;

INSERT INTO messages (id, chat_id, seq, author_id, role, content, created_at)
SELECT gen_random_uuid(), pg_temp.chat(n), s + 1, o, 'USER', left(repeat('lorem ipsum dolor sit amet ', 3), 64), now() - n * interval '1 second' - (k - s) * interval '1 minute'
FROM generate_series(1, 50) s JOIN wanted ON s <= k;
