package sqlstore_test

import (
	"context"
	"testing"

	"studychat/db"
)

// TestChatsCursorIsBehindCommitsUnderWay reads a page while a commit is under way, whose event has its time already: the page
// does not show it, so a feed from the page's cursor has to.
func TestChatsCursorIsBehindCommitsUnderWay(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{"sqlite": sqliteFile(t), "postgres": postgres(t)} { // in memory a read waits for the commit
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := openGuarded(t, url)
			underWay, goOn := make(chan struct{}), make(chan struct{})
			g.spy.onMark = func(context.Context, db.Write) {
				close(underWay)
				<-goOn
			}
			sent := make(chan *db.Event)
			go func() {
				event, err := g.send(context.Background())
				if err != nil {
					t.Error(err)
				}
				sent <- event
			}()
			<-underWay
			list, err := g.Chats(t.Context(), "owner", nil, db.Page{Limit: 1})
			close(goOn)
			event := <-sent
			if err != nil || event == nil {
				t.Fatal(err)
			}
			if list.Chats[0].HeadSeq >= event.Seq {
				t.Fatalf("the page shows number %d before it is committed", event.Seq)
			}
			found, err := g.Standing(t.Context(), "owner", g.chat, db.FeedPlace{Since: list.Cursor.At})
			if err != nil || found.Before >= event.Seq {
				t.Errorf("the cursor %+v is past the event %d of %s, %v", list.Cursor, event.Seq, event.At, err)
			}
		})
	}
}
