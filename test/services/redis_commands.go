package services

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Command runs a command as it would be typed into redis-cli, without quotes.
func Command(t testing.TB, client *redis.Client, line string) {
	t.Helper()
	var words []any
	for _, word := range strings.Fields(line) {
		words = append(words, word)
	}
	if err := client.Do(t.Context(), words...).Err(); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
}

// WantNothingDenied fails the test for each command that the server has denied to a user lately.
func WantNothingDenied(t testing.TB, client *redis.Client) {
	t.Helper()
	denied, err := client.ACLLog(t.Context(), 10).Result()
	if err != nil {
		t.Error(err)
	}
	for _, entry := range denied {
		t.Errorf("denied: %s of %s", entry.Object, entry.Username)
	}
}
