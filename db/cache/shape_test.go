package cache

import (
	"crypto/sha256"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"studychat/db"
	"studychat/redisconn"
)

const shapeFile = "testdata/shape.txt"

// shapeOf describes what a body contains of a type: each field's name and kind.
func shapeOf(out *strings.Builder, indent string, t reflect.Type) {
	switch {
	case t == reflect.TypeFor[time.Time]():
		out.WriteString("time\n")
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice:
		out.WriteString(t.Kind().String() + " of ")
		shapeOf(out, indent, t.Elem())
	case t.Kind() == reflect.Struct:
		out.WriteString("struct\n")
		for field := range t.Fields() {
			if _, ok := left[t.Name()+"."+field.Name]; !ok {
				fmt.Fprintf(out, "%s  %s ", indent, field.Name)
				shapeOf(out, indent+"  ", field.Type)
			}
		}
	default:
		out.WriteString(t.Kind().String() + "\n")
	}
}

// shape is the fields of what is cached, and a hash of the content with every field set.
func shape(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, kind := range []reflect.Type{reflect.TypeFor[db.Chat](), reflect.TypeFor[db.ChatList]()} {
		out.WriteString(kind.String() + " ")
		shapeOf(&out, "", kind)
	}
	fmt.Fprintf(&out, "written as %x\n", sha256.Sum256(append(encoded(fullChat(t)), encoded(fullList(t))...)))
	return out.String()
}

// Instances of two releases share Redis during a deployment. A value of the other release whose form is another one is read with
// fields that are missing or wrong, unless the version in its key tells it apart.
func TestCacheVersionGoesWithTheShape(t *testing.T) {
	t.Parallel()
	stored, err := os.ReadFile(shapeFile)
	if err != nil && os.Getenv("UPDATE_SNAPS") == "" {
		t.Fatal(err)
	}
	version, before, _ := strings.Cut(string(stored), "\n")
	now := shape(t)
	sameVersion, sameShape := version == "version "+redisconn.CacheVersion, before == now
	switch {
	case sameVersion && sameShape:
	case sameVersion && len(stored) > 0:
		t.Errorf("what is cached looks different: raise CacheVersion in redisconn/keys.go, then run with UPDATE_SNAPS=true. Was:\n%s\nis:\n%s", before, now)
	case os.Getenv("UPDATE_SNAPS") == "":
		t.Errorf("%s is of %q; CacheVersion is %s: run with UPDATE_SNAPS=true", shapeFile, version, redisconn.CacheVersion)
	default:
		if err := os.WriteFile(shapeFile, []byte("version "+redisconn.CacheVersion+"\n"+now), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
