// Package clients tests the server with the clients that people use, in their own languages: graphql-ws, graphql-sse,
// EventSource, graphql-http's audits, and every block of docs/clients.md (Apollo Client, urql, Relay, a store, fetch, Go).
//
// A test starts the real server as a child process, and a client as another. Clients only print what they see, a line of
// JSON each; what must be seen is said in Go, once for all of them.
package clients
