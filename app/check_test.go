package app

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"studychat/app/check"
	"studychat/test/services"
)

// checked runs `studychat check --json`. The table must say the same, and neither may hold a secret.
func checked(t *testing.T, wrong bool, settings ...string) check.Report {
	t.Helper()
	settings = append([]string{"ADDR=127.0.0.1:0"}, settings...)
	out, err := command(t, settings, "check", "--json")
	var answer struct {
		OK       bool
		Findings check.Report
	}
	if json.Unmarshal([]byte(out), &answer) != nil || answer.OK == wrong || (exitCode(err) == 1) != wrong {
		t.Fatalf("%s, %v; wrong should be %t", out, err, wrong)
	}
	table, _ := command(t, settings, "check")
	for _, finding := range answer.Findings {
		if !strings.Contains(table, finding.Says) {
			t.Errorf("the table has no %q:\n%s", finding.Says, table)
		}
	}
	if strings.Contains(out+table, "hunter2") {
		t.Errorf("a secret is shown: %s\n%s", out, table)
	}
	return answer.Findings
}

func find(report check.Report, part string) check.Finding {
	for _, finding := range report {
		if finding.Part == part {
			return finding
		}
	}
	return check.Finding{}
}

func want(t *testing.T, report check.Report, part string, state check.State, says string) check.Finding {
	t.Helper()
	found := find(report, part)
	if found.State != state || !strings.Contains(found.Says, says) {
		t.Errorf("%s: %+v, want %s, %q", part, found, state, says)
	}
	return found
}

// TestCheckSQLite changes nothing, and tells a file that is missing, one that lacks migrations and one that is ready.
func TestCheckSQLite(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/chat.db"
	setting := "DATABASE_URL=sqlite:" + path
	want(t, checked(t, false, setting), "database", check.Degraded, "does not exist")
	if _, err := os.Stat(path); err == nil {
		t.Error("the check made the file")
	}
	if _, err := command(t, []string{setting}, "migrate", "status"); err != nil { // makes it
		t.Fatal(err)
	}
	want(t, checked(t, false, setting), "schema", check.Degraded, "the next start applies them")
	report := checked(t, true, setting, "RUN_MIGRATIONS=check")
	if found := want(t, report, "schema", check.Wrong, "0001_chats"); !slices.Equal(found.Run, []string{"studychat migrate up"}) {
		t.Errorf("it says to run %v", found.Run)
	}
	if _, err := command(t, []string{setting}, "migrate", "up"); err != nil {
		t.Fatal(err)
	}
	report = checked(t, false, setting, "RUN_MIGRATIONS=check")
	want(t, report, "schema", check.OK, "up to date")
	want(t, report, "redis", check.OK, "not configured")
}

func TestCheckSettings(t *testing.T) {
	t.Parallel()
	report := checked(t, true, "JWT_SECRET=hunter2", "LOG_LEVEL=loud")
	if len(report) < 3 || !strings.Contains(report[0].Says+report[1].Says+report[2].Says, "JWT_SECRET must have") {
		t.Errorf("%+v", report)
	}
	want(t, checked(t, false, withTokens()...), "database", check.Degraded, "DATABASE_URL is not set")
	if _, err := command(t, nil, "check", "all"); exitCode(err) != 2 {
		t.Errorf("another argument: %v", err)
	}
	if out, err := command(t, []string{"DATABASE_URL=postgres://u:hunter2@127.0.0.1:1/x", "ADDR=127.0.0.1:0"}, "check"); exitCode(err) != 1 || strings.Contains(out, "hunter2") || !strings.Contains(out, "database        failed to connect") {
		t.Errorf("a database that is away: %s, %v", out, err)
	}
}

// asOwner runs statements, as they are printed.
func asOwner(t *testing.T, dsn string, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCheckRights: what the command says to run is what the role lacks: with it a server works, and without any of it something is wrong.
func TestCheckRights(t *testing.T) {
	t.Parallel()
	owner := services.Postgres(t)
	if _, err := command(t, []string{"DATABASE_URL=" + owner}, "migrate", "up"); err != nil {
		t.Fatal(err)
	}
	want(t, checked(t, false, "DATABASE_URL="+owner), "database identity", check.OK, "")
	dsn := services.DataRole(t, owner)
	parsed, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	role, setting := pgx.Identifier{parsed.User.Username()}.Sanitize(), "DATABASE_URL="+dsn
	report := checked(t, false, setting)
	want(t, report, "database rights", check.OK, parsed.User.Username())
	identity := want(t, report, "database identity", check.Degraded, "epoch bump")
	want(t, report, "database TLS", check.OK, "on this machine")

	for _, taken := range []string{
		"USAGE ON SCHEMA public",
		"SELECT ON messages", "UPDATE ON stream_meta", "SELECT ON bun_migrations",
		"DELETE ON messages, chats",
		"INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public",
		"ALL ON ALL TABLES IN SCHEMA public",
	} {
		asOwner(t, owner, "REVOKE "+taken+" FROM "+role, "REVOKE USAGE ON SCHEMA public FROM PUBLIC")
		found := want(t, checked(t, true, setting), "database rights", check.Wrong, "lacks rights")
		asOwner(t, owner, found.Run...)
		want(t, checked(t, false, setting), "database rights", check.OK, "")
	}
	asOwner(t, owner, "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC")
	found := want(t, checked(t, true, setting), "database rights", check.Wrong, "lacks rights")
	if len(found.Run) < 3 {
		t.Errorf("functions that the role lacks: %v", found.Run)
	}
	asOwner(t, owner, append(found.Run, identity.Run...)...)
	report = checked(t, false, setting)
	want(t, report, "database rights", check.OK, "")
	want(t, report, "database identity", check.OK, "")

	i := start(t, setting, "RUN_MIGRATIONS=check")
	chat, cursor := i.newChat()
	i.message(chat, "with these rights")
	i.follow(chat, cursor).wantMessage(2, "with these rights")
}

// TestCheckPending: a role that may not change the schema cannot apply what is pending.
func TestCheckPending(t *testing.T) {
	t.Parallel()
	owner := services.Postgres(t)
	want(t, checked(t, false, "DATABASE_URL="+owner), "schema", check.Degraded, "the next start applies them")
	report := checked(t, true, "DATABASE_URL="+services.DataRole(t, owner))
	want(t, report, "schema", check.Wrong, "as a role that may change the schema")
}

// TestCheckRedis names what each missing right costs, with a line that gives it.
func TestCheckRedis(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	root := redis.NewClient(&redis.Options{Addr: server.Addr(), DisableIdentity: true})
	t.Cleanup(func() { _ = root.Close() })
	asRoot := func(lines ...string) {
		for _, line := range lines {
			var words []any
			for _, word := range strings.Fields(line) {
				words = append(words, word)
			}
			if err := root.Do(t.Context(), words...).Err(); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
	}
	asRoot("ACL SETUSER studychat on >hunter2 ~p:* +ping +get +getrange +scan +client|setname +info")
	settings := []string{"DATABASE_URL=sqlite::memory:", "REDIS_URL=redis://studychat:hunter2@" + server.Addr(), "REDIS_PREFIX=p"}
	report := checked(t, false, settings...)
	want(t, report, "redis connection", check.OK, "")
	want(t, report, "redis cache", check.OK, "")
	var run []string
	for part, lost := range map[string]string{"redis scripts": "rate limits", "redis bus": "sweeping", "redis presence": "online"} {
		run = append(run, want(t, report, part, check.Degraded, lost).Run...)
	}
	if line := want(t, report, "redis user", check.Degraded, "").Run; len(line) != 1 || !strings.HasPrefix(line[0], "ACL SETUSER studychat on >PASSWORD") {
		t.Errorf("the line for a user: %v", line)
	}
	for range 2 { // what is tried only with the first rights may need more
		asRoot(run...)
		run = nil
		for _, finding := range checked(t, false, settings...) {
			if finding.Part != "redis user" {
				run = append(run, finding.Run...)
			}
		}
	}
	for _, finding := range checked(t, false, settings...) {
		if strings.HasPrefix(finding.Part, "redis") && finding.State != check.OK {
			t.Errorf("with the rights that it asked for: %+v", finding)
		}
	}
	away := checked(t, false, "DATABASE_URL=sqlite::memory:", "REDIS_URL=redis://studychat:hunter2@127.0.0.1:1")
	want(t, away, "redis connection", check.Degraded, "refused")
}

func TestCheckAuthentication(t *testing.T) {
	t.Parallel()
	body := `{"keys":[]}`
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
	defer provider.Close()
	settings := []string{"DATABASE_URL=sqlite::memory:", "JWT_ISSUER=here", "JWT_AUDIENCE=studychat", "JWKS_URL=" + provider.URL + "/hunter2"}
	want(t, checked(t, true, settings...), "authentication", check.Wrong, "no key")
	body = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	want(t, checked(t, false, settings...), "authentication", check.OK, "1 keys")
	provider.Close()
	want(t, checked(t, true, settings...), "authentication", check.Wrong, "refused")
	want(t, checked(t, false, append(withTokens(), "DATABASE_URL=sqlite::memory:")...), "authentication", check.OK, "JWT_SECRET")
}

// TestCheckPorts: a port on which this server runs is good, one of another program is not.
func TestCheckPorts(t *testing.T) {
	t.Parallel()
	cert, key, _ := services.Certificate(t)
	i := start(t, "DATABASE_URL=sqlite::memory:", "TLS_CERT="+cert, "TLS_KEY="+key)
	settings := []string{"DATABASE_URL=sqlite::memory:", "TLS_CERT=" + cert, "TLS_KEY=" + key}
	beside := checked(t, false, append(settings, "ADDR="+strings.TrimPrefix(i.url, "http://"))...)
	want(t, beside, "ADDR", check.OK, "a server is listening")
	want(t, beside, "server TLS", check.Degraded, "expires soon") // the certificates of tests are short-lived
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	report := checked(t, true, append(settings, "ADMIN_ADDR="+other.Addr().String())...)
	want(t, report, "ADDR", check.OK, "is free")
	want(t, report, "ADMIN_ADDR", check.Wrong, "in use")
}
