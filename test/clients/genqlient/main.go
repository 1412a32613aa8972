// Command genqlient drives the example of docs/clients.md (chat.go, follow.go and operations.graphql) and reports what
// it sees like the scripts of test/clients/node.
//
//go:generate go tool genqlient
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

func main() {
	go func() { // the test holds standard input: exit when it ends
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	chats := NewChats(os.Getenv("SERVER"), token)
	ctx, err := context.Background(), error(nil)
	switch os.Args[1] {
	case "ask":
		err = ask(ctx, chats, os.Getenv("CHAT"))
	case "follow":
		http.DefaultTransport = counting{http.DefaultTransport}
		err = chats.Follow(ctx, os.Getenv("CHAT"), os.Getenv("AFTER"), func(e Event) {
			report(map[string]any{"kind": "event", "event": map[string]any{
				"__typename": e.Kind, "seq": e.Seq, "message": map[string]any{"content": e.Message.Content},
			}})
		})
		if err == nil {
			report(map[string]any{"kind": "complete"})
		}
	}
	if err != nil {
		report(map[string]any{"kind": "error", "text": err.Error()})
	}
}

// counting reports each attempt to open a socket.
type counting struct{ http.RoundTripper }

// RoundTrip reports, and passes the request on.
func (c counting) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Header.Get("Upgrade") != "" {
		report(map[string]any{"kind": "connecting"})
	}
	return c.RoundTripper.RoundTrip(request)
}

// ask loads a chat, sends a message, loads again, and sends a message that is refused.
func ask(ctx context.Context, chats *Chats, chat string) error {
	before, err := LoadChat(ctx, chats, chat)
	if err != nil {
		return err
	}
	sent, err := Send(ctx, chats, SendMessageInput{ChatId: chat, Content: "from genqlient"})
	if err != nil {
		return err
	}
	after, err := LoadChat(ctx, chats, chat)
	if err != nil {
		return err
	}
	_, refused := Send(ctx, chats, SendMessageInput{ChatId: chat, Content: " "})
	report(map[string]any{
		"kind": "asked", "title": before.Chat.Title, "cursor": before.Chat.EventCursor,
		"sent": sent.SendMessage.Message.Content, "messages": len(after.Chat.Messages.Edges), "code": codeOf(refused),
	})
	return nil
}

func token(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("TOKENS"), http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func report(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(text))
}
