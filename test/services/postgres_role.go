package services

import (
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// DataRole returns the DSN of a new role that may read and write the rows of all tables that the database has now, and nothing else. Functions
// that tell about the server are refused to it. The role is dropped when the test ends.
func DataRole(t testing.TB, dsn string) string {
	t.Helper()
	name := "role_" + strings.ToLower(rand.Text())
	role := pgx.Identifier{name}.Sanitize()
	for _, statement := range []string{
		"CREATE ROLE " + role + " LOGIN PASSWORD 'role'",
		"GRANT USAGE ON SCHEMA public TO " + role,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO " + role,
		"REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
		"REVOKE EXECUTE ON FUNCTION pg_walfile_name(pg_lsn) FROM PUBLIC",
	} {
		if err := execute(dsn, statement); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, statement := range []string{"DROP OWNED BY " + role, "DROP ROLE " + role} {
			if err := execute(dsn, statement); err != nil {
				t.Error(err)
			}
		}
	})
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("the DSN is not a URL")
	}
	u.User = url.UserPassword(name, "role")
	return u.String()
}
