package clients

import (
	"context"
	"errors"
	"os/exec"
	"testing"
	"time"

	"studychat/test/services"
)

// TestPlayground drives the playground in Chromium, because Node cannot show what a user sees. node/playground.mjs
// lists what it checks; web/src tests the logic behind it.
func TestPlayground(t *testing.T) {
	t.Parallel()
	needNode(t)
	browser, err := chromium()
	if err != nil {
		services.Missing(t, err)
	}
	for name, introspection := range map[string]string{"auto": "auto", "hidden": "off"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, "INTROSPECTION="+introspection)
			ctx, cancel := context.WithTimeout(t.Context(), 3*waitLong) // it loads, starts and clicks on a busy machine
			defer cancel()
			out, err := exec.CommandContext(ctx, "node", "node/playground.mjs", browser, s.url, sign("ann", time.Hour), name).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// chromium finds a browser. Chrome comes first: on Ubuntu, `chromium` may be a stub that only refers to a snap.
func chromium() (string, error) {
	for _, name := range []string{"google-chrome", "google-chrome-stable", "chromium", "chromium-browser"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium was found: apt-get install chromium")
}
