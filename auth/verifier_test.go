package auth_test

import (
	"context"
	"testing"
	"time"

	"studychat/auth"
	"studychat/db"
)

func TestLocalIsAlwaysTheSameUser(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"", "Bearer x", "Basic eA=="} {
		ctx, err := auth.Authenticate(t.Context(), auth.Local{}, header)
		if err != nil {
			t.Fatal(err)
		}
		v, err := auth.FromContext(ctx)
		if err != nil || v.ID != auth.LocalUser || !v.HasScope(auth.ScopeAssistant) {
			t.Errorf("header %q: viewer %+v, %v", header, v, err)
		}
	}
}

func TestNobodyIsUnauthenticated(t *testing.T) {
	t.Parallel()
	if _, err := auth.FromContext(context.Background()); db.CodeOf(err) != db.CodeUnauthenticated {
		t.Errorf("got %v", err)
	}
}

func TestForStream(t *testing.T) {
	t.Parallel()
	cases := []struct {
		reason  string
		expires time.Time
		refused bool
	}{
		{"a token that never ends", time.Time{}, false},
		{"one with a second to live", time.Now().Add(time.Second), false},
		{"one that has ended: the leeway is for questions", time.Now().Add(-time.Second), true},
	}
	for _, test := range cases {
		ctx := auth.WithViewer(context.Background(), auth.Viewer{ID: "ann", Expires: test.expires})
		viewer, err := auth.ForStream(ctx)
		if refused := db.CodeOf(err) == db.CodeUnauthenticated && viewer.ID == ""; refused != test.refused {
			t.Errorf("%s: %+v, %v", test.reason, viewer, err)
		}
		if _, err := auth.FromContext(ctx); err != nil {
			t.Errorf("%s: a question is refused: %v", test.reason, err)
		}
	}
}
