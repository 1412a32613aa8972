package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"studychat/test/torture"
)

func TestPage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "torture.jsonl")
	for _, line := range []torture.Line{
		{Check: "redis-kill", Load: "200 subscribers", Fault: "SIGKILL", Committed: 10, Delivered: 10, P50: 12.4, P99: 99.6, CaughtUp: 3, OK: true, Notes: []string{"all there"}, Seconds: 2},
		{Check: "herd", Fault: "a cold key", Stale: 5, Notes: []string{"MISSED: 4 loads, limit 3"}, Seconds: 1},
	} {
		if err := line.Append(path); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	if err := run([]string{path}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"2 checks, 1 failed, 3 s.",
		"| [redis-kill](#redis-kill) | ok | 10 | 10 | 0 | 0 | 0 | 0 | 0 | 12 | 100 | 3 |",
		"| [herd](#herd) | **failed** |  |  |  |  |  |  | 5 |  |  |  |",
		"## herd\na cold key.",
		"[redis-kill](#redis-kill), redis-stop (**not run**)",
		"slowloris (**not run**), http2-abuse (**not run**), [herd](#herd) (**failed**)",
		"- MISSED: 4 loads, limit 3",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestNothingToReport(t *testing.T) {
	t.Parallel()
	empty, broken := filepath.Join(t.TempDir(), "empty"), filepath.Join(t.TempDir(), "broken")
	for path, text := range map[string]string{empty: "", broken: "{\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{}, {empty}, {broken}, {filepath.Join(t.TempDir(), "absent")}} {
		var out strings.Builder
		if err := run(args, &out); err == nil || out.Len() > 0 {
			t.Errorf("%v: %v, %q", args, err, out.String())
		}
	}
}

// TestReliabilityPageIsCurrent regenerates the committed page from the committed lines.
func TestReliabilityPageIsCurrent(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run([]string{"torture.jsonl"}, &out); err != nil {
		t.Fatal(err)
	}
	if out.String() != string(page) {
		t.Error("docs/reliability.md is outdated: run go run ./test/torture/report test/torture/report/torture.jsonl > docs/reliability.md")
	}
}

// TestPromisesNameAllChecks requires that every check belongs to a promise, and that promises name only checks.
func TestPromisesNameAllChecks(t *testing.T) {
	t.Parallel()
	file, err := os.Open("torture.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, p := range promises {
		for _, check := range p.checks {
			named[check] = true
		}
	}
	for _, line := range lines {
		if !named[line.Check] {
			t.Errorf("%s belongs to no promise", line.Check)
		}
		delete(named, line.Check)
	}
	for check := range named {
		t.Errorf("%s is not a check of the last run", check)
	}
}
