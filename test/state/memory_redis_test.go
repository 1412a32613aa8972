package state

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// memoryRedis is a Redis for a bubble of testing/synctest, where no real socket may be: the innermost hook of a go-redis
// client answers from memory. It runs the cache's own scripts in a Lua interpreter, so the protocol is
// not written a second time here. (miniredis listens on sockets and builds an interpreter for each call.)
type memoryRedis struct {
	dice *dice
	unit time.Duration

	mu      sync.Mutex
	state   memoryState
	keys    map[string]memoryValue
	scripts map[string]string // by SHA-1
	lua     *lua.LState
	stalled [][]any // arrived while it hung: executed when it continues, even if the client has given up
	buses   map[*memoryBus]struct{}
	life    atomic.Int64
	tasks   sync.WaitGroup
	trace   func(format string, args ...any) // of a seed that is played by itself
}

type memoryState int

const (
	up memoryState = iota
	down
	hung
)

type memoryValue struct {
	text string
	ends time.Time
}

func newMemoryRedis(d *dice, unit time.Duration) *memoryRedis {
	m := &memoryRedis{dice: d, unit: unit, keys: map[string]memoryValue{}, scripts: map[string]string{},
		lua: lua.NewState(), buses: map[*memoryBus]struct{}{}}
	table := m.lua.NewTable()
	m.lua.SetFuncs(table, map[string]lua.LGFunction{"call": m.call, "pcall": m.call})
	m.lua.SetGlobal("redis", table)
	return m
}

// client never dials: see its hook.
func (m *memoryRedis) client(hooks ...redis.Hook) redis.UniversalClient {
	client := redis.NewClient(&redis.Options{Addr: "memory", MaxRetries: -1, PipelinePoolSize: -1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
	for _, hook := range append(hooks, memoryHook{m}) {
		client.AddHook(hook)
	}
	return client
}

type memoryHook struct{ *memoryRedis }

func (h memoryHook) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h memoryHook) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return h.process
}

func (h memoryHook) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) (first error) {
		for _, cmd := range cmds {
			err := h.process(ctx, cmd)
			cmd.SetErr(err)
			if first == nil {
				first = err
			}
		}
		return first
	}
}

func (m *memoryRedis) process(ctx context.Context, cmd redis.Cmder) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	switch m.state {
	case down:
		return errRefused
	case hung:
		m.stalled = append(m.stalled, cmd.Args())
		m.mu.Unlock()
		_ = pause(ctx, 50*m.unit) // what the client is set to wait for a reply
		m.mu.Lock()
		return context.DeadlineExceeded
	}
	reply, err := m.do(cmd.Args())
	if m.trace != nil {
		m.trace("Redis: %.200s -> %.80v", flat(cmd), reply)
	}
	if err != nil {
		return err
	}
	return setReply(cmd, reply)
}

func setReply(cmd redis.Cmder, reply any) error {
	if reply == nil {
		return redis.Nil
	}
	switch c := cmd.(type) {
	case *redis.Cmd:
		c.SetVal(reply)
	case *redis.StringCmd:
		c.SetVal(reply.(string))
	case *redis.StatusCmd:
		c.SetVal(reply.(string))
	case *redis.IntCmd:
		c.SetVal(reply.(int64))
	case *redis.ScanCmd:
		c.SetVal(reply.([]string), 0)
	default:
		return fmt.Errorf("memoryRedis: a reply of kind %T", cmd)
	}
	return nil
}

// text is an argument as the client sends it.
func text(arg any) string {
	if raw, ok := arg.([]byte); ok {
		return string(raw)
	}
	return fmt.Sprint(arg)
}

// flat is a command on one line.
func flat(cmd redis.Cmder) string {
	var line strings.Builder
	for _, arg := range cmd.Args() {
		line.WriteString(strings.Join(strings.Fields(text(arg)), " ") + " ")
	}
	return line.String()
}

// do runs one command. The caller holds m.mu.
func (m *memoryRedis) do(raw []any) (any, error) {
	args := make([]string, len(raw))
	for i, arg := range raw {
		args[i] = text(arg)
	}
	switch strings.ToLower(args[0]) {
	case "ping":
		return "PONG", nil
	case "evalsha":
		source, ok := m.scripts[args[1]]
		if !ok {
			return nil, errNoScript{}
		}
		return m.eval(source, args[3:4], args[4:])
	case "eval":
		m.scripts[redis.NewScript(args[1]).Hash()] = args[1]
		return m.eval(args[1], args[3:4], args[4:])
	case "scan":
		return m.scan(strings.TrimSuffix(args[3], "*")), nil
	}
	return m.plain(args)
}

// errNoScript is a reply of Redis, not a failure on the way.
type errNoScript struct{}

func (errNoScript) Error() string { return "NOSCRIPT No matching script. Please use EVAL." }
func (errNoScript) RedisError()   {}

// plain runs a command that scripts use too.
func (m *memoryRedis) plain(args []string) (any, error) {
	switch strings.ToUpper(args[0]) {
	case "GET":
		if v, ok := m.get(args[1]); ok {
			return v, nil
		}
		return nil, nil
	case "GETRANGE":
		v, _ := m.get(args[1])
		from, _ := strconv.Atoi(args[2])
		last, _ := strconv.Atoi(args[3])
		return v[min(from, len(v)):min(last+1, len(v))], nil
	case "SET":
		v := memoryValue{text: args[2]}
		if len(args) > 3 {
			unit := map[string]string{"PX": "ms", "EX": "s"}[strings.ToUpper(args[3])]
			ttl, err := time.ParseDuration(args[4] + unit)
			if err != nil || ttl <= 0 {
				return nil, errors.New("ERR invalid expire time")
			}
			v.ends = time.Now().Add(ttl)
		}
		m.keys[args[1]] = v
		return "OK", nil
	case "DEL":
		_, ok := m.get(args[1])
		delete(m.keys, args[1])
		if ok {
			return int64(1), nil
		}
		return int64(0), nil
	}
	panic("memoryRedis cannot " + args[0]) // an error would look like an outage, which hides what the command is for
}

func (m *memoryRedis) get(key string) (string, bool) {
	v, ok := m.keys[key]
	if ok && !v.ends.IsZero() && !time.Now().Before(v.ends) {
		delete(m.keys, key)
		return "", false
	}
	return v.text, ok
}

func (m *memoryRedis) scan(prefix string) []string {
	keys := []string{}
	for key := range m.keys {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	return keys
}

var compiled sync.Map // source -> *lua.FunctionProto, for all runs

func compile(source string) (*lua.FunctionProto, error) {
	if proto, ok := compiled.Load(source); ok {
		return proto.(*lua.FunctionProto), nil
	}
	chunk, err := parse.Parse(strings.NewReader(source), "script")
	if err != nil {
		return nil, err
	}
	proto, err := lua.Compile(chunk, "script")
	if err == nil {
		compiled.Store(source, proto)
	}
	return proto, err
}

func (m *memoryRedis) eval(source string, keys, args []string) (any, error) {
	proto, err := compile(source)
	if err != nil {
		return nil, err
	}
	m.lua.SetGlobal("KEYS", m.table(keys))
	m.lua.SetGlobal("ARGV", m.table(args))
	m.lua.Push(m.lua.NewFunctionFromProto(proto))
	if err := m.lua.PCall(0, 1, nil); err != nil {
		return nil, err
	}
	defer m.lua.Pop(1)
	switch v := m.lua.Get(-1).(type) {
	case lua.LNumber:
		return int64(v), nil
	case lua.LString:
		return string(v), nil
	}
	return nil, nil // false and nil
}

func (m *memoryRedis) table(texts []string) *lua.LTable {
	t := m.lua.NewTable()
	for _, s := range texts {
		t.Append(lua.LString(s))
	}
	return t
}

// call is redis.call and redis.pcall.
func (m *memoryRedis) call(l *lua.LState) int {
	args := make([]string, l.GetTop())
	for i := range args {
		args[i] = l.Get(i + 1).String()
	}
	if strings.ToUpper(args[0]) == "TIME" {
		at := time.Now()
		l.Push(m.table([]string{fmt.Sprint(at.Unix()), fmt.Sprint(at.Nanosecond() / 1000)}))
		return 1
	}
	reply, err := m.plain(args)
	switch v := reply.(type) {
	case string:
		l.Push(lua.LString(v))
	case int64:
		l.Push(lua.LNumber(v))
	default:
		if err != nil {
			l.RaiseError("%s", err.Error())
		}
		l.Push(lua.LFalse)
	}
	return 1
}

// service is a Redis that a test may break.
type service interface {
	Kill()
	Restart() // empty
	Pause()
	Resume()
	lives() int64 // rises with each Kill
	flush() error
}

func (m *memoryRedis) lives() int64 { return m.life.Load() }

func (m *memoryRedis) become(state memoryState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = state
	for b := range m.buses {
		m.tasks.Go(func() { // buses find out when a probe is due
			_ = pause(context.Background(), m.dice.upTo(3000*m.unit))
			b.find()
		})
	}
}

func (m *memoryRedis) Kill() {
	m.life.Add(1)
	_ = m.flush()
	m.mu.Lock()
	m.scripts, m.stalled = map[string]string{}, nil
	m.mu.Unlock()
	m.become(down)
}

func (m *memoryRedis) Restart() { m.become(up) }
func (m *memoryRedis) Pause()   { m.become(hung) }

func (m *memoryRedis) Resume() {
	m.mu.Lock()
	for _, args := range m.stalled {
		_, _ = m.do(args)
	}
	m.stalled = nil
	m.mu.Unlock()
	m.become(up)
}

func (m *memoryRedis) flush() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.keys)
	return nil
}

func (m *memoryRedis) Close() error {
	m.tasks.Wait()
	m.lua.Close()
	return nil
}

var _ io.Closer = (*memoryRedis)(nil)
