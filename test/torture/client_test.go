package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/golang-jwt/jwt/v5"
)

const secret = "a secret of at least thirty-two bytes"

// authSettings make the servers require tokens. Rate limits and connection quotas are off, because a few owners at one
// address write everything here and the checks do not test these limits.
var authSettings = []string{
	"JWT_SECRET=" + secret, "JWT_ISSUER=torture", "JWT_AUDIENCE=studychat",
	"MUTATION_RATE=0", "ADDRESS_MUTATION_RATE=0", "CONNECTIONS_PER_USER=0", "CONNECTIONS_PER_ADDRESS=0",
}

var tokens sync.Map // by user

// token returns the user's token, valid for the whole run.
func token(user string) string {
	if found, ok := tokens.Load(user); ok {
		return found.(string)
	}
	signed := sign(jwt.MapClaims{"sub": user, "exp": time.Now().Add(time.Hour).Unix()})
	tokens.Store(user, signed)
	return signed
}

// sign makes a token that the servers accept.
func sign(claims jwt.MapClaims) string {
	claims["iss"], claims["aud"] = "torture", "studychat"
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		panic(err) // the algorithm and the key do not match
	}
	return signed
}

const (
	createChat  = `mutation ($id: ID, $title: String!) { createChat(input: {id: $id, title: $title}) { chat { id eventCursor } } }`
	deleteChat  = `mutation ($id: ID!) { deleteChat(input: {chatId: $id}) { deletedChatId } }`
	addMember   = `mutation ($chat: ID!, $user: ID!) { addMember(input: {chatId: $chat, userId: $user, invite: true}) { chat { eventCursor } } }`
	dropMember  = `mutation ($chat: ID!, $user: ID!) { removeMember(input: {chatId: $chat, userId: $user}) { chat { eventCursor } } }`
	sendMessage = `mutation ($id: ID, $chat: ID!, $content: String!) { sendMessage(input: {id: $id, chatId: $chat, content: $content}) { message { id seq content } } }`
	editMessage = `mutation ($id: ID!, $content: String!) { editMessage(input: {messageId: $id, content: $content}) { message { id } } }`
	readChat    = `query ($id: ID!) { chat(id: $id) { eventCursor lastMessage { seq } } }`
	chatEvents  = `subscription ($chat: ID, $after: String) { chatEvents(chatId: $chat, after: $after) { __typename cursor
  ... on DurableChatEvent { eventId chatId seq } ... on MessageSent { message { id content } } ... on MemberRemoved { user { id } } ... on MemberAdded { member { user { id } } }
  ... on StreamStarted { resumed } ... on StreamReset { resetChatId reason } } }`
)

type vars map[string]any

// failure is one error of a GraphQL response.
type failure struct {
	Message    string `json:"message"`
	Extensions struct {
		Code         string  `json:"code"`
		Field        string  `json:"field"`
		RetryAfterMs float64 `json:"retryAfterMs"`
	} `json:"extensions"`
}

func (f failure) Error() string { return f.Extensions.Code + ": " + f.Message }

// codeOf returns the code of a GraphQL error, or "" for any other error, such as a broken connection.
func codeOf(err error) string {
	f, _ := errors.AsType[failure](err)
	return f.Extensions.Code
}

// post runs an operation at the instance and decodes its data.
func post(ctx context.Context, client *http.Client, i *instance, user, document string, v vars, data any) error {
	body, err := json.Marshal(map[string]any{"query": document, "variables": v})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.address()+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token(user))
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []failure       `json:"errors"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("status %d: %q", response.StatusCode, raw)
	}
	if len(answer.Errors) > 0 {
		return answer.Errors[0]
	}
	if data == nil {
		return nil
	}
	return json.Unmarshal(answer.Data, data)
}

// sent is the data of sendMessage.
type sent struct {
	SendMessage struct {
		Message struct {
			ID      string `json:"id"`
			Seq     int64  `json:"seq"`
			Content string `json:"content"`
		} `json:"message"`
	} `json:"sendMessage"`
}

// frame is a message of the graphql-transport-ws protocol.
type frame struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`

	hasID bool   // the carrier gives each event its cursor as id
	sseID string // that id
	fault error  // what is wrong with the way in which it arrived
}

// socket is an acknowledged connection.
type socket struct{ conn *websocket.Conn }

func dial(ctx context.Context, i *instance, user string) (*socket, error) {
	return dialBy(ctx, nil, i, user)
}

// dialBy dials with the client; nil means the default one.
func dialBy(ctx context.Context, client *http.Client, i *instance, user string) (*socket, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, response, err := websocket.Dial(ctx, strings.Replace(i.address(), "http", "ws", 1)+"/graphql",
		&websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPClient: client})
	if err != nil {
		return nil, err
	}
	if response.Body != nil {
		_ = response.Body.Close()
	}
	conn.SetReadLimit(1 << 20)
	s := &socket{conn}
	err = s.write(ctx, frame{Type: "connection_init"}, vars{"Authorization": "Bearer " + token(user)})
	if err == nil {
		_, err = s.read(ctx)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) close() { _ = s.conn.CloseNow() }

func (s *socket) write(ctx context.Context, f frame, payload any) error {
	raw, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	if payload != nil {
		f.Payload = raw
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return wsjson.Write(ctx, s.conn, f)
}

func (s *socket) subscribe(ctx context.Context, id, chat, after string) error {
	return s.write(ctx, frame{ID: id, Type: "subscribe"}, vars{"query": chatEvents, "variables": follows(chat, after)})
}

// follows returns the variables of chatEvents.
func follows(chat, after string) vars {
	v := vars{}
	if chat != "" {
		v["chat"] = chat
	}
	if after != "" {
		v["after"] = after
	}
	return v
}

// read answers pings and returns the next other frame.
func (s *socket) read(ctx context.Context) (frame, error) {
	for {
		var f frame
		if err := wsjson.Read(ctx, s.conn, &f); err != nil {
			return f, err
		}
		if f.Type != "ping" {
			return f, nil
		}
		if err := s.write(ctx, frame{Type: "pong"}, nil); err != nil {
			return f, err
		}
	}
}

// event is an event of chatEvents or the feed.
type event struct {
	Kind    string `json:"__typename"`
	Cursor  string `json:"cursor"`
	EventID string `json:"eventId"`
	ChatID  string `json:"chatId"`
	Seq     int64  `json:"seq"`
	User    person `json:"user"`
	Resumed bool   `json:"resumed"`     // of a StreamStarted
	ResetOf string `json:"resetChatId"` // chat of a StreamReset; "" means the whole feed
	Reason  string `json:"reason"`
	Message struct {
		ID string `json:"id"`
	} `json:"message"`
	Member struct {
		User person `json:"user"`
	} `json:"member"`
}

// person is a user as the schema returns it.
type person struct {
	ID string `json:"id"`
}

// personOf returns the user of a subject.
func personOf(subject string) person { return person{"user:" + subject} }

// durable reports whether the event has a number.
func (e event) durable() bool { return e.Seq > 0 }

// ends reports whether the user's stream of the chat ends with the event.
func (e event) ends(user string) bool {
	return e.Kind == "ChatDeleted" || e.Kind == "MemberRemoved" && e.User == personOf(user)
}

// decode returns the event of a "next" frame, or the error of an "error" frame.
func (f frame) decode() (event, error) {
	if f.fault != nil {
		return event{}, f.fault
	}
	if f.Type == "error" {
		var errs []failure
		if err := json.Unmarshal(f.Payload, &errs); err != nil || len(errs) == 0 {
			return event{}, fmt.Errorf("invalid error: %s", f.Payload)
		}
		return event{}, errs[0]
	}
	var payload struct {
		Data struct {
			ChatEvents *event `json:"chatEvents"`
		} `json:"data"`
		Errors []failure `json:"errors"`
	}
	if err := json.Unmarshal(f.Payload, &payload); err != nil {
		return event{}, fmt.Errorf("%s %s: %w", f.Type, f.Payload, err)
	}
	if len(payload.Errors) > 0 {
		return event{}, payload.Errors[0]
	}
	if payload.Data.ChatEvents == nil {
		return event{}, fmt.Errorf("no event: %s %s", f.Type, f.Payload)
	}
	e := *payload.Data.ChatEvents
	if e.Cursor == "" || f.hasID && f.sseID != e.Cursor {
		return e, fmt.Errorf("%s with the cursor %q has the id %q", e.Kind, e.Cursor, f.sseID)
	}
	return e, nil
}
