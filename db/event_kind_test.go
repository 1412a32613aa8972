package db

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestEveryKindHasARow reads the constants from the source: nothing else knows a kind that has no row.
func TestEveryKindHasARow(t *testing.T) {
	t.Parallel()
	var declared []EventKind
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if ok && isIdent(spec.Type, "EventKind") && len(spec.Values) == 1 {
				value, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				declared = append(declared, EventKind(value))
			}
			return true
		})
	}
	for _, kind := range declared {
		if kind.Row().Carries == 0 {
			t.Errorf("%s has no row in eventKinds that says what it carries", kind)
		}
	}
	if rows := EventKinds(func(KindRow) bool { return true }); len(declared) == 0 || !slices.Equal(rows, slices.Sorted(slices.Values(declared))) {
		t.Errorf("the rows are of %v, the constants are %v", rows, declared)
	}
}

func isIdent(e ast.Expr, name string) bool {
	ident, ok := e.(*ast.Ident)
	return ok && ident.Name == name
}

// TestRedactedMessage asks of each field whether it is text that goes, so that a new field is decided here.
func TestRedactedMessage(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
	taken := map[string]bool{
		"Content": true,
		"ID":      false, "ChatID": false, "Seq": false, "Author": false, "Role": false, "ReplyTo": false, "CreatedAt": false, "EditedAt": false,
	}
	message := Message{
		ID: "m", ChatID: "c", Seq: 2, Author: "ann", Role: RoleUser, Content: "secret", ReplyTo: new(string), CreatedAt: at, EditedAt: new(time.Time),
	}
	before := message
	redacted := message.Redacted(at)
	if !reflect.DeepEqual(message, before) {
		t.Error("the message itself was changed, which others may be reading")
	}
	if redacted.DeletedAt == nil || !redacted.DeletedAt.Equal(at) {
		t.Errorf("it was deleted at %v", redacted.DeletedAt)
	}
	for i, field := range reflect.VisibleFields(reflect.TypeFor[Message]()) {
		goes, decided := taken[field.Name]
		switch was, is := reflect.ValueOf(message).Field(i), reflect.ValueOf(redacted).Elem().Field(i); {
		case field.Anonymous || field.Name == "DeletedAt":
		case !decided:
			t.Errorf("%s is new: say here whether Redacted takes it, and give it a value above", field.Name)
		case was.IsZero():
			t.Errorf("%s has no value in this test", field.Name)
		case goes && !is.IsZero():
			t.Errorf("%s is still there", field.Name)
		case !goes && !reflect.DeepEqual(was.Interface(), is.Interface()):
			t.Errorf("%s was taken", field.Name)
		}
	}
}
