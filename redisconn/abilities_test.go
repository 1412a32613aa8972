package redisconn

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"studychat/test/services"
)

// admin is a client that may do everything.
func admin(t *testing.T, addr string) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// as returns what the user of the ACL line is given to connect with.
func as(t *testing.T, addr string) Settings {
	t.Helper()
	s, err := ParseURL("redis://studychat:PASSWORD@"+addr, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tried returns the abilities by their names.
func tried(t *testing.T, s Settings) map[string]Ability {
	t.Helper()
	client := s.BusClient()
	defer client.Close()
	found := map[string]Ability{}
	for _, a := range Abilities(t.Context(), client, "p") {
		found[a.Name] = a
	}
	return found
}

func missing(abilities map[string]Ability) []string {
	maps.DeleteFunc(abilities, func(_ string, a Ability) bool { return a.OK })
	return slices.Sorted(maps.Keys(abilities))
}

func TestAbilitiesWithTheACLLine(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	root := admin(t, server.Addr())
	services.Command(t, root, ACLLine("p"))
	all := tried(t, as(t, server.Addr()))
	if len(all) != len(needs) { // the connection is one more, and the cluster one less
		t.Errorf("%d abilities", len(all))
	}
	if names := missing(all); len(names) > 0 {
		t.Errorf("missing with the ACL line: %v", names)
	}
	services.WantNothingDenied(t, root)
	if left := root.Keys(t.Context(), "*").Val(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestAbilitiesTellApart takes each right away in turn: the abilities that need it are missing, no other, and their line gives it back.
func TestAbilitiesTellApart(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	root := admin(t, server.Addr())
	for _, rule := range append(commandsOf(single, 0), "~p:*", "&p:*") {
		var want []string
		takeAway := map[string]string{"~p:*": "resetkeys", "&p:*": "resetchannels"}[rule]
		for _, n := range needs {
			if slices.Contains(n.of(single), rule) || slices.Contains(n.patterns("p"), rule) {
				want = append(want, n.name)
			}
		}
		slices.Sort(want)
		if takeAway == "" {
			takeAway = "-" + rule
		}
		services.Command(t, root, ACLLine("p"))
		services.Command(t, root, "ACL SETUSER studychat "+takeAway)
		found := tried(t, as(t, server.Addr()))
		names := missing(found)
		if !slices.Equal(names, want) {
			t.Errorf("without %s, %v are missing, want %v", rule, names, want)
		}
		for name, a := range found {
			if !strings.HasPrefix(a.Grant, "ACL SETUSER studychat +") || a.Lost == "" || !isDenied(a.Err) {
				t.Errorf("without %s, %s says %+v", rule, name, a)
				continue
			}
			services.Command(t, root, a.Grant)
		}
		if names := missing(tried(t, as(t, server.Addr()))); len(names) > 0 {
			t.Errorf("without %s, after what was asked for, %v are missing", rule, names)
		}
	}
}

func TestAbilitiesOfACluster(t *testing.T) {
	t.Parallel()
	nodes := services.NewRedisCluster(t)
	s, err := ParseURL(nodes.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	s.user, s.password = "studychat", "PASSWORD"
	for i := range nodes.Addrs() {
		root := admin(t, nodes.Addrs()[i])
		services.Command(t, root, s.ACLLine("p"))
	}
	all := tried(t, s)
	if len(all) != len(needs)+1 {
		t.Errorf("%d abilities", len(all))
	}
	if names := missing(all); len(names) > 0 {
		t.Errorf("missing with the ACL line: %v", names)
	}
	for _, addr := range nodes.Addrs() {
		root := admin(t, addr)
		services.WantNothingDenied(t, root)
		services.Command(t, root, "ACL SETUSER studychat resetchannels")
	}
	if names := missing(tried(t, s)); !slices.Equal(names, []string{"bus"}) {
		t.Errorf("without channels, %v are missing", names)
	}
}

// TestAbilitiesWithoutARight: what rights cannot mend has no line.
func TestAbilitiesWithoutARight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		want []string
		says string
	}{
		"EVAL is renamed":     {[]string{"--rename-command", "EVAL", ""}, []string{"scripts"}, "unknown command"},
		"memory is full":      {[]string{"--maxmemory", "1"}, []string{"presence", "scripts"}, "OOM"},
		"a read-only replica": {[]string{"--replicaof", "127.0.0.1 1", "--replica-serve-stale-data", "yes"}, []string{"presence", "scripts"}, "READONLY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := services.NewRedisServer(t, c.args...)
			s, err := ParseURL("redis://"+server.Addr(), "")
			if err != nil {
				t.Fatal(err)
			}
			found := tried(t, s)
			if names := missing(found); !slices.Equal(names, c.want) {
				t.Errorf("missing: %v, want %v", names, c.want)
			}
			for name, a := range found {
				if a.Grant != "" || !strings.Contains(a.Err.Error(), c.says) {
					t.Errorf("%s: %+v", name, a)
				}
			}
		})
	}
}

func TestAbilitiesWithoutAServer(t *testing.T) {
	t.Parallel()
	s, err := ParseURL("redis://127.0.0.1:1", "")
	if err != nil {
		t.Fatal(err)
	}
	found := tried(t, s)
	if err := found["connection"].Err; len(found) != 1 || found["connection"].OK || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("%+v", found)
	}
}

// TestOpenTellsWhatIsMissing: one line per ability, and none of a failure when only people miss something.
func TestOpenTellsWhatIsMissing(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	root := admin(t, server.Addr())
	services.Command(t, root, ACLLine("p"))
	services.Command(t, root, "ACL SETUSER studychat -info -client|setname resetchannels")
	var lines bytes.Buffer
	conn := Open(t.Context(), as(t, server.Addr()), "p", slog.New(slog.NewTextHandler(&lines, nil)))
	defer conn.Close()
	if text := lines.String(); strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, "ability=bus") ||
		!strings.Contains(text, `grant="ACL SETUSER studychat +publish +subscribe &p:*"`) || !strings.Contains(text, "connection successful") {
		t.Errorf("logged:\n%s", text)
	}
}

// TestTheACLLinesAreDocumented: operators copy them from there.
func TestTheACLLinesAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{ACLLine("studychat"), Settings{kind: cluster}.ACLLine("studychat"), SentinelACLLine()} {
		if !strings.Contains(string(page), "\n"+line+"\n") {
			t.Errorf("docs/operations.md lacks this line:\n%s", line)
		}
	}
}
