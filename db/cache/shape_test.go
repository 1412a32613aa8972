package cache

import (
	"encoding/json"
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

// shapeOf describes the JSON of a type: each field's name, options and kind, down to what marshals itself.
func shapeOf(out *strings.Builder, indent string, t reflect.Type) {
	marshals := reflect.TypeFor[json.Marshaler]()
	switch {
	case t == reflect.TypeFor[time.Time]() || t.Implements(marshals) || reflect.PointerTo(t).Implements(marshals):
		fmt.Fprintf(out, "%s, which marshals itself\n", t)
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice:
		out.WriteString(t.Kind().String() + " of ")
		shapeOf(out, indent, t.Elem())
	case t.Kind() == reflect.Map:
		out.WriteString("map by " + t.Key().Kind().String() + " of ")
		shapeOf(out, indent, t.Elem())
	case t.Kind() == reflect.Struct:
		out.WriteString("struct\n")
		for field := range t.Fields() {
			tag := field.Tag.Get("json")
			if tag == "-" || !field.IsExported() && !field.Anonymous {
				continue
			}
			fmt.Fprintf(out, "%s  %s %q ", indent, field.Name, tag)
			shapeOf(out, indent+"  ", field.Type)
		}
	default:
		out.WriteString(t.Kind().String() + "\n")
	}
}

func shape() string {
	var out strings.Builder
	for _, t := range []reflect.Type{reflect.TypeFor[db.Chat](), reflect.TypeFor[db.ChatList]()} {
		out.WriteString(t.String() + " ")
		shapeOf(&out, "", t)
	}
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
	now := shape()
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
