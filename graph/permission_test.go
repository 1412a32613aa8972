package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
)

// The people of the test. Names of those who are in the chat are as secret as its text.
const (
	owner           = "SECRET-owner"
	member          = "SECRET-member"
	nonMember       = "eve"
	exMember        = "xan" // was added, sent a message, and was removed
	tutor           = "tutor"
	unauthenticated = ""
	clerk           = "clerk" // may write modules and users
)

var outsiders = map[string]string{
	nonMember: "a non-member", tutor: "a non-member with the scope assistant", exMember: "an ex-member", unauthenticated: "unauthenticated",
}

// anyones are the root fields that need no chat of somebody else: what outsiders get of them is tested one by one below.
// Every other root field must refuse them, one that the schema gains tomorrow too.
var anyones = []string{
	"Query.viewer", "Query.chats", "Query.modules", "Query.module", "Query.nodes", "Mutation.createChat", "Mutation.clearChats",
}

// private is an edge with a chat of others, and what was in it before anybody outside asked for it.
type private struct {
	*edge
	before string
}

func newPrivate(t *testing.T) *private {
	t.Helper()
	e := newEdge(t)
	e.must(owner, createDocument, vars{"id": chat1, "title": "SECRET title", "module": "math-2"})
	e.must(owner, addDocument, vars{"chat": chat1, "user": member})
	e.must(owner, addDocument, vars{"chat": chat1, "user": exMember})
	e.must(owner, sendDocument, vars{"id": message1, "chat": chat1, "content": "SECRET question"})
	e.must(exMember, sendDocument, vars{"id": message2, "chat": chat1, "content": "SECRET even to the author"})
	e.must(owner, `mutation { removeMember(input: {chatId: "`+chat1+`", userId: "`+exMember+`"}) { chat { id } } }`, nil)
	e.must(member, sendDocument, vars{"id": message3, "chat": chat1, "content": "SECRET answer"})
	p := &private{edge: e}
	p.before = p.stored()
	return p
}

// stored is all that is kept of the chat: body, members, log, read marks.
func (p *private) stored() string {
	p.t.Helper()
	ctx := p.t.Context()
	chat, err := p.repo.Chat(ctx, owner, chat1)
	if err != nil {
		p.t.Fatal(err)
	}
	log, err := p.repo.Log(ctx, chat1, 0, 1000)
	if err != nil {
		p.t.Fatal(err)
	}
	all := []any{chat, log}
	for _, user := range []string{owner, member} {
		states, err := p.repo.ViewerStates(ctx, user, []string{chat1})
		if err != nil {
			p.t.Fatal(err)
		}
		all = append(all, states)
	}
	for _, user := range []string{nonMember, exMember, tutor} {
		list, err := p.repo.Chats(ctx, user, nil, db.Page{Limit: 10})
		if err != nil {
			p.t.Fatal(err)
		}
		list.Cursor = db.FeedCursor{} // it tells the time of the read
		all = append(all, list)
	}
	text, err := json.Marshal(all)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// answer runs an operation as user and returns the answer, byte for byte; of a stream that begins, the first item.
func (p *private) answer(user string, op operation) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), waitLong)
	defer cancel()
	accept := "application/json"
	if op.kind == ast.Subscription {
		accept = "text/event-stream"
	}
	response := p.post(ctx, user, accept, op.document, op.vars)
	defer response.Body.Close()
	body, err := readAnswer(response, op.kind)
	if err != nil {
		p.t.Fatalf("%s as %q: %v, after %q", op.name, user, err, body)
	}
	return body
}

func readAnswer(response *http.Response, kind ast.Operation) (string, error) {
	if kind != ast.Subscription {
		body, err := io.ReadAll(response.Body)
		return string(body), err
	}
	var all bytes.Buffer
	for buffer := make([]byte, 4096); ; {
		n, err := response.Body.Read(buffer)
		all.Write(buffer[:n])
		if _, item, ok := strings.Cut(all.String(), "data: "); ok {
			if item, _, whole := strings.Cut(item, "\n"); whole {
				return item, nil
			}
		}
		if err != nil {
			return all.String(), err
		}
	}
}

// codes are the codes of the answer's errors; hasData says whether there is anything beside them.
func codes(t *testing.T, answer string) (codes []string, hasData bool) {
	t.Helper()
	var body struct {
		Data   map[string]any
		Errors []struct{ Extensions struct{ Code string } }
	}
	if err := json.Unmarshal([]byte(answer), &body); err != nil {
		t.Fatalf("%v in %q", err, answer)
	}
	for _, e := range body.Errors {
		codes = append(codes, e.Extensions.Code)
	}
	for _, value := range body.Data {
		hasData = hasData || value != nil
	}
	return codes, hasData
}

// reachesFor are the targets that every operation is made with: everything of the chat of others that has an id.
func reachesFor(viewer string) []target {
	return []target{
		{viewer: viewer, chat: chat1, message: message1, node: chat1, role: "USER"},
		{viewer: viewer, chat: chat1, message: message2, node: message1, role: "USER", newMessage: message3},
		{viewer: viewer, chat: chat1, message: message3, node: message2, role: "ASSISTANT", newMessage: message2},
	}
}

// never are ids that never existed. Each is as long as the id that it replaces.
var never = strings.NewReplacer(
	chat1, "00000000-0000-7000-8000-00000000eee1",
	message1, "00000000-0000-7000-8000-00000000eea1",
	message2, "00000000-0000-7000-8000-00000000eea2",
	message3, "00000000-0000-7000-8000-00000000eea3",
	db.Cursor{ChatID: chat1, Epoch: 1}.String(), db.Cursor{ChatID: "00000000-0000-7000-8000-00000000eee1", Epoch: 1}.String(),
)

// TestPermission: every root field, and every field of a chat and of a message, on all ways to it, asked for by everyone
// who may not. Nothing is told, nothing changes, and a chat that never was answers the same to the byte.
func TestPermission(t *testing.T) {
	t.Parallel()
	for viewer, who := range outsiders {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			p := newPrivate(t)
			asked := 0
			for _, reach := range reachesFor(viewer) {
				for _, op := range operations(t, reach) {
					if viewer != unauthenticated && slices.Contains(anyones, op.root) {
						continue
					}
					p.refuses(viewer, op)
					asked++
				}
			}
			if asked < 100 {
				t.Errorf("only %d operations were made out of the schema", asked)
			}
			t.Logf("%d operations", asked)
		})
	}
}

func (p *private) refuses(viewer string, op operation) {
	p.t.Helper()
	answer := p.answer(viewer, op)
	got, hasData := codes(p.t, answer)
	allowed := []string{string(db.CodeNotFound), string(db.CodeForbidden)}
	if viewer == unauthenticated {
		allowed = []string{string(db.CodeUnauthenticated)}
	}
	if len(got) == 0 || slices.ContainsFunc(got, func(code string) bool { return !slices.Contains(allowed, code) }) {
		p.t.Errorf("%s: codes %v\n%s\n%s", op.name, got, op.document, answer)
	}
	if hasData || strings.Contains(answer, "SECRET") {
		p.t.Errorf("%s tells\n%s", op.name, answer)
	}
	elsewhere := op
	elsewhere.vars = vars{}
	text, _ := json.Marshal(op.vars)
	if err := json.Unmarshal([]byte(never.Replace(string(text))), &elsewhere.vars); err != nil {
		p.t.Fatal(err)
	}
	if nothing := p.answer(viewer, elsewhere); nothing != never.Replace(answer) {
		p.t.Errorf("%s tells a chat of others\n%s\nfrom one that never was\n%s", op.name, answer, nothing)
	}
	if op.kind == ast.Mutation && p.stored() != p.before {
		p.t.Fatalf("%s changed the chat to\n%s\nfrom\n%s", op.name, p.stored(), p.before)
	}
}

// TestPermissionControl: the same operations by those who may, each on a fresh chat, succeed. Else a document that is
// not valid, or a value that is refused, would have passed for a refusal.
func TestPermissionControl(t *testing.T) {
	t.Parallel()
	insiders := map[string]string{
		"Mutation.leaveChat": member, // the owner cannot leave
		"Mutation.putModule": clerk, "Mutation.deleteModule": clerk, "Mutation.upsertUser": clerk,
	}
	quiet := []string{
		"clearChats", "createChat", "leaveChat", "deleteChat", "deleteMessage", "editMessage", "sendMessage", "setTyping",
		"putModule", "deleteModule", "upsertUser", "Query.module", "Query.modules",
	}
	outside := []string{"Mutation.createChat", "Mutation.setTyping", "Mutation.putModule", "Mutation.deleteModule", "Mutation.upsertUser"}
	reading := newPrivate(t)
	for _, node := range []string{chat1, message1} {
		reach := target{viewer: "new", chat: chat1, message: message1, node: node, role: "USER", newMessage: db.NewID()}
		for _, op := range operations(t, reach) {
			p := reading
			if op.kind == ast.Mutation {
				p = newPrivate(t)
			}
			who := owner
			if insider, ok := insiders[op.root]; ok {
				who = insider
			}
			answer := p.answer(who, op)
			failures, hasData := codes(t, answer)
			if len(failures) > 0 || !hasData {
				t.Errorf("%s by %s:\n%s\n%s", op.name, who, op.document, answer)
			}
			whole := op.on == "" && !slices.Contains(quiet, strings.TrimPrefix(op.root, "Mutation."))
			if whole && !strings.Contains(answer, "SECRET") {
				t.Errorf("%s shows its owner nothing that could leak:\n%s", op.name, answer)
			}
			if op.kind == ast.Mutation && !slices.Contains(outside, op.root) && p.changed() == "" {
				t.Errorf("%s changed nothing that the test would see", op.name)
			}
		}
	}
}

// changed says how the chat differs from how it was, or "".
func (p *private) changed() string {
	p.t.Helper()
	if _, err := p.repo.Chat(p.t.Context(), owner, chat1); db.CodeOf(err) == db.CodeNotFound {
		return "gone"
	}
	if now := p.stored(); now != p.before {
		return now
	}
	return ""
}

// TestOwnBusiness: the root fields that anyone may use show and touch nothing of others.
func TestOwnBusiness(t *testing.T) {
	t.Parallel()
	for _, viewer := range []string{nonMember, exMember, tutor} {
		t.Run(outsiders[viewer], func(t *testing.T) {
			t.Parallel()
			p := newPrivate(t)
			own := func(root, want string, reach target) {
				t.Helper()
				for _, op := range operations(t, reach) {
					if op.root != root {
						continue
					}
					answer := p.answer(viewer, op)
					if !strings.Contains(answer, want) || strings.Contains(answer, "SECRET") {
						t.Errorf("%s: %s\nwant %s", op.name, answer, want)
					}
					if now := p.changed(); root != "Mutation.createChat" && now != "" {
						t.Errorf("%s changed the chat of others to\n%s", op.name, now)
					}
				}
			}
			mine := target{viewer: viewer, chat: chat1, newChat: chat2}
			own("Query.chats", `"edges":[]`, mine)
			own("Query.viewer", `"id":"user:`+viewer+`"`, mine)
			mine.node = chat1
			own("Query.nodes", `"nodes":[null]`, mine)
			own("Mutation.clearChats", `"deletedChatIds":[]`, mine)
			mine.newChat = chat1
			own("Mutation.createChat", `"CONFLICT"`, mine) // by decision: an id that is in use cannot be chosen, even if its object belongs to another user
			mine.newChat = chat2
			own("Mutation.createChat", `"id":"user:`+viewer+`"`, mine)
			own("Mutation.clearChats", `"deletedChatIds":["`+chat2+`"]`, mine)
			if log, err := p.repo.Log(t.Context(), chat1, 0, 1000); err != nil || !strings.Contains(p.before, mustJSON(t, log)) {
				t.Errorf("the chat of others has another log: %v", err)
			}
		})
	}
}

func mustJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOutsidersAreNotSeen: who follows the chat sees nothing of what outsiders try.
func TestOutsidersAreNotSeen(t *testing.T) {
	t.Parallel()
	p := newPrivate(t)
	items := p.follow(owner, eventsDocument, vars{"chat": chat1})
	for viewer := range outsiders {
		for _, op := range operations(t, reachesFor(viewer)[0]) {
			if op.kind == ast.Mutation && !slices.Contains(anyones, op.root) {
				p.answer(viewer, op)
			}
		}
	}
	p.must(member, `mutation { setTyping(input: {chatId: "`+chat1+`", typing: true}) { chatId } }`, nil)
	typing := durable(t, items, 1)[0]
	if !strings.Contains(typing, `"TypingChanged"`) || !strings.Contains(typing, member) {
		t.Errorf("the first that the owner sees is\n%s", typing)
	}
}

// TestFeedOfOutsiders: the feed of all chats holds one's own chats alone; an ex-member's, no further than the removal.
func TestFeedOfOutsiders(t *testing.T) {
	t.Parallel()
	p := newPrivate(t)
	p.must(owner, `mutation { editMessage(input: {messageId: "`+message1+`", content: "LATER question"}) { message { id } } }`, nil)
	hourAgo := time.Now().Add(-time.Hour)
	for _, c := range []struct {
		viewer, reason string
		sees, never    []string
	}{
		{nonMember, "a non-member", nil, []string{"SECRET", "LATER", chat1}},
		{exMember, "an ex-member", []string{"MemberRemoved", message1, message2}, []string{"LATER", "SECRET answer", message3}},
		{member, "a member: the control", []string{"LATER question", "SECRET answer", message3}, nil},
	} {
		items := p.follow(c.viewer, eventsDocument, vars{"after": db.FeedCursor{User: c.viewer, Epoch: 1, At: hourAgo}.String()})
		p.must(c.viewer, createDocument, vars{"title": "one's own"})
		var seen string
		for missing := true; missing; {
			seen += durable(t, items, 1)[0]
			missing = slices.ContainsFunc(append(c.sees, "one's own"), func(what string) bool { return !strings.Contains(seen, what) })
		}
		for _, what := range c.never {
			if strings.Contains(seen, what) {
				t.Errorf("%s sees %s in\n%s", c.reason, what, seen)
			}
		}
	}
}

// TestPermissionKnowsTheSchema: what the schema gains is not passed over in silence.
func TestPermissionKnowsTheSchema(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: string(text)}, &ast.Source{Input: `
extend type Query { peek(message: ID!): Message }
extend type Message { translated(language: ID): String }
extend input RenameChatInput { icon: String }`})
	if err != nil {
		t.Fatal(err)
	}
	ops, unknown := generate(schema, target{node: chat1})
	slices.Sort(unknown)
	if want := []string{"Message.translated(language)", "Query.peek(message)", "RenameChatInput.icon"}; !slices.Equal(slices.Compact(unknown), want) {
		t.Errorf("the test does not know %v, want %v", unknown, want)
	}
	if !slices.ContainsFunc(ops, func(op operation) bool { return op.root == "Query.peek" }) {
		t.Error("the new root field is not asked for")
	}
}
