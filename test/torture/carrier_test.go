package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// carrier is a transport for subscriptions.
type carrier int

const (
	overSocket carrier = iota // graphql-transport-ws, one socket per subscription
	overEvents                // Server-Sent Events, one response per subscription
	overSingle                // Server-Sent Events in single connection mode
	carriers
)

func (c carrier) String() string { return [...]string{"WebSocket", "SSE", "single-connection SSE"}[c] }

// subscription is an open subscription.
type subscription interface {
	// read returns the next frame of type "next", "error" or "complete".
	read(ctx context.Context) (frame, error)
	close()
}

// open subscribes to a chat, or to the feed when chat is "". ctx bounds the whole subscription over Server-Sent Events.
func (c carrier) open(ctx context.Context, client *http.Client, i *instance, user, chat, after string) (subscription, error) {
	switch c {
	case overEvents:
		return openEvents(ctx, client, i, user, chat, after)
	case overSingle:
		return openSingle(ctx, client, i, user, chat, after)
	}
	s, err := dialBy(ctx, client, i, user)
	if err != nil {
		return nil, err
	}
	if err := s.subscribe(ctx, "1", chat, after); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// stream sends a request and returns its response if the response has the expected status.
func (i *instance) stream(ctx context.Context, client *http.Client, user, method, path, reservation string, payload any, status int) (*http.Response, error) {
	body, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, i.address()+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if payload == nil {
		request.Body, request.ContentLength = http.NoBody, 0
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+token(user))
	if reservation != "" {
		request.Header.Set("X-GraphQL-Event-Stream-Token", reservation)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != status {
		_ = response.Body.Close()
		return nil, fmt.Errorf("%s %s: status %d", method, path, response.StatusCode)
	}
	return response, nil
}

// singleStream is one subscription on a stream of single connection mode
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md).
type singleStream struct{ *eventStream }

// openSingle reserves a stream, opens it and starts one operation.
func openSingle(ctx context.Context, client *http.Client, i *instance, user, chat, after string) (subscription, error) {
	const path = "/graphql/stream"
	reserved, err := i.stream(ctx, client, user, http.MethodPut, path, "", nil, http.StatusCreated)
	if err != nil {
		return nil, err
	}
	secret, err := io.ReadAll(reserved.Body)
	_ = reserved.Body.Close()
	if err != nil {
		return nil, err
	}
	opened, err := i.stream(ctx, client, user, http.MethodGet, path, string(secret), nil, http.StatusOK)
	if err != nil {
		return nil, err
	}
	s := singleStream{newEventStream(opened.Body)}
	operation := vars{"query": chatEvents, "variables": follows(chat, after), "extensions": vars{"operationId": "1"}}
	started, err := i.stream(ctx, client, user, http.MethodPost, path, string(secret), operation, http.StatusAccepted)
	if err != nil {
		s.close()
		return nil, err
	}
	_ = started.Body.Close()
	return s, nil
}

// read extracts the operation's frames. They have no id of Server-Sent Events, because operations share the stream.
func (s singleStream) read(context.Context) (frame, error) {
	for {
		f, err := s.block()
		if err != nil {
			return f, err
		}
		if f.Type == "" && f.sseID == "" {
			continue
		}
		inner, ok := f.inner()
		if !ok {
			f.fault = fmt.Errorf("not a frame of the operation: %s %q %s", f.Type, f.sseID, f.Payload)
			return f, nil
		}
		return inner, nil
	}
}

// inner returns the operation's frame inside an event of the stream.
func (f frame) inner() (frame, bool) {
	var inner frame
	err := json.Unmarshal(f.Payload, &inner)
	inner.Type = f.Type
	return inner, err == nil && inner.ID == "1" && f.sseID == ""
}
