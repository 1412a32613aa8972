package torture

import (
	"flag"
	"fmt"
	"math"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"
)

var (
	scaleFlag = flag.String("torture", "", "run the checks: short or long")
	outFlag   = flag.String("torture.out", "", "file that each check appends a line to")
)

func TestMain(m *testing.M) {
	flag.Parse()
	redis.SetLogger(silence{})
	status := m.Run()
	removeBinaries()
	if err := goleak.Find(); status == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// scale is the size of the checks.
type scale struct {
	long        bool // every form of each fault
	subscribers int
	chats       int
	rate        int           // events per second
	calm        time.Duration // before a fault, and after it
	races       int           // subscriptions of subscribe-race
	joins       int           // of feed-join
	cuts        int           // of start-cut
	ids         int           // of one-id
	outages     int           // of Redis, one after the other
	hostile     int           // connections of slowloris, for each kind (long) or in total (short)
	rejoiners   int           // feeds of rejoin, over each carrier
	rejoins     int           // of each feed

	backlogChats, backlogMessages int // of feed-cuts

	// hiccup is a p99 that stuck-chat and vanished-writer attribute to the machine and not to the server. The short
	// form has only a few hundred calls and looks for delays of seconds. The long form has no such allowance.
	hiccup time.Duration
}

var scales = map[string]scale{
	"long": {
		long: true, subscribers: 200, chats: 20, rate: 300, calm: 3 * time.Second, races: 5000, joins: 300, cuts: 240, ids: 200, outages: 3, hostile: 500,
		rejoiners: 12, rejoins: 40, backlogChats: 2000, backlogMessages: 20_000,
	},
	"short": {
		subscribers: 100, chats: 10, rate: 150, calm: 1500 * time.Millisecond, races: 1000, joins: 72, cuts: 72, ids: 40, outages: 1, hostile: 300,
		rejoiners: 4, rejoins: 3, backlogChats: 250, backlogMessages: 5000, hiccup: 250 * time.Millisecond,
	},
}

// check is one row of docs/reliability.md.
type check struct {
	name  string
	short bool // also in the short form
	run   func(r *record)
}

func checks() []check {
	return []check{
		{"redis-kill", true, redisKill},
		{"redis-stop", true, redisStop},
		{"client-kill-pubsub", false, clientKillPubSub},
		{"output-buffer", false, outputBuffer},
		{"redis-blackhole", true, redisBlackhole},
		{"never-published", true, neverPublished},
		{"instance-kill9", true, instanceKill},
		{"postgres-kill9", true, postgresKill},
		{"every-part", false, everyPart},
		{"database-hang", true, databaseHang},
		{"stuck-chat", true, stuckChat},
		{"vanished-writer", true, vanishedWriter},
		{"late-commit", false, lateCommit},
		{"clock-skew", true, clockSkew},
		{"acceptance", true, acceptance},
		{"subscribe-race", true, subscribeRace},
		{"feed-join", true, feedJoin},
		{"rejoin", true, rejoin},
		{"feed-cuts", true, feedCuts},
		{"start-cut", true, startCut},
		{"start-kill9", true, startKill},
		{"cursor-bounds", true, cursorBounds},
		{"one-id", true, oneID},
		{"idempotent-send", true, idempotentSend},
		{"membership", true, membership},
		{"stalled-readers", true, stalledReaders},
		{"slowloris", true, slowloris},
		{"http2-abuse", false, http2Abuse},
		{"cache-linearizable", true, cacheLinearizable},
		{"cache-redis-kill", true, cacheRedisKill},
		{"cache-flush", false, cacheFlush},
		{"cache-hang", false, cacheHang},
		{"cache-partition", false, cachePartition},
		{"half-partition", true, halfPartition},
		{"requirepass", true, requirePass},
		{"cache-requirepass", true, cacheRequirePass},
		{"redis-down-latency", false, redisDownLatency},
		{"herd", true, herd},
		{"controls", true, controls},
	}
}

// The checks run one after the other, because each measures time and needs the whole machine.
func TestTorture(t *testing.T) { //nolint:paralleltest // see above
	if *scaleFlag == "" {
		t.Skip("run it with make torture")
	}
	s, ok := scales[*scaleFlag]
	if !ok {
		t.Fatalf("-torture=%s: want short or long", *scaleFlag)
	}
	for _, c := range checks() { //nolint:paralleltest // see above
		if *scaleFlag == "short" && !c.short {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			r := &record{T: t, scale: s, Line: Line{Check: c.name, Notes: []string{}}}
			defer r.write(time.Now())
			c.run(r)
		})
	}
}

// record is a running check: its test, and the line that it will write.
type record struct {
	*testing.T
	scale
	Line
}

// write also runs when the check was ended by FailNow.
func (r *record) write(began time.Time) {
	r.OK = !r.Failed()
	r.Seconds = math.Round(time.Since(began).Seconds()*10) / 10
	r.Logf("%+v", r.Line)
	if *outFlag == "" {
		return
	}
	if err := r.Append(*outFlag); err != nil {
		r.Error(err)
	}
}

// limit records a measurement and fails the check when the measurement is beyond its limit.
func (r *record) limit(ok bool, format string, args ...any) {
	r.Helper()
	text := fmt.Sprintf(format, args...)
	if !ok {
		text = "MISSED: " + text
		r.Error(text)
	}
	r.Notes = append(r.Notes, text)
}

// note records a measurement that has no limit.
func (r *record) note(format string, args ...any) { r.limit(true, format, args...) }

// must ends the check when a step fails that the check is not about.
func (r *record) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// pause lets time pass under load; it does not wait for a condition.
func pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

// until polls for a condition. It returns how long that took, or false at the deadline.
func until(limit time.Duration, done func() bool) (time.Duration, bool) {
	began := time.Now()
	for !done() {
		if time.Since(began) > limit {
			return limit, false
		}
		pause(10 * time.Millisecond)
	}
	return time.Since(began), true
}

func ms(d time.Duration) float64 { return math.Round(float64(d)/float64(time.Millisecond)*10) / 10 }
