// Package state holds one random test of hub, cache and store together, and nothing that ships.
//
// A machine (machine_test.go) lets writers, readers and subscribers, of chats and of feeds, act at random on three instances, while everything
// that may fail does. What they saw goes into a history, and validators (history_test.go, checks_test.go) check it, one for
// each promise. The same machine runs in two worlds: in memory, in the bubble of testing/synctest, with a thousand
// seeds (world_memory_test.go), and against real redis-server and PostgreSQL processes (world_real_test.go). Wrong hubs,
// caches and counters go through the same machine and must be caught (controls_test.go).
package state
