package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/Khan/genqlient/graphql"
	"github.com/coder/websocket"
)

// Event is what operations.graphql selects of a ChatEvent: one struct for all kinds, told apart by Kind.
type Event struct {
	Kind    string `json:"__typename"`
	Cursor  string
	ChatID  string
	Seq     int
	Message struct{ ID, Content string }
	Reason  string
}

// errRefused marks an answer that a retry would not change.
var errRefused = errors.New("refused")

// Follow calls each with every event after the cursor. After a disconnect it resumes from the cursor of the last one.
// It returns nil when the stream has completed.
func (c *Chats) Follow(ctx context.Context, chatID, after string, each func(Event)) error {
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := c.follow(ctx, chatID, after, func(e Event) {
			each(e)
			after = e.Cursor
			wait = time.Second
		})
		if err == nil || errors.Is(err, errRefused) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow runs one connection.
func (c *Chats) follow(ctx context.Context, chatID, after string, each func(Event)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	authorization, err := c.authorization(ctx)
	if err != nil {
		return err
	}
	address := strings.Replace(c.server, "http", "ws", 1) + "/graphql"
	socket := graphql.NewClientUsingWebSocket(address, c, graphql.WithConnectionParams(authorization))
	cut, err := socket.Start(ctx)
	if err != nil {
		return err
	}
	events, _, err := Follow(ctx, socket, chatID, after)
	if err != nil {
		return err
	}
	for {
		select {
		case e, more := <-events:
			if !more {
				cancel()
				<-cut // genqlient's reader waits until this is read
				return nil
			}
			if e.Data != nil {
				each(e.Data.ChatEvents)
			}
		case err := <-cut:
			return err
		}
	}
}

func (c *Chats) authorization(ctx context.Context) (map[string]any, error) {
	token, err := c.token(ctx)
	return map[string]any{"authorization": "Bearer " + token}, err
}

// DialContext opens the socket that genqlient speaks over.
func (c *Chats) DialContext(ctx context.Context, address string, _ http.Header) (graphql.WSConn, error) {
	conn, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	return socket{ctx, conn, c}, nil
}

type socket struct {
	ctx   context.Context
	conn  *websocket.Conn
	chats *Chats
}

// ReadMessage hides from genqlient 0.8 what it treats as an error: pings, which are answered here, with the next token
// when the server announces that this one ends; and refusals.
func (s socket) ReadMessage() (int, []byte, error) {
	for {
		kind, data, err := s.conn.Read(s.ctx)
		if err != nil {
			return 0, nil, err
		}
		var m struct {
			Type    string
			Payload json.RawMessage
		}
		if err := json.Unmarshal(data, &m); err != nil {
			return 0, nil, err
		}
		switch m.Type {
		case "ping":
			if err := s.answer(m.Payload); err != nil {
				return 0, nil, err
			}
		case "pong":
		case "error":
			return 0, nil, fmt.Errorf("%w: %s", errRefused, m.Payload)
		default:
			return int(kind), data, nil
		}
	}
}

func (s socket) answer(ping json.RawMessage) error {
	if err := s.WriteMessage(int(websocket.MessageText), []byte(`{"type":"pong"}`)); err != nil {
		return err
	}
	if !strings.Contains(string(ping), "tokenExpiresInMs") {
		return nil
	}
	authorization, err := s.chats.authorization(s.ctx)
	if err != nil {
		return err
	}
	renewal, err := json.Marshal(map[string]any{"type": "ping", "payload": authorization})
	if err != nil {
		return err
	}
	return s.WriteMessage(int(websocket.MessageText), renewal)
}

func (s socket) WriteMessage(_ int, data []byte) error {
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, data)
}

func (s socket) Close() error { return s.conn.Close(websocket.StatusNormalClosure, "") }
