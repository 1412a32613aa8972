package cache

import "testing"

// TestBodiesOfAnOlderEpochAreNotServed restores an older state of a chat: what is cached is newer by its number, and
// belongs to a history that is over.
func TestBodiesOfAnOlderEpochAreNotServed(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	epoch := int64(0)
	r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{MinEpoch: func() int64 { return epoch }})
	chat := store.newChat("ann")
	lost := store.after(chat)
	store.put(lost)
	r.chat(t, "ann", chat.ID)
	r.list(t, "ann")
	restored := *chat
	restored.Epoch = chat.Epoch + 1
	store.put(&restored)
	if got := r.chat(t, "ann", chat.ID); got.HeadSeq != lost.HeadSeq {
		t.Fatal("the lost body is not cached, so this test shows nothing")
	}
	epoch = restored.Epoch
	for range 2 {
		if got := r.chat(t, "ann", chat.ID); got.Epoch != epoch || got.HeadSeq != chat.HeadSeq {
			t.Errorf("served epoch %d, version %d", got.Epoch, got.HeadSeq)
		}
		if got := r.list(t, "ann").Chats[0]; got.Epoch != epoch || got.HeadSeq != chat.HeadSeq {
			t.Errorf("the list served epoch %d, version %d", got.Epoch, got.HeadSeq)
		}
	}
	if got := r.guard.Stats(); got.TooOld != 2 || got.Hits < 3 {
		t.Errorf("the old values are to be replaced once each: %+v", got)
	}
}
