package torture

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// kind is the effect of an operation on a chat. To the cache, a chat is a register whose value is its highest number.
type kind int

const (
	reads   kind = iota
	writes       // sets the next number
	deletes      // sets gone, the last value
)

// gone is the value of a deleted chat.
const gone = int64(math.MaxInt64)

// never is the return time of an operation that was not answered: it may take effect at any time.
const never = time.Duration(math.MaxInt64)

// op is one operation of a history.
type op struct {
	client    int
	chat      string
	kind      kind
	value     int64
	call, ret time.Duration // since the history began
}

// history records what clients did and saw.
type history struct {
	began time.Time
	mu    sync.Mutex
	ops   []op
}

func newHistory() *history { return &history{began: time.Now()} }

func (h *history) now() time.Duration { return time.Since(h.began) }

func (h *history) add(o op) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, o)
}

// staleRead is a read that began after a write was answered and returned an older value.
type staleRead struct {
	op
	lag time.Duration // from the answer to the missed write until the read began
}

// byChat groups the operations by chat.
func byChat(ops []op) map[string][]op {
	chats := map[string][]op{}
	for _, o := range ops {
		chats[o.chat] = append(chats[o.chat], o)
	}
	return chats
}

// judgeReads returns the stale reads.
func judgeReads(ops []op) (stale []staleRead) {
	for _, ops := range byChat(ops) {
		changes := slices.DeleteFunc(slices.Clone(ops), func(o op) bool { return o.kind == reads })
		slices.SortFunc(changes, func(a, b op) int { return cmp.Compare(a.value, b.value) })
		// From the end: the earliest answer to a change that is at least as new as this one.
		answered := make([]time.Duration, len(changes)+1)
		answered[len(changes)] = never
		for n := len(changes) - 1; n >= 0; n-- {
			answered[n] = min(changes[n].ret, answered[n+1])
		}
		for _, o := range ops {
			if o.kind != reads {
				continue
			}
			newer, _ := slices.BinarySearchFunc(changes, o.value+1, func(c op, v int64) int { return cmp.Compare(c.value, v) })
			if o.value == gone {
				newer = len(changes)
			}
			if answered[newer] < o.call {
				stale = append(stale, staleRead{o, o.call - answered[newer]})
			}
		}
	}
	return stale
}

// newThenOld counts the reads that returned an older value than a read that had ended before they began.
func newThenOld(ops []op) (pairs int) {
	for _, ops := range byChat(ops) {
		ops = slices.DeleteFunc(ops, func(o op) bool { return o.kind != reads })
		byReturn := slices.Clone(ops)
		slices.SortFunc(byReturn, func(a, b op) int { return cmp.Compare(a.ret, b.ret) })
		slices.SortFunc(ops, func(a, b op) int { return cmp.Compare(a.call, b.call) })
		newest, returned := int64(0), 0
		for _, o := range ops {
			for ; returned < len(byReturn) && byReturn[returned].ret < o.call; returned++ {
				newest = max(newest, byReturn[returned].value)
			}
			if o.value < newest {
				pairs++
			}
		}
	}
	return pairs
}

// register is the porcupine model of a chat: the state is the highest number, and 0 before the chat was created.
var register = porcupine.Model{
	Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
		chats := map[string][]porcupine.Operation{}
		for _, o := range all {
			chat := o.Input.(op).chat
			chats[chat] = append(chats[chat], o)
		}
		return slices.Collect(maps.Values(chats))
	},
	Init: func() any { return int64(0) },
	Step: func(before, input, _ any) (bool, any) {
		state, o := before.(int64), input.(op)
		switch o.kind {
		case reads:
			return o.value == state, state
		case deletes:
			return state != gone, gone
		}
		return state == 0 || state != gone && o.value == state+1, o.value
	},
}

// linearizable reports whether the operations have an order in which each read returns the newest write and which
// agrees with their start and return times.
func linearizable(ops []op, limit time.Duration) porcupine.CheckResult {
	all := make([]porcupine.Operation, len(ops))
	for n, o := range ops {
		all[n] = porcupine.Operation{ClientId: o.client, Input: o, Call: int64(o.call), Return: int64(o.ret)}
	}
	return porcupine.CheckOperationsTimeout(register, all, limit)
}
