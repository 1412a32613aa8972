package app

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"studychat/graph/persisted"
	"studychat/test/services"
)

// TestTLS serves https to both generations of HTTP.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := services.Certificate(t)
	i := start(t, "DATABASE_URL=sqlite::memory:", "TLS_CERT="+cert, "TLS_KEY="+key)
	for _, version := range []int{1, 2} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(version == 1)
		protocols.SetHTTP2(version == 2)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, Protocols: protocols}
		t.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Transport: transport, Timeout: waitLong}
		response, err := client.Get("https" + strings.TrimPrefix(i.url, "http") + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || response.ProtoMajor != version {
			t.Errorf("HTTP/%d: %s %d", version, response.Proto, response.StatusCode)
		}
	}
}

// TestEnforcedDocuments runs the program with the manifest of a real tool.
func TestEnforcedDocuments(t *testing.T) {
	t.Parallel()
	file := "../graph/persisted/testdata/apollo/persisted-query-manifest.json"
	i := start(t, "DATABASE_URL=sqlite::memory:", "TRUSTED_DOCUMENTS=enforce", "DOCUMENT_MANIFEST="+file)
	manifest, err := persisted.LoadManifest(file)
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for id, document := range manifest.All() {
		if a := i.ask(document, nil); a.code() == "FORBIDDEN" {
			t.Errorf("%s is refused: %s", id, a.raw)
		}
		known++
	}
	if a := i.ask(`{ __typename }`, nil); known == 0 || a.code() != "FORBIDDEN" {
		t.Errorf("%d documents are known, but an unknown one got %s", known, a.raw)
	}
}

// TestStopBeforeStart stops a server that waits for its database. It must end without an error.
func TestStopBeforeStart(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), waitLong)
	defer stop()
	logs := newLogLines(t)
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, nil, []string{"ADDR=127.0.0.1:0", "DATABASE_URL=postgres://nobody@127.0.0.1:1/nothing"}, io.Discard, logs)
	}()
	eventually(t, "the server to wait", func() bool { return strings.Contains(logs.text(), "does not answer yet") })
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
