package postgres

import (
	"fmt"
	"time"
)

// Limits are what the server itself ends a transaction by. Our own deadlines do not reach a server that lost us: an
// instance whose host is gone leaves a transaction open, and its locks taken, until TCP gives up, which takes hours.
// They are set for one transaction each, not for a connection: behind pgbouncer, connections belong to everybody.
//
// A transaction of a lost instance ends Whole+Idle after it was lost at the latest: a statement that is under way runs for
// Whole at most, and then nothing comes any more. That must stay within 15 seconds for a write.
type Limits struct {
	Idle  time.Duration // between two statements
	Whole time.Duration // from PostgreSQL 17 on the transaction, before that each statement
	Lock  time.Duration // the wait for one lock
	Send  time.Duration // how long what the server sends may stay unacknowledged
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
