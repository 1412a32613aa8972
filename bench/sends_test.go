//go:build linux

package bench

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	"studychat/bench/data"
)

// sends are messages over HTTP, beside the base commit: to one chat, and to 10,000.
func sends(st *stand) {
	builds := map[string]*process{}
	for _, build := range st.builds() {
		builds[build] = st.cached(st.t, build)
	}
	for _, callers := range []int{1, 8, 128} {
		for _, chats := range []string{"hot", "spread"} {
			for n := range st.scale.rounds {
				for _, build := range st.builds() {
					st.sendOnce(fmt.Sprintf("send-%s-%d", chats, callers), callers, n, build, sendTarget(builds[build], chats))
				}
			}
		}
	}
}

// sendOnce measures one target, and asserts that the database holds exactly the messages that were acknowledged.
func (st *stand) sendOnce(name string, callers, n int, build string, target httpTarget) sample {
	st.t.Helper()
	before := count(st.t, st.dsn[build], "SELECT count(*) FROM messages")
	s := st.measure(name, callers, n, target)
	if after := count(st.t, st.dsn[build], "SELECT count(*) FROM messages"); after-before != s.Answered {
		st.t.Fatalf("%s, %s: %d messages were acknowledged, and the database has %d more", name, build, s.Answered, after-before)
	}
	st.t.Logf("%-15s %d/%d %-10s %7.0f/s %7.1f µs p50 %v p99 %v", name, n+1, st.scale.rounds, build, s.rate(), s.perAnswer(), s.P50, s.P99)
	return s
}

// sendTarget sends to the hot chat as one of its members, or to some chat as its owner.
func sendTarget(p *process, chats string) httpTarget {
	request := func(user string, chat int) []byte {
		return post(p.addr, "/graphql", user, sendDocument, map[string]any{"c": data.ChatID(chat), "t": data.Text})
	}
	var all [][]byte
	if chats == "hot" {
		for n := range data.HotMembers {
			all = append(all, request(data.HotMember(n), data.HotChat))
		}
	} else {
		for n := range data.SpreadChats {
			all = append(all, request(data.Sender(n), data.FirstSpread+n))
		}
	}
	return httpTarget{process: p, request: func(int) []byte { return all[rand.IntN(len(all))] }, expect: `{"message":{"id":`}
}

// stores are messages without HTTP: the server's store beside one transaction each, with as many connections as callers and with a pool of
// the best size. All programs use all cores.
func stores(st *stand) {
	st.storesOn("store", st.dsn[ours])
	if library := st.slowSync(); library != "" {
		st.t.Setenv("LD_PRELOAD", library)
		st.t.Setenv("SLOWSYNC_US", "1000")
		var slow map[string]string
		_ = onCores(allCores(), func() error { slow = st.databases(st.t, ours); return nil })
		if f := st.send(slow[ours], "spread", "pool", 1, 1); f["p50_ms"] < 1 {
			st.t.Fatalf("a commit takes %.2f ms: the flushes are not slower", f["p50_ms"])
		}
		st.storesOn("slow", slow[ours])
	}
}

// slowSync compiles the library that makes flushes slower; it is "" without a compiler.
func (st *stand) slowSync() string {
	st.t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		st.t.Log("LEFT OUT: slow flushes, as there is no C compiler")
		return ""
	}
	dir, err := os.MkdirTemp("", "bench-slowsync-")
	if err != nil {
		st.t.Fatal(err)
	}
	st.t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL runs as another user
		st.t.Fatal(err)
	}
	library := filepath.Join(dir, "slowsync.so")
	must(st.t, "slowsync", cc, "-shared", "-fPIC", "-O2", "-o", library, "slowsync.c", "-ldl")
	return library
}

func (st *stand) storesOn(prefix, dsn string) {
	st.t.Helper()
	const callers = 128
	tuned := st.tune(dsn, callers)
	for n := range st.scale.storeRounds {
		for _, run := range []struct {
			chats, target, through string
			conns                  int
		}{
			{"hot", "each", "pool", callers}, {"hot", ours, "store", 20}, {"hot", "tuned", "pool", tuned},
			{"spread", "tuned", "pool", tuned}, {"spread", ours, "store", 20},
		} {
			name := fmt.Sprintf("%s-%s-%d", prefix, run.chats, callers)
			f := st.send(dsn, run.chats, run.through, callers, run.conns)
			st.results.add(name, run.target, n, f)
			st.t.Logf("%-16s %d/%d %-10s %7.0f/s p50 %.2f ms p99 %.2f ms (%d connections)", name, n+1, st.scale.storeRounds, run.target, f["rate"], f["p50_ms"], f["p99_ms"], run.conns)
		}
	}
}

// tune finds the best size of the pool for one transaction each.
func (st *stand) tune(dsn string, callers int) int {
	st.t.Helper()
	best, most := 0, 0.0
	for _, conns := range []int{8, 16, 32, 64} {
		if rate := st.send(dsn, "spread", "pool", callers, conns)["rate"]; rate > most {
			best, most = conns, rate
		}
		if st.scale.quick {
			break
		}
	}
	return best
}

// send runs the program once.
func (st *stand) send(dsn, chats, through string, callers, conns int) figures {
	st.t.Helper()
	cmd := exec.Command(st.binary("sends"), "-dsn", dsn, "-chats", chats, "-through", through, "-callers", fmt.Sprint(callers), "-conns", fmt.Sprint(conns),
		"-warm", st.scale.warm.String(), "-measure", st.scale.store.String())
	var f figures
	err := onCores(allCores(), func() error {
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err == nil {
			err = json.Unmarshal(out, &f)
		}
		return err
	})
	if err != nil || f["rate"] == 0 {
		st.t.Fatalf("%v: %v", cmd.Args, err)
	}
	return f
}
