package deploy

import (
	"go/ast"
	"go/types"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// runbook is the page that somebody reads at night.
const runbook = "../docs/operations.md"

// whatToDo is the end of each complaint about the page.
const whatToDo = `Write one there: what it means, what to look at, what to do. Its reader was just woken up.`

// notMessages are first arguments of Warn that are not messages.
var notMessages = map[string]string{
	"ctx":         "the sampled warnings of package admission, whose messages are in its causes",
	"op.ctx":      "the same",
	"r.Context()": "the same",
	"c.message":   "the message of a cause, which is read where the cause is",
	"message":     "the sampled lines of package outcome, whose callers name level and message",
}

// complaint is a line of the log that asks for somebody: a WARN or an ERROR.
type complaint struct {
	message string // "" for one that is not written in the call
	shown   string // the argument as it is written
	file    string
}

// logged returns the message of a call that logs a WARN or an ERROR.
func logged(call *ast.CallExpr) (message ast.Expr, ok bool) {
	selector, isMethod := call.Fun.(*ast.SelectorExpr)
	if !isMethod {
		return nil, false
	}
	at := map[string]int{"Warn": 0, "Error": 0, "WarnContext": 1, "ErrorContext": 1}
	i, ok := at[selector.Sel.Name]
	switch {
	case !ok && len(call.Args) > 2: // slog's Log, and functions like it
		level := types.ExprString(call.Args[1])
		i, ok = 2, strings.HasSuffix(level, "evel") || level == "slog.LevelWarn" || level == "slog.LevelError"
	case selector.Sel.Name == "Error" && types.ExprString(selector.X) == "http":
		ok = false
	}
	if !ok || len(call.Args) <= i {
		return nil, false
	}
	return call.Args[i], true
}

// complaints are those of a file, those of package admission by their causes.
func complaints(path string, file *ast.File) (all []complaint) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if message, ok := logged(n); ok {
				all = append(all, complaint{plain(literal(message)), types.ExprString(message), path})
			}
		case *ast.CompositeLit:
			if name, ok := n.Type.(*ast.Ident); ok && name.Name == "Cause" && len(n.Elts) == 3 {
				all = append(all, complaint{plain(literal(n.Elts[1])), types.ExprString(n.Elts[1]), path})
			}
		}
		return true
	})
	return all
}

// plain is a message as the page shows it: between backquotes there can be none.
func plain(message string) string { return strings.ReplaceAll(message, "`", "'") }

// section is the part of the page below a heading, up to the next one of its level.
func section(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile(runbook)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", runbook, heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	end := regexp.MustCompile(`(?m)^#{1,` + string(rune('0'+len(level))) + `} `).FindStringIndex(rest)
	if end != nil {
		rest = rest[:end[0]]
	}
	return rest
}

var rowOfLine = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]{20,} \\| [^|]{10,} \\|$")

// TestRunbookHasEachLine: each WARN and each ERROR has its row in the page, and each row its line in the program.
func TestRunbookHasEachLine(t *testing.T) {
	t.Parallel()
	var rows []string
	for _, row := range rowOfLine.FindAllStringSubmatch(section(t, "### Lines of the log"), -1) {
		rows = append(rows, row[1])
	}
	messages := map[string]bool{}
	for path, file := range source(t) {
		for _, c := range complaints(path, file) {
			messages[c.message] = true
			switch {
			case c.message == "" && notMessages[c.shown] == "":
				t.Errorf("%s logs %s at WARN or ERROR: write the message into the call, so that this test can read it", c.file, c.shown)
			case c.message != "" && !slices.Contains(rows, c.message):
				t.Errorf("%s, section \"Lines of the log\", has no row | `%s` | … | … | (%s). %s", runbook, c.message, c.file, whatToDo)
			}
		}
	}
	if len(messages) < 30 {
		t.Fatalf("%d messages found: the search is wrong", len(messages))
	}
	for _, row := range rows {
		if !messages[row] {
			t.Errorf("%s explains a line that the program does not log any more: %s", runbook, row)
		}
	}
}

// TestRunbookHasEachAlert: each alert leads to a heading of its name.
func TestRunbookHasEachAlert(t *testing.T) {
	t.Parallel()
	var headings []string
	for _, m := range regexp.MustCompile(`(?m)^#### (\w+)$`).FindAllStringSubmatch(section(t, "### Alerts"), -1) {
		headings = append(headings, m[1])
	}
	var alerts []string
	for _, rule := range rules(t) {
		alerts = append(alerts, rule.Alert)
		if want := "docs/operations.md#" + strings.ToLower(rule.Alert); rule.Annotations["runbook_url"] != want {
			t.Errorf("the runbook_url of %s must be %s", rule.Alert, want)
		}
		if !slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) || rule.Annotations["summary"] == "" || rule.For == "" {
			t.Errorf("%s lacks a severity, a summary or a time", rule.Alert)
		}
	}
	if len(alerts) != 10 || !slices.Equal(headings, alerts) {
		t.Errorf("the alerts are %v, and the headings below \"Alerts\" of %s are %v. %s", alerts, runbook, headings, whatToDo)
	}
}
