package db_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"studychat/db"
)

type fact bool

func (f *fact) Holds(time.Time) bool { return bool(*f) }

func keepAll(int) bool { return true }

func TestRenderedIsOfOneBody(t *testing.T) {
	t.Parallel()
	chat, list := &db.Chat{ID: "1"}, &db.ChatList{}
	if chat.Rendered() != nil || list.Rendered() != nil {
		t.Error("what nobody serves again keeps something")
	}
	chat.KeepRendered(keepAll)
	list.KeepRendered(keepAll)
	if chat.Rendered() == nil || list.Rendered() == nil {
		t.Error("nothing is kept")
	}
	changed, cut := *chat, *list
	if changed.Rendered() != nil || cut.Rendered() != nil {
		t.Error("a copy, which may be changed, shows what was rendered of the original")
	}
}

func TestRenderingsAreFoundByWhatTheyShow(t *testing.T) {
	t.Parallel()
	chat := &db.Chat{}
	chat.KeepRendered(keepAll)
	r, holds := chat.Rendered(), fact(true)
	r.Keep(&db.Rendering{Selection: 1, Arguments: "a", Bytes: []byte("1a")})
	r.Keep(&db.Rendering{Selection: 1, Arguments: "b", Bytes: []byte("1b"), Facts: []db.Fact{&holds}})
	for want, k := range map[string]*db.Rendering{"1a": r.Find(1, []byte("a")), "1b": r.Find(1, []byte("b"))} {
		if k == nil || string(k.Bytes) != want {
			t.Errorf("%s: found %+v", want, k)
		}
	}
	if r.Find(2, []byte("a")) != nil || r.Find(1, nil) != nil {
		t.Error("another selection, or other arguments")
	}
	holds = false
	if r.Find(1, []byte("b")) != nil || r.Find(1, []byte("a")) == nil {
		t.Error("a fact has changed")
	}
	r.Keep(&db.Rendering{Selection: 1, Arguments: "b", Bytes: []byte("new")})
	if k := r.Find(1, []byte("b")); k == nil || string(k.Bytes) != "new" {
		t.Errorf("found %+v", k)
	}
}

func TestRenderingsAreBounded(t *testing.T) {
	t.Parallel()
	bytes := 0
	chat := &db.Chat{}
	chat.KeepRendered(func(more int) bool { bytes += more; return true })
	r := chat.Rendered()
	for i := range 100 {
		r.Keep(&db.Rendering{Selection: uint64(i), Bytes: make([]byte, 1000)})
	}
	if bytes < 4000 || bytes > 5000 || r.Find(95, nil) != nil || r.Find(96, nil) == nil {
		t.Errorf("%d bytes of 4 renderings of 1000", bytes)
	}
	r.Keep(&db.Rendering{Selection: 1000, Bytes: make([]byte, 64<<10+1)})
	if r.Find(1000, nil) != nil {
		t.Error("one that is too large is kept")
	}
}

// For the race detector: readers find and keep at the same time.
func TestRenderedByManyReaders(t *testing.T) {
	t.Parallel()
	chat := &db.Chat{}
	chat.KeepRendered(keepAll)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for i := range 1000 {
				arguments := fmt.Sprint(i % 6)
				if k := chat.Rendered().Find(1, []byte(arguments)); k != nil && string(k.Bytes) != arguments {
					t.Errorf("%s: found %+v", arguments, k)
				}
				chat.Rendered().Keep(&db.Rendering{Selection: 1, Arguments: arguments, Bytes: []byte(arguments)})
			}
		})
	}
	readers.Wait()
}
