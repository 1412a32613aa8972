//go:build race

package state

// memorySeeds is how many runs there are in memory: under the race detector, which costs about five times as much, fewer.
const memorySeeds = 100
