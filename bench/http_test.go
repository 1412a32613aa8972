//go:build linux

package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"studychat/bench/data"
)

// The documents. All servers with GraphQL get the same ones.
const (
	typenameDocument = `{ __typename }`
	chatsDocument    = `query Chats($n: Int!) { chats(first: $n) { nodes { id title seq lastMessage { id seq content createdAt author { id name } } } } }`
	pageDocument     = `query Page($id: ID!, $n: Int!) { chat(id: $id) { id title messages(last: $n) { nodes { id seq content createdAt author { id name } } } } }`
	sendDocument     = `mutation Send($c: ID!, $t: String!) { sendMessage(input: {chatId: $c, content: $t}) { message { id seq } } }`
)

const (
	httpConns = 64
	pageSize  = 20
)

// httpTarget is a server with what is asked of it.
type httpTarget struct {
	*process
	prime   [][]byte
	request func(conn int) []byte
	expect  string
	check   func(body []byte) error
}

// httpScenarios are the reads. All servers are up the whole time, and one at a time has work.
func httpScenarios(st *stand) {
	t := st.t
	floor, peer, node := st.floor(t), st.gqlgen(t), st.mercurius(t)
	own, cold := st.cached(t, ours), st.server(t, ours)
	api := []*process{own, peer}
	if node != nil {
		api = append(api, node)
	}
	colds := []*process{cold}
	if st.base != "" {
		api = append(api, st.cached(t, base))
		colds = append(colds, st.server(t, base))
	}
	st.overHTTP("typename", httpConns, append([]httpTarget{floorTarget(floor, "/typename", "__typename")}, each(api, typenameTarget)...))
	st.overHTTP("chats", httpConns, append([]httpTarget{floorTarget(floor, "/redis", "aaaa")}, each(api, chatsTarget)...))
	st.overHTTP("page", httpConns, append([]httpTarget{floorTarget(floor, "/redis", "aaaa")}, each(api, pageTarget)...))
	st.overHTTP("page-cold", httpConns, append([]httpTarget{floorTarget(floor, "/postgres", `"nodes":[{"id":`)}, each(colds, pageTarget)...))
}

func each(servers []*process, target func(*process) httpTarget) (all []httpTarget) {
	for _, p := range servers {
		all = append(all, target(p))
	}
	return all
}

// overHTTP runs the targets in turn, round by round.
func (st *stand) overHTTP(name string, conns int, targets []httpTarget) {
	st.t.Helper()
	for n := range st.scale.rounds {
		for _, target := range targets {
			s := st.measure(name, conns, n, target)
			st.t.Logf("%s %d/%d %-10s %8.0f/s %7.1f µs p50 %v p99 %v client %.2f", name, n+1, st.scale.rounds, target.name, s.rate(), s.perAnswer(), s.P50, s.P99, s.Client)
		}
	}
}

// measure runs one target once and keeps the figures.
func (st *stand) measure(name string, conns, n int, target httpTarget) sample {
	st.t.Helper()
	l := load{
		addr: target.address, conns: conns, prime: target.prime, request: target.request, expect: []byte(target.expect), check: target.check, server: target.cpu,
		warm: st.scale.warm, measure: st.scale.measure,
	}
	stop := st.profile(name, target.name, target.process)
	s, err := l.run()
	stop()
	if err != nil {
		st.t.Fatalf("%s, %s: %v", name, target.name, err)
	}
	if s.N == 0 {
		st.t.Fatalf("%s, %s: no answers", name, target.name)
	}
	st.results.add(name, target.name, n, figures{
		"rate": s.rate(), "cpu_us": s.perAnswer(), "mean_ms": float64(conns) / s.rate() * 1000, "p50_ms": milliseconds(s.P50), "p99_ms": milliseconds(s.P99),
		"rss_mib": float64(target.rss()) / (1 << 20), "client": s.Client,
	})
	return s
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func floorTarget(p *process, path, expect string) httpTarget {
	body := post(p.addr, path, "", pageDocument, map[string]any{"id": data.ChatID(1), "n": pageSize})
	if path == "/typename" {
		body = post(p.addr, path, "", typenameDocument, nil)
	}
	return httpTarget{process: p, request: func(int) []byte { return body }, expect: expect}
}

func typenameTarget(p *process) httpTarget {
	return httpTarget{process: p, request: prepared(httpConns, func(conn int) []byte {
		return post(p.addr, "/graphql", data.Reader(conn), typenameDocument, nil)
	}), expect: `{"data":{"__typename":"Query"}}`}
}

func chatsTarget(p *process) httpTarget {
	return httpTarget{process: p, request: prepared(httpConns, func(conn int) []byte {
		return post(p.addr, "/graphql", data.Reader(conn), chatsDocument, map[string]any{"n": pageSize})
	}), expect: `"lastMessage":{"id":`, check: checkChats}
}

// pageTarget asks for some chat of the connection's reader. First each chat is asked for once: a cache is to be full.
func pageTarget(p *process) httpTarget {
	requests := make([][][]byte, data.Readers)
	for reader := range requests {
		for n := range data.ReadChats / 10 {
			variables := map[string]any{"id": data.ChatID(data.ReaderChat(reader, n)), "n": pageSize}
			requests[reader] = append(requests[reader], post(p.addr, "/graphql", data.Reader(reader), pageDocument, variables))
		}
	}
	return httpTarget{process: p, prime: slices.Concat(requests[:data.Readers/2]...), request: func(conn int) []byte {
		mine := requests[conn%data.Readers]
		return mine[rand.IntN(len(mine))]
	}, expect: `"nodes":[{"id":`, check: checkPage}
}

// prepared makes each connection's request once.
func prepared(conns int, request func(conn int) []byte) func(int) []byte {
	all := make([][]byte, conns)
	for conn := range all {
		all[conn] = request(conn)
	}
	return func(conn int) []byte { return all[conn] }
}

type message struct {
	ID, Content, CreatedAt string
	Seq                    int64
	Author                 struct{ ID, Name string }
}

func (m message) fault() error {
	if m.ID == "" || m.Seq == 0 || m.Content != data.Text || m.CreatedAt == "" || m.Author.ID == "" || m.Author.Name == "" {
		return fmt.Errorf("a message lacks something: %+v", m)
	}
	return nil
}

func checkChats(body []byte) error {
	var answer struct {
		Data struct {
			Chats struct {
				Nodes []struct {
					ID, Title   string
					Seq         int64
					LastMessage message
				}
			}
		}
	}
	if err := strict(body, &answer); err != nil {
		return err
	}
	nodes := answer.Data.Chats.Nodes
	if len(nodes) != pageSize {
		return fmt.Errorf("%d chats instead of %d", len(nodes), pageSize)
	}
	for _, chat := range nodes {
		if err := chat.LastMessage.fault(); err != nil || chat.ID == "" || chat.Title == "" {
			return errors.Join(err, errors.New("a chat lacks something"))
		}
	}
	return nil
}

func checkPage(body []byte) error {
	var answer struct {
		Data struct {
			Chat struct {
				ID, Title string
				Messages  struct{ Nodes []message }
			}
		}
	}
	if err := strict(body, &answer); err != nil {
		return err
	}
	nodes := answer.Data.Chat.Messages.Nodes
	if len(nodes) != pageSize {
		return fmt.Errorf("%d messages instead of %d", len(nodes), pageSize)
	}
	for i, m := range nodes {
		if err := m.fault(); err != nil {
			return err
		}
		if i > 0 && m.Seq != nodes[i-1].Seq+1 {
			return fmt.Errorf("message %d after %d", m.Seq, nodes[i-1].Seq)
		}
	}
	return nil
}

// strict refuses fields that the document does not select.
func strict(body []byte, answer any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	return decoder.Decode(answer)
}

// TestChecks: a checker that could not fail would prove nothing.
func TestChecks(t *testing.T) {
	t.Parallel()
	for reason, body := range map[string]string{
		"no data":      `{"data":{}}`,
		"null":         `{"data":null}`,
		"an error":     `{"data":{"chat":null},"errors":[{"message":"no"}]}`,
		"short":        `{"data":{"chat":{"id":"1","title":"x","messages":{"nodes":[]}}}}`,
		"not complete": `{"data":`,
	} {
		if checkPage([]byte(body)) == nil || checkChats([]byte(body)) == nil {
			t.Errorf("%s passes", reason)
		}
	}
}
