package sqlstore_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
)

// crashURL tells this test binary that it is the process to be killed.
const crashURL = "STUDYCHAT_TEST_CRASH_URL"

// TestCrashKeepsAcknowledged kills a process in the middle of its writes: what it was told is stored is stored, in order
// and without a gap, and the next process goes on from there.
func TestCrashKeepsAcknowledged(t *testing.T) {
	if url := os.Getenv(crashURL); url != "" {
		writeUntilKilled(t, url)
		return
	}
	t.Parallel()
	for name, url := range map[string]string{"sqlite": sqliteFile(t), "postgres": postgres(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := openStore(t, url, sqlstore.OpenOptions{})
			chat := fill(t, store, "owner", 1)[0]
			acknowledged := killInTheMiddle(t, url+" "+chat)
			log, err := store.Log(t.Context(), chat, 0, 10_000)
			if err != nil {
				t.Fatal(err) // a gap would be an error too
			}
			stored := map[string]bool{}
			for _, e := range log.Events {
				if e.Message != nil {
					stored[e.Message.ID] = true
				}
			}
			for _, id := range acknowledged {
				if !stored[id] {
					t.Errorf("message %s was acknowledged and is lost", id)
				}
			}
			if event, err := store.SendMessage(t.Context(), "owner", db.NewMessage{ID: db.NewID(), ChatID: chat, Content: "x"}); err != nil || event.Seq != log.HeadSeq+1 {
				t.Errorf("the next send: %+v, %v; want number %d", event, err, log.HeadSeq+1)
			}
		})
	}
}

// killInTheMiddle runs this binary again, kills it after it has written some messages, and returns what it was told.
func killInTheMiddle(t *testing.T, url string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCrashKeepsAcknowledged$")
	child.Env = append(os.Environ(), crashURL+"="+url)
	child.Stderr = t.Output()
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if id, ok := strings.CutPrefix(lines.Text(), "acknowledged "); ok {
			ids = append(ids, id)
		}
		if len(ids) == 30 {
			_ = child.Process.Kill() // goes on reading: what is in the pipe was acknowledged too
		}
	}
	if err := child.Wait(); err == nil || len(ids) < 30 {
		t.Fatalf("the process was not killed in the middle: %d messages, %v", len(ids), err)
	}
	return ids
}

func writeUntilKilled(t *testing.T, place string) {
	url, chat, _ := strings.Cut(place, " ")
	store := openEmpty(t, url, sqlstore.OpenOptions{})
	for range 100_000 {
		id := db.NewID()
		if _, err := store.SendMessage(t.Context(), "owner", db.NewMessage{ID: id, ChatID: chat, Content: "text"}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("acknowledged", id)
	}
}
