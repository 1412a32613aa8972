//go:build !race

package state

// memorySeeds is how many runs there are in memory.
const memorySeeds = 1000
