//go:build !race

package dbtest

// raced says that the race detector is on, which makes everything take many times as long.
const raced = false
