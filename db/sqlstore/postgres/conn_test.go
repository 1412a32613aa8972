package postgres

import (
	"database/sql"
	"database/sql/driver"
	"testing"
	"time"
)

// TestBeginText is what a transaction begins with, by the version of the server and the system it runs on.
func TestBeginText(t *testing.T) {
	t.Parallel()
	write := Limits{Idle: 5 * time.Second, Whole: 10 * time.Second, Lock: time.Second}
	read := Limits{Idle: 5 * time.Second, Whole: 5 * time.Second, Send: 10 * time.Second}
	snapshot := driver.TxOptions{Isolation: driver.IsolationLevel(sql.LevelRepeatableRead), ReadOnly: true}
	for _, test := range []struct {
		reason, version string
		linux           bool
		opts            driver.TxOptions
		want            string
	}{
		{"a write", "15.4 (Debian 15.4-1)", true, driver.TxOptions{},
			"BEGIN; SET LOCAL idle_in_transaction_session_timeout = 5000; SET LOCAL statement_timeout = 10000; SET LOCAL lock_timeout = 1000"},
		{"a write, bounded as a whole", "17beta1", true, driver.TxOptions{},
			"BEGIN; SET LOCAL idle_in_transaction_session_timeout = 5000; SET LOCAL transaction_timeout = 10000; SET LOCAL lock_timeout = 1000"},
		{"a read", "15.4", true, snapshot,
			"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 5000; SET LOCAL statement_timeout = 5000; SET LOCAL tcp_user_timeout = 10000"},
		{"a read, bounded as a whole", "18.1", true, snapshot,
			"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 5000; SET LOCAL transaction_timeout = 5000; SET LOCAL tcp_user_timeout = 10000"},
		{"a system that cannot bound what it sends", "15.4", false, snapshot,
			"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 5000; SET LOCAL statement_timeout = 5000"},
		{"an unknown version", "", true, snapshot,
			"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 5000; SET LOCAL statement_timeout = 5000"},
	} {
		major := majorVersion(test.version)
		conn := &limitedConn{write: write.SetLocal(major, test.linux), read: read.SetLocal(major, test.linux)}
		if got, err := conn.begin(test.opts); got != test.want || err != nil {
			t.Errorf("%s:\ngot  %s\nwant %s\n%v", test.reason, got, test.want, err)
		}
	}
	if got, err := new(limitedConn).begin(driver.TxOptions{Isolation: driver.IsolationLevel(sql.LevelSerializable)}); err == nil {
		t.Errorf("a level that is not known begins with %q", got)
	}
}
