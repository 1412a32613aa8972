//go:build !race

package app

// raced reports whether the race detector is on, which makes everything several times slower.
const raced = false
