package cache

import (
	"fmt"
	"testing"
)

func TestPendingKeepsWhatWasAddedAgain(t *testing.T) {
	t.Parallel()
	p := newPending(10)
	p.add([]string{"a", "b"}, "1")
	batch := p.some(10)
	p.add([]string{"a"}, "2") // while the batch is being deleted
	for key, tokens := range batch {
		p.done(key, tokens)
	}
	if !p.has("a") || p.has("b") {
		t.Error("a was written again and must stay; b must go")
	}
}

func TestPendingIsBounded(t *testing.T) {
	t.Parallel()
	p := newPending(3)
	for i := range 100 {
		p.add([]string{"same"}, fmt.Sprint(i))
	}
	if tokens := p.some(1)["same"]; len(tokens) != maxTokens || tokens[maxTokens-1] != "99" {
		t.Errorf("tokens %q", tokens)
	}
	p.add([]string{"b", "c"}, "x")
	if _, all := p.size(); all {
		t.Error("overflowed at its limit")
	}
	p.add([]string{"d"}, "x")
	if _, all := p.size(); !all {
		t.Error("did not say that it overflowed")
	}
	if !p.has("never seen") || p.empty() {
		t.Error("after an overflow everything is to be avoided")
	}
}

func TestPendingOverflowDuringSweep(t *testing.T) {
	t.Parallel()
	p := newPending(1)
	p.add([]string{"a", "b"}, "1")
	generation, all := p.everything()
	if !all {
		t.Fatal("no overflow")
	}
	p.add([]string{"c"}, "2") // overflows again, while everything is being deleted
	p.doneAll(generation)
	if _, all = p.everything(); !all {
		t.Error("the second overflow was forgotten")
	}
	generation, _ = p.everything()
	p.doneAll(generation)
	if _, all = p.everything(); all || !p.has("c") || p.has("a") {
		t.Error("after the sweep only what was added since the overflow is left")
	}
}
