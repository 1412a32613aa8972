//go:build !race

package params

const raced = false
