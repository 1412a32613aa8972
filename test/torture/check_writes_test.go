package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"studychat/db"
)

const concurrentRetries = 50

// idempotentSend sends each message 50 times at once over all instances, also while one of them is killed.
func idempotentSend(r *record) {
	r.chats, r.subscribers = 5, 20
	r.Fault = "each message sent 50 times at once over three instances: 20 times without a fault, 6 times while one is killed"
	w := newWorld(r, setting{})
	l := w.newTraffic(r)
	l.start()
	for n := range 20 {
		l.sendOften(l.rooms[n%len(l.rooms)], func() {})
	}
	var faults []window
	for n := range 6 {
		victim := w.instances[n%3]
		faults = append(faults, during(func() {
			l.sendOften(l.rooms[n%len(l.rooms)], func() {
				pause(rand.N(15 * time.Millisecond))
				victim.kill()
			})
			victim.start()
		}))
	}
	l.judge(faults...)
	err := post(r.Context(), w.client, w.instances[0], l.rooms[0].owner, sendMessage, vars{"id": l.answers[0].id, "chat": l.answers[0].chat, "content": "other"}, nil)
	r.limit(codeOf(err) != "", "the same id with other content: %v", err)
}

// sendOften sends one message many times at once while meanwhile runs. All must get the same answer.
func (l *traffic) sendOften(room room, meanwhile func()) {
	id := db.NewID()
	l.sentAt.Store(id, time.Now())
	answers := make([]sent, concurrentRetries)
	ok := make([]bool, concurrentRetries)
	var sending sync.WaitGroup
	for k := range answers {
		sending.Go(func() {
			ok[k] = l.runWithRetry(context.Background(), room, sendMessage, vars{"id": id, "chat": room.id, "content": "content of " + id}, k, &answers[k])
		})
	}
	meanwhile()
	sending.Wait()
	for k := range answers {
		if !ok[k] || answers[k] != answers[0] || answers[k].SendMessage.Message.ID != id {
			l.r.Errorf("retry %d of %s: answered %t, %+v; the first %+v", k, id, ok[k], answers[k], answers[0])
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers = append(l.answers, answered{room.id, id, answers[0].SendMessage.Message.Seq})
}

const listChats = `{ chats(first: 20) { edges { node { id } } } }`

// membership removes members and deletes chats under load, while Pub/Sub connections are killed.
func membership(r *record) {
	r.Fault = "every second member and the users of two feeds removed, then every second chat deleted, with CLIENT KILL TYPE pubsub meanwhile"
	w := newWorld(r, setting{})
	l := w.newTraffic(r)
	l.start()
	client, stop := admin(r, w.redis.Addr()), make(chan struct{})
	var cutting sync.WaitGroup
	cutting.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(400 * time.Millisecond):
				client.ClientKillByFilter(context.Background(), "TYPE", "pubsub")
			}
		}
	})
	pause(r.calm / 2)
	asked, leaked := l.removeSome()
	pause(r.calm / 2)
	a, b := l.deleteSome()
	asked, leaked = asked+a, leaked+b
	pause(r.calm / 2)
	close(stop)
	cutting.Wait()
	l.judge()
	ended := 0
	for _, s := range l.subscribers {
		if over, _ := s.ended(); over {
			ended++
		}
	}
	r.Stale = leaked
	r.limit(ended >= r.subscribers/2, "%d streams of %d ended with their last event", ended, r.subscribers)
	r.limit(leaked == 0, "%d queries by former members, over all instances, begun after the answer: %d returned the chat", asked, leaked)
}

// removeSome removes every second member of all chats concurrently, and two users of the feeds.
func (l *traffic) removeSome() (asked, leaked int) {
	var mu sync.Mutex
	var removing sync.WaitGroup
	for n, room := range l.rooms {
		removing.Go(func() {
			users := l.feedsOf(n)
			users = slices.DeleteFunc(users, func(user string) bool { return user != feeder(0) && user != feeder(1) })
			for k := 0; k < l.r.subscribers/l.r.chats; k += 2 {
				users = append(users, member(n, k))
			}
			for _, user := range users {
				pause(rand.N(50 * time.Millisecond))
				if !l.runWithRetry(context.Background(), room, dropMember, vars{"chat": room.id, "user": user}, rand.IntN(3), nil) {
					continue
				}
				a, b := l.visible(user, room.id)
				mu.Lock()
				asked, leaked = asked+a, leaked+b
				mu.Unlock()
			}
		})
	}
	removing.Wait()
	return asked, leaked
}

// deleteSome deletes every second chat.
func (l *traffic) deleteSome() (asked, leaked int) {
	for n, room := range l.rooms {
		if n%2 == 0 {
			continue
		}
		room.gone.Store(true)
		if l.runWithRetry(context.Background(), room, deleteChat, vars{"id": room.id}, rand.IntN(3), nil) {
			a, b := l.visible(member(n, 1), room.id)
			asked, leaked = asked+a, leaked+b
		}
	}
	return asked, leaked
}

// visible queries every instance for a chat that the user may not see, by id and in the list.
func (l *traffic) visible(user, chat string) (asked, leaked int) {
	for n, i := range l.w.instances {
		asked += 2
		err := post(l.r.Context(), l.w.client, i, user, readChat, vars{"id": chat}, nil)
		if codeOf(err) != "NOT_FOUND" {
			l.problem(fmt.Sprintf("%s reads %s at instance %d: %v", user, chat, n, err))
			leaked++
		}
		var list struct {
			Chats struct {
				Edges []struct{ Node struct{ ID string } }
			}
		}
		if err := post(l.r.Context(), l.w.client, i, user, listChats, nil, &list); err != nil {
			l.problem(fmt.Sprintf("%s lists at instance %d: %v", user, n, err))
		}
		for _, edge := range list.Chats.Edges {
			if edge.Node.ID == chat {
				l.problem(fmt.Sprintf("%s lists %s at instance %d", user, chat, n))
				leaked++
			}
		}
	}
	return asked, leaked
}
