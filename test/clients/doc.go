// Package clients tests the server with widely used clients in their own languages: graphql-ws, graphql-sse,
// EventSource, graphql-http's audits, and every block of docs/clients.md (Apollo Client, urql, Relay, a store, fetch,
// Go).
//
// A test starts the real server and a client as child processes. Clients only print what they see, one line of JSON
// each; the expectations are in Go, once for all clients.
package clients
