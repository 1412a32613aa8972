package graph_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/graph"
)

// TestDocumentsOfRealClients runs what testdata/generate.mjs had the clients' own tools make: the limits refuse none.
func TestDocumentsOfRealClients(t *testing.T) {
	t.Parallel()
	exec := newExecutor(t, graph.Options{Introspection: true})
	files, err := filepath.Glob("testdata/documents/*.graphql")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d documents: %v", len(files), err)
	}
	execute(t, exec, createDocument, "", json.RawMessage(`{"id": "`+chat1+`", "title": "Algebra"}`))
	tools := map[string]bool{}
	for _, file := range files {
		query, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".graphql")
		tool, _, _ := strings.Cut(name, "_")
		tools[tool] = true
		variables := map[string]any{
			"id": chat1, "chatId": chat1, "content": "x", "role": "USER", "count": 20, "first": 20, "last": 50, "messages": 50,
		}
		switch {
		case strings.HasSuffix(name, "AppSendMutation"):
			variables["input"] = map[string]any{"chatId": chat1, "content": "x"}
		case strings.HasSuffix(name, "AppDeleteMutation"):
			variables["input"] = map[string]any{"chatId": chat2}
		case strings.HasPrefix(string(query), "mutation"):
			delete(variables, "id") // of the chat
		}
		params := &gqlgen.RawParams{Query: string(query), Variables: variables}
		if strings.HasPrefix(string(query), "subscription") {
			ctx := auth.WithViewer(gqlgen.StartOperationTrace(t.Context()), auth.Viewer{ID: "ann"})
			if _, errs := exec.CreateOperationContext(ctx, params); errs != nil {
				t.Errorf("%s: %v", name, errs)
			}
			continue
		}
		response := respond(t.Context(), exec, params)
		for _, err := range response.Errors {
			if name != "relay_AppDeleteMutation" || err.Extensions["code"] != "NOT_FOUND" { // chat2 never was
				t.Errorf("%s: %v %v", name, err, err.Extensions)
			}
		}
		if response.Errors == nil && len(response.Data) < 20 {
			t.Errorf("%s: no data: %s", name, response.Data)
		}
	}
	for _, tool := range []string{"introspection", "relay", "apollo", "urql", "genqlient"} {
		if !tools[tool] {
			t.Errorf("no document of %s", tool)
		}
	}
}
