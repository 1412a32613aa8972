package db

import (
	"fmt"
	"time"
)

// postgresLimits are what the server itself ends a transaction by. Our own deadlines do not reach a server that lost us: an
// instance whose host is gone leaves a transaction open, and its locks taken, until TCP gives up, which takes hours.
// They are set for one transaction each, not for a connection: behind pgbouncer, connections belong to everybody.
//
// A transaction of a lost instance ends whole+idle after it was lost at the latest: a statement that is under way runs for
// whole at most, and then nothing comes any more. That must stay within 15 seconds for a write.
type postgresLimits struct {
	idle  time.Duration // between two statements
	whole time.Duration // from PostgreSQL 17 on the transaction, before that each statement
	lock  time.Duration // the wait for one lock
	send  time.Duration // how long what the server sends may stay unacknowledged
}

// lockWait is how long a write waits for a lock on a connection. After it the write waits in memory: see gate.
const lockWait = time.Second

// idleLimit is more than a living instance pauses in a write: the guard's requests to Redis take a fraction of a second.
const idleLimit = 5 * time.Second

var (
	writeLimits = postgresLimits{idle: idleLimit, whole: MaxTransaction, lock: lockWait}

	// A read takes no lock that others wait for, but while it lasts no dead row can be removed, and a long answer to
	// a lost instance lasts until TCP gives up.
	readLimits = postgresLimits{idle: idleLimit, whole: readTimeout, send: 2 * readTimeout}

	// What a migration does takes as long as it takes. migrateLock says why idle is enough for its lock.
	migrationLimits = postgresLimits{idle: 3 * keepLockEvery, whole: migrateTimeout}
)

// postgresServer is what matters of a server to the limits that it knows.
type postgresServer struct {
	major int
	linux bool // elsewhere the server cannot bound how long it sends, and complains to its log for each attempt
}

// set is the text that sets the limits in a transaction that begins.
func (l postgresLimits) set(server postgresServer) string {
	text := ""
	set := func(name string, limit time.Duration) {
		if limit > 0 {
			text += fmt.Sprintf("; SET LOCAL %s = %d", name, limit.Milliseconds())
		}
	}
	set("idle_in_transaction_session_timeout", l.idle)
	if server.major >= 17 {
		set("transaction_timeout", l.whole) // bounds statements, too
	} else {
		set("statement_timeout", l.whole)
	}
	set("lock_timeout", l.lock)
	if server.major >= 12 && server.linux {
		set("tcp_user_timeout", l.send)
	}
	return text
}
