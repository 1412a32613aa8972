// Command gqlgen is a peer: a chat server as gqlgen comes, with its own handler, transports and document cache, in memory.
package main

import (
	"flag"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/bench/peer/gqlgen/generated"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	flag.Parse()
	api := handler.New(generated.NewExecutableSchema(generated.Config{Resolvers: newResolver()}))
	api.AddTransport(transport.Websocket{})
	api.AddTransport(transport.SSE{})
	api.AddTransport(transport.POST{})
	api.SetQueryCache(lru.New[*ast.QueryDocument](1000))
	http.Handle("/graphql", api)
	server := &http.Server{Addr: *addr, ReadHeaderTimeout: time.Minute}
	slog.Error("ended", "error", server.ListenAndServe())
	os.Exit(1)
}
