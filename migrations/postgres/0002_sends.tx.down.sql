DROP FUNCTION IF EXISTS send_store(uuid[], bigint[], bigint[], text[], text[], text[], uuid[], uuid[], bigint[], timestamptz[], timestamptz[]);
--bun:split

DROP FUNCTION IF EXISTS send_read(uuid[], text[], uuid[], uuid[], boolean[], boolean, bigint);
