// Package bench measures the server beside what the machine can do at best (peer/floor), gqlgen as it comes (peer/gqlgen), Mercurius
// (peer/mercurius) and an earlier commit, and writes results.json and the tables of docs/performance.md. All of it is tests, which
// run when -scale says so: see `make bench`.
//
// It is part of the server's module. Lint, vet and the compiler see it with the packages that it uses, and one go.mod stays tidy
// instead of two. The one library that it alone needs (gws, the floor of fan-out) is not linked into the server, which a test checks.
package bench
