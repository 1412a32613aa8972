//go:build linux

package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"studychat/bench/data"
)

const (
	largeChat = 40_000
	smallChat = 40_001
	grownUser = "g0" // owns both

	growthConns = 8

	alone = "studychat, no Redis"
)

// grown adds a chat with 10 million messages, one with 1,000, and viewers of 10,000 chats and of 100. Foreign keys are not checked row by
// row: the rows are right. Indexes are made once the rows are there, with the names that they had. Ids of messages rise, as those that the
// server makes do.
const grown = `
SET session_replication_role = replica;
SET maintenance_work_mem = '512MB';
INSERT INTO users (id, name, claims_at, updated_at) SELECT g, 'user ' || g, now(), now() FROM unnest(ARRAY['g0', 'many', 'few']) g;
INSERT INTO chats (id, title, created_by, created_at, last_at, last_message_at, head_seq, floor_seq)
VALUES (%[1]s, 'large', 'g0', now() - interval '1 day', now(), now(), %[3]d, 0), (%[2]s, 'small', 'g0', now() - interval '1 day', now(), now(), 1000, 0);
INSERT INTO chat_members (chat_id, user_id, role, joined_at, joined_seq) VALUES (%[1]s, 'g0', 'OWNER', now(), 1), (%[2]s, 'g0', 'OWNER', now(), 1);
ALTER TABLE messages DROP CONSTRAINT messages_pkey, DROP CONSTRAINT messages_chat_id_seq_key;
DROP INDEX messages_created;
INSERT INTO messages (id, chat_id, seq, author_id, role, content, created_at)
SELECT ('01900000-0000-7000-' || left(hex, 4) || '-' || right(hex, 12))::uuid, c, s, 'g0', 'USER', text, now() - interval '1 hour' + s * interval '10 microseconds'
FROM (VALUES (%[1]s, %[3]d, 'a', left(repeat('lorem ipsum dolor sit amet ', 3), 64)), (%[2]s, 1000, 'b', left(repeat('lorem ipsum dolor sit amet ', 3), 64))) AS wanted (c, n, p, text),
generate_series(1, n) s, LATERAL (SELECT p || lpad(to_hex(s), 15, '0') AS hex) AS ids;
ALTER TABLE messages ADD PRIMARY KEY (id), ADD UNIQUE (chat_id, seq);
CREATE INDEX messages_created ON messages (created_at);
INSERT INTO chat_members (chat_id, user_id, role, joined_at, joined_seq)
SELECT chat_id, 'many', 'MEMBER', now(), 1 FROM chat_members WHERE user_id LIKE 's%%' AND chat_id >= %[4]s;
INSERT INTO chat_members (chat_id, user_id, role, joined_at, joined_seq)
SELECT chat_id, 'few', 'MEMBER', now(), 1 FROM chat_members WHERE user_id = 's7' AND chat_id >= %[4]s;
`

func growth(st *stand) {
	quoted := func(number int) string { return "'" + data.ChatID(number) + "'::uuid" }
	started := time.Now()
	execute(st.t, st.dsn[ours], fmt.Sprintf(grown, quoted(largeChat), quoted(smallChat), st.scale.messages, quoted(data.FirstSpread)))
	execute(st.t, st.dsn[ours], "VACUUM ANALYZE")
	execute(st.t, st.dsn[ours], "CHECKPOINT")
	st.t.Logf("%d messages took %v", st.scale.messages, time.Since(started).Round(time.Second))
	p := st.server(st.t, ours)
	middle := textOf(st.t, st.dsn[ours], "SELECT id::text FROM messages WHERE chat_id = $1 AND seq = $2", data.ChatID(largeChat), st.scale.messages/2)
	st.overHTTP("growth-page", growthConns, []httpTarget{grownPage(p, "small", smallChat, ""), grownPage(p, "large", largeChat, ""), grownPage(p, "large, in the middle", largeChat, middle)})
	st.overHTTP("growth-list", growthConns, []httpTarget{grownList(p, "small", "few"), grownList(p, "large", "many")})
	p.stop()
	st.sweep(ours, st.cached(st.t, ours))
	st.sweep(alone, st.server(st.t, ours))
}

func grownPage(p *process, name string, chat int, around string) httpTarget {
	document, variables := pageDocument, map[string]any{"id": data.ChatID(chat), "n": pageSize}
	if around != "" {
		document = strings.Replace(strings.Replace(document, "last: $n", "first: $n, around: $a", 1), "$n: Int!", "$n: Int!, $a: String", 1)
		variables["a"] = around
	}
	request := post(p.addr, "/graphql", grownUser, document, variables)
	return httpTarget{process: renamed(p, name), request: func(int) []byte { return request }, expect: `"nodes":[{"id":`, check: checkPage}
}

func grownList(p *process, name, user string) httpTarget {
	request := post(p.addr, "/graphql", user, chatsDocument, map[string]any{"n": pageSize})
	return httpTarget{process: renamed(p, name), request: func(int) []byte { return request }, expect: `"lastMessage":{"id":`, check: checkChats}
}

// renamed is the same process under another name in the results.
func renamed(p *process, name string) *process {
	other := *p
	other.name = name
	return &other
}

// sweep: 10,000 subscribers of as many chats, and nothing happens. What runs is the sweep of all their chats: every 5 seconds, or every
// 250 ms without Redis.
func (st *stand) sweep(target string, p *process) {
	st.watch(p, target+", no watchers")
	a := newAudience(p, overSocket, func(n int) int { return data.FirstSpread + n%data.SpreadChats })
	a.user = func(n int) string { return data.Sender(n % data.SpreadChats) }
	defer a.close()
	if err := a.connect(st.scale.watchers); err != nil {
		st.t.Fatal(err)
	}
	pause(st.scale.settle)
	st.watch(p, target)
	if err := a.err(); err != nil {
		st.t.Fatal(err)
	}
	p.stop()
}

func (st *stand) watch(p *process, target string) {
	postgres := postmaster(st.t, st.dsn[ours])
	server, database, started := p.cpu(), familyCPU(postgres), time.Now()
	pause(st.scale.watch)
	percent := func(used time.Duration) float64 { return 100 * used.Seconds() / time.Since(started).Seconds() }
	f := figures{"server_percent": percent(p.cpu() - server), "database_percent": percent(familyCPU(postgres) - database)}
	f["core_percent"] = f["server_percent"] + f["database_percent"]
	st.results.add("growth-sweep", target, 0, f)
	st.t.Logf("growth-sweep %s: server %.2f %% of a core, PostgreSQL %.2f %%", target, f["server_percent"], f["database_percent"])
}

func textOf(t testing.TB, dsn, query string, args ...any) (text string) {
	t.Helper()
	connected(t, dsn, func(ctx context.Context, conn *pgx.Conn) error { return conn.QueryRow(ctx, query, args...).Scan(&text) })
	return text
}

// postmaster is the first process of the PostgreSQL at dsn.
func postmaster(t testing.TB, dsn string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(textOf(t, dsn, "SHOW data_directory"), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.SplitN(string(text), "\n", 2)[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// familyCPU is that of a process and its children.
func familyCPU(pid int) time.Duration {
	sum := cpuOf(pid)
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && fields[1] == strconv.Itoa(pid) {
			sum += cpuOf(child)
		}
	}
	return sum
}
