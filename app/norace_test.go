//go:build !race

package app

// raced says that the race detector is on, which makes everything take many times as long.
const raced = false
