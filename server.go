// Command studychat is the backend of a study chat: GraphQL over HTTP, WebSocket and SSE, on PostgreSQL or SQLite, with
// Redis where there is one.
package main

import (
	"os"

	"studychat/app"
)

func main() { os.Exit(app.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) }
