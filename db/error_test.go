package db

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestRateLimitedSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	const wait = 1500 * time.Microsecond
	err := fmt.Errorf("at the edge: %w", RateLimited(wait))
	if got := CodeOf(err); got != CodeRateLimited {
		t.Errorf("the code is %q", got)
	}
	e, ok := errors.AsType[*Error](err)
	if !ok || e.RetryAfter != wait || e.Message == "" || e.Field != "" || e.Err != nil {
		t.Errorf("got %+v", e)
	}
}
