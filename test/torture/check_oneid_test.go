package torture

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"studychat/db"
)

// contender tries to create an object with the id.
type contender struct {
	user, document string
	v              vars
	kind           string // what the id names if this contender wins
}

// oneID makes several users give one id to chats and messages at the same moment, at different instances. The id may
// name only one object, for everybody.
func oneID(r *record) {
	w := newWorld(r, setting{})
	people := []string{"ann", "bob", "cid", "dan"}
	homes := map[string]string{} // one chat per user, which the others may see
	for _, user := range people {
		homes[user] = db.NewID()
		w.must(user, createChat, vars{"id": homes[user], "title": "Home of " + user}, nil)
		for _, guest := range people {
			if guest != user {
				w.must(user, addMember, vars{"chat": homes[user], "user": guest}, nil)
			}
		}
	}
	r.Fault = fmt.Sprintf("%d ids, each given to a chat and a message, or to two chats and two messages, at the same moment by different users at different instances", r.ids)
	won := map[string]int{}
	problems := 0
	for n := range r.ids {
		id := db.NewID()
		all := contenders(id, people, homes)
		if n%2 == 0 {
			all = all[:2]
		}
		kind, problem := contend(r, w, n, id, all)
		if problem != "" {
			problems++
			r.Errorf("%s, round %d: %s", id, n, problem)
		}
		won[kind]++
	}
	r.Load = fmt.Sprintf("4 users, %d instances; a chat won %d times, a message %d times", len(w.instances), won["Chat"], won["Message"])
	r.limit(problems == 0, "%d of %d ids did not name exactly one object", problems, r.ids)
	r.limit(won["Chat"] > 0 && won["Message"] > 0, "kinds that won the race: %v", slices.Sorted(maps.Keys(won)))
}

func contenders(id string, people []string, homes map[string]string) []contender {
	var all []contender
	for n, user := range people {
		if n%2 == 0 {
			all = append(all, contender{user, createChat, vars{"id": id, "title": "Of " + user}, "Chat"})
			continue
		}
		all = append(all, contender{user, sendMessage, vars{"id": id, "chat": homes[user], "content": "of " + user}, "Message"})
	}
	return all
}

// contend sends all requests at the same moment, then queries the id for every user, and describes any problem.
func contend(r *record, w *world, n int, id string, all []contender) (kind, problem string) {
	ask := func(k, at int) error {
		return post(r.Context(), w.client, w.instances[at%len(w.instances)], all[k].user, all[k].document, all[k].v, nil)
	}
	answers := make([]error, len(all))
	gate := make(chan struct{})
	var asking sync.WaitGroup
	for k := range all {
		asking.Go(func() {
			<-gate
			answers[k] = ask(k, n+k)
		})
	}
	close(gate)
	asking.Wait()
	if problem := judgeOneID(answers); problem != "" {
		return "", fmt.Sprintf("%s: %v", problem, answers)
	}
	winner := slices.Index(answers, nil)
	for k := range all { // a retry is safe and has the same outcome at every instance
		if again := ask(k, n+k+1); codeOf(again) != codeOf(answers[k]) || (again == nil) != (k == winner) {
			return "", fmt.Sprintf("%s was answered %v, and once more %v", all[k].user, answers[k], again)
		}
	}
	return all[winner].kind, w.names(r, id, all[winner], all)
}

// judgeOneID describes what is wrong with the answers to the requests for one id.
func judgeOneID(answers []error) string {
	stand := 0
	for _, err := range answers {
		switch {
		case err == nil:
			stand++
		case codeOf(err) != "CONFLICT":
			return "an answer that is neither success nor CONFLICT"
		}
	}
	if stand != 1 {
		return fmt.Sprintf("%d stand", stand)
	}
	return ""
}

const readNode = `query ($id: ID!) { node(id: $id) { __typename id ... on Chat { title } ... on Message { content author { id } } } }`

// names queries every instance for the id on behalf of every user and describes any problem. Everybody sees messages;
// only its owner sees a chat.
func (w *world) names(r *record, id string, winner contender, all []contender) string {
	type object struct {
		Kind    string `json:"__typename"`
		ID      string `json:"id"`
		Title   string `json:"title"`
		Content string `json:"content"`
		Author  person `json:"author"`
	}
	want := object{Kind: winner.kind, ID: id, Title: "Of " + winner.user}
	if winner.kind == "Message" {
		want = object{Kind: "Message", ID: id, Content: "of " + winner.user, Author: personOf(winner.user)}
	}
	for _, asks := range all {
		for n, i := range w.instances {
			var answer struct{ Node object }
			err := post(r.Context(), w.client, i, asks.user, readNode, vars{"id": id}, &answer)
			if winner.kind == "Chat" && asks.user != winner.user {
				if codeOf(err) != "NOT_FOUND" {
					return fmt.Sprintf("%s, who is not a member, is shown %+v, %v", asks.user, answer.Node, err)
				}
				continue
			}
			if err != nil || answer.Node != want {
				return fmt.Sprintf("%s at instance %d is shown %+v, %v; want %+v", asks.user, n, answer.Node, err, want)
			}
		}
	}
	return ""
}
