package auth_test

import (
	"context"
	"testing"

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
