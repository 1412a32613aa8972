package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"studychat/graph"
	"studychat/graph/persisted"
)

func trustedSidebar(t *testing.T) *persisted.Manifest {
	t.Helper()
	text, _ := json.Marshal(map[string]string{"trusted-1": sidebar, persisted.Hash(sidebar): sidebar})
	manifest, err := persisted.ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	return manifest
}

func TestOnlyTrustedDocumentsRun(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, persisted.Enforce, trustedSidebar(t))
	l.store.Memory.Put(persisted.Hash(renamed), renamed) // as if the mode had been another one before
	hash := persisted.Hash(sidebar)
	const forbidden, bad = "FORBIDDEN", "BAD_USER_INPUT"
	for _, c := range []struct{ reason, body, code string }{
		{"by id", byID("trusted-1", ""), ""},
		{"by Relay's or another id in the place of the hash", byHash("trusted-1", ""), ""},
		{"by hash", byHash(hash, ""), ""},
		{"by id with a prefix", byID("sha256:"+hash, ""), ""},
		{"by text", request(sidebar, nil), ""},
		{"by text and hash", byHash(hash, sidebar), ""},
		{"by text and id", byID("trusted-1", sidebar), ""},
		{"by text and an id that nobody knows", byID("trusted-9", sidebar), ""},
		{"another text", request(renamed, nil), forbidden},
		{"nearly the text", request(sidebar+" ", nil), forbidden},
		{"another text with its hash", byHash(persisted.Hash(renamed), renamed), forbidden},
		{"another text with its id", byID("renamed", renamed), forbidden},
		{"another text under an id that is trusted", byID("trusted-1", renamed), bad},
		{"another text under a hash that is trusted", byHash(hash, renamed), bad},
		{"a text that does not parse", request("{", nil), forbidden},
		{"what somebody registered", byHash(persisted.Hash(renamed), ""), notFound},
		{"an id that nobody knows", byID("trusted-9", ""), notFound},
		{"another case", byID("TRUSTED-1", ""), notFound},
		{"introspection", request("{ __schema { types { name } } }", nil), forbidden},
		{"the least there is", request("{ __typename }", nil), forbidden},
		{"neither name nor document", request("", nil), "GRAPHQL_VALIDATION_FAILED"},
	} {
		if answer := l.expect(c.reason, "ann", c.body, c.code); c.code == forbidden && !strings.Contains(answer, "runs only trusted documents") {
			t.Errorf("%s: %s", c.reason, answer)
		}
	}
	l.kept()
	if l.store.lookedUp != 0 || l.log.Len() != 0 {
		t.Errorf("%d look-ups of what clients registered; logged: %s", l.store.lookedUp, l.log)
	}
}

// TestNothingIsTrusted: enforcing without a manifest runs nothing, rather than everything.
func TestNothingIsTrusted(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, persisted.Enforce, nil)
	l.expect("by text", "ann", request(sidebar, nil), "FORBIDDEN")
	l.expect("by id", "ann", byID("", ""), "GRAPHQL_VALIDATION_FAILED")
	l.expect("by hash", "ann", byHash(persisted.Hash(sidebar), ""), notFound)
}

// TestTrustedDocumentsAreLimited: the limits hold for the documents of a manifest too.
func TestTrustedDocumentsAreLimited(t *testing.T) {
	t.Parallel()
	text, _ := json.Marshal(map[string]string{"wide": chained(30), "big": `query ($n: Int) { chats(first: $n) { edges { node { messages(last: $n) { edges { node { content } } } } } } }`})
	manifest, err := persisted.ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	l := newLibrary(t, persisted.Enforce, manifest)
	l.expect("by its form", "ann", byID("wide", ""), "QUERY_TOO_COMPLEX")
	l.expect("by its answer", "ann", `{"variables": {"n": 100}, "extensions": {"documentId": "big"}}`, "QUERY_TOO_COMPLEX")
	l.expect("with a small answer", "ann", `{"variables": {"n": 10}, "extensions": {"documentId": "big"}}`, "")
}

// TestUntrustedDocumentsAreLogged: once each, by name and hash, never by text, and everything runs.
func TestUntrustedDocumentsAreLogged(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, persisted.Log, trustedSidebar(t))
	for range 3 {
		l.expect("trusted", "ann", request(sidebar, nil), "")
		l.expect("trusted, by id", "ann", byID("trusted-1", ""), "")
	}
	l.expect("the old way", "ann", byHash(persisted.Hash(renamed), renamed), "")
	for range 3 {
		l.expect("not trusted, by text", "ann", request(renamed, nil), "")
		l.expect("not trusted, by hash", "bob", byHash(persisted.Hash(renamed), ""), "")
	}
	l.expect("an id that the manifest does not know yet", "ann", byHash("md5-of-something", sidebar), "")
	l.expect("that alone", "ann", byHash("md5-of-something", ""), notFound)
	l.expect("a wrong hash", "ann", byHash(persisted.Hash(sidebar+" "), renamed), "BAD_USER_INPUT")
	l.expect("not valid", "ann", request("{ nothing }", nil), "GRAPHQL_VALIDATION_FAILED")
	lines := strings.Split(strings.TrimSpace(l.log.String()), "\n")
	if len(lines) != 1 || !strings.Contains(lines[0], "operation=Renamed") || !strings.Contains(lines[0], persisted.Hash(renamed)) || strings.Contains(lines[0], "title") {
		t.Errorf("logged:\n%s", l.log)
	}
	l.kept(renamed)

	for i := range 10_100 {
		l.ask("ann", request(fmt.Sprintf("{ a%d: __typename }", i), nil))
	}
	if n := strings.Count(l.log.String(), "\n"); n != 10_000 {
		t.Errorf("%d lines, though what is remembered is bounded", n)
	}
}

// TestOffKnowsNoManifest: what is off changes nothing.
func TestOffKnowsNoManifest(t *testing.T) {
	t.Parallel()
	l := newLibrary(t, persisted.Off, trustedSidebar(t))
	l.expect("by id", "ann", byID("trusted-1", ""), notFound)
	l.expect("another text", "ann", request(renamed, nil), "")
	if l.log.Len() != 0 {
		t.Errorf("logged: %s", l.log)
	}
}

// TestManifestsOfRealClients: what the three tools made of the schema passes the limits and runs.
func TestManifestsOfRealClients(t *testing.T) {
	t.Parallel()
	for file, id := range map[string]string{
		"codegen/persisted-documents.json":     "fe0046bce44d6a555f1c25766cdf98e4081de1490030e9e9543dd1e78ee8cd30",
		"relay/persisted_queries.json":         "946792db21bc605b89e2383486d76b8a",
		"apollo/persisted-query-manifest.json": "141cf9f5ce3aed5bc3c73146546fdd481addf696015311903937c7ef66e1ddaa",
	} {
		manifest, err := persisted.LoadManifest("persisted/testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if err := graph.CheckManifest(manifest); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		l := newLibrary(t, persisted.Enforce, manifest)
		l.expect(file, "ann", byID(id, ""), "")
		l.expect(file, "ann", byHash(id, ""), "")
	}
}

func TestCheckManifest(t *testing.T) {
	t.Parallel()
	text, _ := json.Marshal(map[string]string{
		"good": sidebar, "unknown": "query Gone { goneField }", "wide": "query Wide { ...F0 }" + strings.TrimPrefix(chained(30), "{ __typename ...F0 }"),
	})
	manifest, err := persisted.ParseManifest(text)
	if err != nil {
		t.Fatal(err)
	}
	err = graph.CheckManifest(manifest)
	if err == nil || strings.Contains(err.Error(), "good") {
		t.Fatal(err)
	}
	for _, part := range []string{`"unknown"`, "Gone", "goneField", `"wide"`, "Wide", "too many"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%s is missing: %v", part, err)
		}
	}
}
