package cache

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"studychat/db"
)

// left are the fields that a body does not contain. Those with a reason "follows" are set again when it is read.
var left = map[string]string{
	"Chat.BaseModel":    "empty",
	"Message.BaseModel": "empty",
	"Chat.rendered":     "this process alone knows it",
	"ChatList.rendered": "likewise",
	"Member.BaseModel":  "empty",
	"Member.ChatID":     "follows from the chat",
	"Message.ChatID":    "follows from the chat",
	"Member.JoinedSeq":  "only the feed uses it, and reads it itself",
	"Member.ReadSeq":    "private to its user, and changes without a number of the chat",
}

// visit calls fn with every value below v that a body contains: fields, and what pointers and slices lead to.
func visit(v reflect.Value, path string, fn func(path string, v reflect.Value)) {
	fn(path, v)
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
	case v.Kind() == reflect.Pointer && !v.IsNil():
		visit(v.Elem(), path, fn)
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			visit(v.Index(i), fmt.Sprint(path, "[", i, "]"), fn)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if _, ok := left[v.Type().Name()+"."+field.Name]; !ok {
				visit(v.Field(i), path+"."+field.Name, fn)
			}
		}
	}
}

// full fills every field below v with a value of its own, two elements in each list.
func full(t testing.TB, v reflect.Value, n *int64) {
	t.Helper()
	visit(v, "", func(path string, v reflect.Value) {
		*n++
		switch {
		case v.Type() == reflect.TypeFor[time.Time]():
			v.Set(reflect.ValueOf(time.Unix(1_700_000_000+*n, *n*1000).UTC()))
		case v.Kind() == reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		case v.Kind() == reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		case v.Kind() == reflect.String:
			v.SetString(fmt.Sprint("text ", *n))
		case v.Kind() == reflect.Int64:
			v.SetInt(*n)
		case v.Kind() == reflect.Bool:
			v.SetBool(true)
		case v.Kind() != reflect.Struct:
			t.Fatalf("%s: the codec does not know what to do with a %s", path, v.Type())
		}
	})
}

// chatIDs sets what follows from the chat.
func chatIDs(chats ...*db.Chat) {
	for _, chat := range chats {
		for _, m := range chat.Members {
			m.ChatID = chat.ID
		}
		chat.LastMessage.ChatID = chat.ID
		for _, m := range chat.Newest.Messages {
			m.ChatID = chat.ID
		}
	}
}

func fullChat(t testing.TB) *db.Chat {
	chat, n := new(db.Chat), int64(0)
	full(t, reflect.ValueOf(chat).Elem(), &n)
	chatIDs(chat)
	return chat
}

func fullList(t testing.TB) *db.ChatList {
	list, n := new(db.ChatList), int64(0)
	full(t, reflect.ValueOf(list).Elem(), &n)
	chatIDs(list.Chats...)
	return list
}

func again(t *testing.T, content []byte, v any) any {
	t.Helper()
	var got any
	var err error
	switch v := v.(type) {
	case *db.Chat:
		got, _, err = decodeChat(string(content), v.ID)
	case *db.ChatList:
		got, _, err = decodeList(string(content), v.Cursor.User)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func encoded(v any) []byte {
	if body, ok := v.(*chatBody); ok {
		v = body.chat
	}
	if chat, ok := v.(*db.Chat); ok {
		return appendChat(nil, chat)
	}
	return appendList(nil, v.(*db.ChatList))
}

func same(t *testing.T, v any) {
	t.Helper()
	if got := again(t, encoded(v), v); !reflect.DeepEqual(got, v) {
		t.Errorf("got  %+v\nwant %+v", got, v)
	}
}

// Each field is set to a value of its own, so that a field which is added to the structs and not to the codec is missed here.
func TestEveryFieldComesBack(t *testing.T) {
	t.Parallel()
	same(t, fullChat(t))
	same(t, fullList(t))
}

// And each is taken away alone: nothing is there only because something else is.
func TestEveryFieldComesBackZero(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func() any{"chat": func() any { return fullChat(t) }, "list": func() any { return fullList(t) }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			places := 0
			visit(reflect.ValueOf(make()), "", func(string, reflect.Value) { places++ })
			for place := range places {
				v, i := make(), 0
				visit(reflect.ValueOf(v), "", func(path string, at reflect.Value) {
					if i++; i-1 != place || !at.CanSet() || at.Kind() == reflect.Struct && at.Type() != reflect.TypeFor[time.Time]() {
						return
					}
					switch {
					case at.Kind() == reflect.Slice:
						at.Set(reflect.MakeSlice(at.Type(), 0, 0))
					case at.Kind() == reflect.Pointer && at.Type() != reflect.TypeFor[*string]() && at.Type() != reflect.TypeFor[*time.Time]() && path[len(path)-1] == ']':
						return // elements of lists are never nil
					default:
						at.SetZero()
					}
				})
				if list, ok := v.(*db.ChatList); ok {
					fix(list.Chats...)
				} else {
					fix(v.(*db.Chat))
				}
				same(t, v)
			}
		})
	}
}

// fix is chatIDs for chats that lack something.
func fix(chats ...*db.Chat) {
	for _, chat := range chats {
		whole := *chat
		if whole.LastMessage == nil {
			whole.LastMessage = new(db.Message)
		}
		if whole.Newest == nil {
			whole.Newest = new(db.Newest)
		}
		chatIDs(&whole)
	}
}

func TestTheSmallestElementsComeBack(t *testing.T) {
	t.Parallel()
	epoch := time.Unix(0, 0).UTC()
	message := &db.Message{CreatedAt: epoch}
	chat := &db.Chat{CreatedAt: epoch, LastAt: epoch, LastMessageAt: epoch, Members: []*db.Member{}}
	same(t, &db.Chat{Members: []*db.Member{}, LastMessage: message, Newest: &db.Newest{Messages: []*db.Message{message}}})
	same(t, &db.Chat{Members: []*db.Member{{JoinedAt: epoch}, {JoinedAt: epoch}}})
	same(t, &db.ChatList{Chats: []*db.Chat{}})
	same(t, &db.ChatList{Chats: []*db.Chat{chat, chat, chat}})
}

func TestFieldsThatAreLeftOut(t *testing.T) {
	t.Parallel()
	chat := fullChat(t)
	chat.Members[0].ReadSeq, chat.Members[0].JoinedSeq = 987654, 1
	got := again(t, appendChat(nil, chat), chat).(*db.Chat).Members[0]
	if got.ReadSeq != 0 || got.JoinedSeq != 0 {
		t.Error("one viewer's read mark would be shown to all")
	}
}

func TestAnyTextAndTimeComesBack(t *testing.T) {
	t.Parallel()
	chat := fullChat(t)
	for _, text := range []string{"", "quotes \" \\ new\nline tab\t ünïcode 🙂 \u2029 </script>", "\x00\xff", string(make([]byte, 200_000))} {
		chat.Title = text
		same(t, chat)
	}
	for _, at := range []time.Time{{}, time.Unix(0, 0).UTC(), time.Unix(-1, 999_999_999).UTC(), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), time.Date(-5, 1, 1, 0, 0, 0, 1, time.UTC)} {
		chat.CreatedAt, chat.DeletedAt = at, &at
		same(t, chat)
	}
	for _, n := range []int64{0, 1, -1, 1<<63 - 1, -1 << 63} {
		chat.HeadSeq = n
		same(t, chat)
	}
}

// Whatever the bytes are, the parser does not panic, does not allocate without bound, and accepts only what the codec writes.
func FuzzParse(f *testing.F) {
	f.Add(appendChat(nil, fullChat(f)))
	f.Add(appendList(nil, fullList(f)))
	f.Add(appendChat(nil, newFakeStore().newChat("ann", "bob")))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, content []byte) {
		chats := parser{rest: string(content)}
		chat := chats.chat()
		if chats.end() == nil && string(appendChat(nil, chat)) != string(content) {
			t.Errorf("%q is a chat, and so is %q", content, appendChat(nil, chat))
		}
		lists := parser{rest: string(content)}
		list := lists.list()
		if lists.end() == nil && string(appendList(nil, list)) != string(content) {
			t.Errorf("%q is a list, and so is %q", content, appendList(nil, list))
		}
		if most := 1000 + 30*len(content); chats.bytes > most || lists.bytes > most {
			t.Errorf("%d bytes of content became %d and %d", len(content), chats.bytes, lists.bytes)
		}
		parseValue(string(content))
	})
}
