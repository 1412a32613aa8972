//go:build !race

package statetest

// memorySeeds is how many runs there are in memory.
const memorySeeds = 1000
