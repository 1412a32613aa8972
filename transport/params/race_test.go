//go:build race

package params

// raced says that the race detector is on. sync.Pool then drops some of what it is given.
const raced = true
