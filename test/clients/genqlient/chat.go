package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/Khan/genqlient/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Chats talks to a server as one user.
type Chats struct {
	server string                                    // https://chat.example
	token  func(ctx context.Context) (string, error) // asked for each request and connection
	graphql.Client
}

// NewChats returns a client for queries and mutations; Follow opens a socket of its own.
func NewChats(server string, token func(context.Context) (string, error)) *Chats {
	c := &Chats{server: server, token: token}
	c.Client = graphql.NewClient(server+"/graphql", c)
	return c
}

// Do adds the token to a request.
func (c *Chats) Do(request *http.Request) (*http.Response, error) {
	token, err := c.token(request.Context())
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	return http.DefaultClient.Do(request)
}

// codeOf returns the code of an error: genqlient has one type for answers of status 200 and another for the rest.
func codeOf(err error) any {
	list, _ := errors.AsType[gqlerror.List](err)
	if other, ok := errors.AsType[*graphql.HTTPError](err); ok {
		list = other.Response.Errors
	}
	if len(list) == 0 {
		return nil
	}
	return list[0].Extensions["code"]
}
