package postgres

import (
	"fmt"
	"time"
)

// Limits are the times after which the server itself ends a transaction. The client's deadlines do not help when the client is lost: an
// instance whose host is gone leaves a transaction open, with its locks, until TCP gives up, which takes hours. Limits are set per
// transaction and not per connection, because pgbouncer shares connections among clients.
//
// The transaction of a lost instance ends at most Whole+Idle after the loss: a running statement ends within Whole, and no other
// follows. For a write that must stay within 15 seconds.
type Limits struct {
	Idle  time.Duration // between two statements
	Whole time.Duration // the transaction; each statement before PostgreSQL 17
	Lock  time.Duration // the wait for one lock
	Send  time.Duration // how long data from the server may stay unacknowledged
}

// SetLocal is the text that sets the limits in a transaction that begins, for a server of the major version. linux says whether
// it runs on Linux: elsewhere it cannot bound how long it sends, and complains to its log for each attempt.
func (l Limits) SetLocal(major int, linux bool) string {
	text := ""
	set := func(name string, limit time.Duration) {
		if limit > 0 {
			text += fmt.Sprintf("; SET LOCAL %s = %d", name, limit.Milliseconds())
		}
	}
	set("idle_in_transaction_session_timeout", l.Idle)
	if major >= 17 {
		set("transaction_timeout", l.Whole) // bounds statements, too
	} else {
		set("statement_timeout", l.Whole)
	}
	set("lock_timeout", l.Lock)
	if major >= 12 && linux {
		set("tcp_user_timeout", l.Send)
	}
	return text
}
