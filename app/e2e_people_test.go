package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// bearing returns the same server for a user whose token was issued this long ago and has further claims.
func (i *instance) bearing(user string, issued time.Duration, more jwt.MapClaims) *instance {
	i.t.Helper()
	claims := jwt.MapClaims{
		"iss": "test", "aud": "studychat", "sub": user, "iat": time.Now().Add(-issued).Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, value := range more {
		claims[name] = value
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(testSecret))
	if err != nil {
		i.t.Fatal(err)
	}
	other := *i
	other.token = signed
	return &other
}

// eachWorldWithTokens is eachWorld with servers that require tokens.
func eachWorldWithTokens(t *testing.T, test func(t *testing.T, i *instance)) {
	t.Helper()
	for _, w := range worlds() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t, append(withTokens(), w.settings(t)...)...))
		})
	}
}

const (
	addKnown    = `mutation ($chat: ID!, $user: ID!) { addMember(input: {chatId: $chat, userId: $user}) { member { user { id name avatarUrl } } } }`
	readPeople  = `query ($id: ID!) { viewer { id name avatarUrl } chat(id: $id) { createdBy { name } lastMessage { author { id name avatarUrl } } members { user { id name avatarUrl } } } }`
	peopleLive  = `subscription ($chat: ID!, $after: String) { chatEvents(chatId: $chat, after: $after) { __typename ... on MessageSent { actor { id name avatarUrl } message { author { name } } } } }`
	upsertUser  = `mutation ($user: ID!, $name: String!, $picture: String) { upsertUser(input: {userId: $user, name: $name, avatarUrl: $picture}) { user { id name avatarUrl } } }`
	viewerNamed = `{ viewer { id name avatarUrl } }`
)

func shown(id, name string, picture any) map[string]any {
	return map[string]any{"id": "user:" + id, "name": name, "avatarUrl": picture}
}

func wantEqual(t *testing.T, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// TestNamesOfTokens checks that everybody sees the claims of a user's token, as viewer, author, actor and member.
func TestNamesOfTokens(t *testing.T) {
	t.Parallel()
	eachWorldWithTokens(t, func(t *testing.T, i *instance) {
		const picture = "https://pictures.example/ann.png"
		ann := i.bearing("ann", time.Hour, jwt.MapClaims{"name": " Ann Example ", "picture": picture})
		bob := i.bearing("bob", time.Hour, nil)
		wantEqual(t, "ann to herself", ann.must(viewerNamed, nil).at("viewer"), shown("ann", "Ann Example", picture))
		chat, cursor := ann.newChat()
		if a := ann.ask(addKnown, vars{"chat": chat, "user": "bob"}); a.code() != "NOT_FOUND" {
			t.Errorf("a user who never signed in was added: %s", a.raw)
		}
		wantEqual(t, "bob, who has no name,", bob.must(viewerNamed, nil).at("viewer"), shown("bob", "bob", nil))
		added := ann.must(addKnown, vars{"chat": chat, "user": "user:bob"})
		wantEqual(t, "the member", added.at("addMember", "member", "user"), shown("bob", "bob", nil))
		ann.message(chat, "hello")

		a := bob.must(readPeople, vars{"id": chat})
		wantEqual(t, "the author to bob", a.at("chat", "lastMessage", "author"), shown("ann", "Ann Example", picture))
		wantEqual(t, "the chat's creator", a.at("chat", "createdBy", "name"), "Ann Example")
		members := a.at("chat", "members").([]any)
		wantEqual(t, "the first member", members[0].(map[string]any)["user"], shown("ann", "Ann Example", picture))
		for e := range bob.events(operation(peopleLive, vars{"chat": chat, "after": cursor})) {
			if strings.Contains(e, "MessageSent") {
				if !strings.Contains(e, `"actor":{"id":"user:ann","name":"Ann Example","avatarUrl":"`+picture+`"}`) || !strings.Contains(e, `"author":{"name":"Ann Example"}`) {
					t.Errorf("bob's stream has %s", e)
				}
				break
			}
		}

		// A newer token has another name and no picture. An older token arrives late.
		newer := i.bearing("ann", time.Minute, jwt.MapClaims{"name": "Ann Other"})
		wantEqual(t, "ann by a newer token", newer.must(viewerNamed, nil).at("viewer", "name"), "Ann Other")
		wantEqual(t, "ann by the old token", ann.must(viewerNamed, nil).at("viewer", "name"), "Ann Other")
		wantEqual(t, "the author, later", bob.must(readPeople, vars{"id": chat}).at("chat", "lastMessage", "author", "name"), "Ann Other")
	})
}

// TestNamesThatAreNone checks that an unusable name or picture counts as absent and does not invalidate the token.
func TestNamesThatAreNone(t *testing.T) {
	t.Parallel()
	i := start(t, append(withTokens(), "DATABASE_URL=sqlite::memory:")...)
	for n, claims := range []jwt.MapClaims{
		{"name": 7, "picture": []string{"https://pictures.example"}},
		{"name": "", "picture": ""},
		{"name": strings.Repeat("x", 201), "picture": "javascript:alert(1)"},
		{"name": "a\x00b", "picture": "/relative.png"},
		{"name": "\u200b \t", "picture": "https://user:password@pictures.example/x.png"},
	} {
		user := fmt.Sprint("user-", n)
		a := i.bearing(user, time.Hour, claims).must(viewerNamed, nil)
		wantEqual(t, fmt.Sprint("the viewer with ", claims), a.at("viewer"), shown(user, user, nil))
	}
}

// TestUpsertUser checks that the scope permits writing names, and that a user's own token overrides them once its
// claims change.
func TestUpsertUser(t *testing.T) {
	t.Parallel()
	eachWorldWithTokens(t, func(t *testing.T, i *instance) {
		directory := i.bearing("directory", time.Hour, jwt.MapClaims{"scope": "users modules"})
		ann := i.bearing("ann", time.Hour, jwt.MapClaims{"name": "Ann", "scope": "modules assistant"})
		for _, user := range []string{"ann", "bob", "user:ann"} {
			if a := ann.ask(upsertUser, vars{"user": user, "name": "Nobody"}); a.code() != "FORBIDDEN" || a.at("upsertUser") != nil {
				t.Errorf("without the scope, of %s: %s", user, a.raw)
			}
		}
		wantEqual(t, "ann by her token", ann.must(viewerNamed, nil).at("viewer", "name"), "Ann")

		const picture = "https://directory.example/ann.png"
		written := directory.must(upsertUser, vars{"user": "user:ann", "name": "Dr. Ann", "picture": picture})
		wantEqual(t, "the answer to upsertUser", written.at("upsertUser", "user"), shown("ann", "Dr. Ann", picture))
		wantEqual(t, "ann by the same token as before", ann.must(viewerNamed, nil).at("viewer"), shown("ann", "Dr. Ann", picture))
		again := i.bearing("ann", time.Minute, jwt.MapClaims{"name": "Ann"})
		wantEqual(t, "ann by a fresh token that says the same", again.must(viewerNamed, nil).at("viewer", "name"), "Dr. Ann")
		married := i.bearing("ann", time.Second, jwt.MapClaims{"name": "Ann Wed"})
		wantEqual(t, "ann by a token that says something else", married.must(viewerNamed, nil).at("viewer", "name"), "Ann Wed")

		// Users who never signed in are known from then on.
		directory.must(upsertUser, vars{"user": "cid", "name": "Cid"})
		chat, _ := ann.newChat()
		a := ann.must(addKnown, vars{"chat": chat, "user": "cid"})
		wantEqual(t, "a user who never signed in", a.at("addMember", "member", "user"), shown("cid", "Cid", nil))

		for field, v := range map[string]vars{
			"name":      {"user": "ann", "name": " \n "},
			"avatarUrl": {"user": "ann", "name": "Ann", "picture": "ftp://directory.example/ann.png"},
			"userId":    {"user": " ", "name": "Ann"},
		} {
			if a := directory.ask(upsertUser, v); a.code() != "BAD_USER_INPUT" || a.Errors[0].Extensions["field"] != field {
				t.Errorf("%v: %s", v, a.raw)
			}
		}
	})
}
