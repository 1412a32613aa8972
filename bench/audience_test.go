//go:build linux

package bench

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/uuid"

	"studychat/bench/data"
)

func dataChat(chat func(int) int, n int) string { return data.ChatID(chat(n)) }

// audience is a server with many subscribers of one chat.
type audience struct {
	*crowd
	server  *process
	publish func(text string) error
	sent    []int64 // stamps
	mu      sync.Mutex
}

func newAudience(server *process, over carrier, chat func(int) int) *audience {
	c := &crowd{carrier: over, addr: server.address, path: "/graphql", user: data.HotMember, chat: chat}
	if over == overRaw {
		c.path = "/ws"
	}
	client := &http.Client{Timeout: stall, Transport: &http.Transport{MaxIdleConnsPerHost: publishers, DisableCompression: true}}
	var calls atomic.Int64
	return &audience{crowd: c, server: server, publish: func(text string) error {
		return publish(client, server.address(int(calls.Add(1))), over, text)
	}}
}

// publishDocument has an id, so that a call whose outcome is unknown may be repeated.
const publishDocument = `mutation Publish($i: ID!, $c: ID!, $t: String!) { sendMessage(input: {id: $i, chatId: $c, content: $t}) { message { id seq } } }`

// publish sends one message to the hot chat, or to all connections of the floor. A server under full load may answer UNAVAILABLE: then the
// call is repeated, and the time until the message arrives goes on.
func publish(client *http.Client, addr string, over carrier, text string) error {
	url, body := "http://"+addr+"/graphql", fmt.Sprintf(`{"query":%q,"variables":{"i":%q,"c":%q,"t":%q}}`, publishDocument, uuid.NewString(), data.ChatID(data.HotChat), text)
	if over == overRaw {
		url, body = "http://"+addr+"/publish", padded(text)
	}
	for tries := 1; ; tries++ {
		answer, err := postOnce(client, url, body)
		if err != nil {
			return err
		}
		if !strings.Contains(answer, `"errors"`) {
			return nil
		}
		if tries == 10 || !strings.Contains(answer, `"UNAVAILABLE"`) {
			return fmt.Errorf("publish: %s", answer)
		}
	}
}

func postOnce(client *http.Client, url, body string) (string, error) {
	request, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token(data.HotMember(0)))
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("publish: %d %s", response.StatusCode, answer)
	}
	return string(answer), nil
}

// padded is a text for the floor, as long as the frame in which the server sends it.
func padded(text string) string {
	const envelope = 319
	return text + strings.Repeat(" ", envelope)
}

// send publishes a stamped text.
func (a *audience) send() error {
	now := time.Now()
	if err := a.publish(stamped(now, textSize)); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = append(a.sent, now.UnixNano())
	return nil
}

// warm publishes until a message has reached every subscriber: from then on all of them are subscribed. Then the counts begin anew.
func (a *audience) warm() error {
	deadline := time.Now().Add(3 * stall)
	for time.Now().Before(deadline) {
		before := a.received.Load()
		if err := a.send(); err != nil {
			return err
		}
		patience := time.Now().Add(2 * time.Second)
		for a.received.Load()-before < int64(len(a.all)) && time.Now().Before(patience) {
			if err := a.err(); err != nil {
				return err
			}
			pause(time.Millisecond)
		}
		if a.received.Load()-before >= int64(len(a.all)) {
			a.quiet()
			return nil
		}
	}
	return fmt.Errorf("%d subscribers, and not one message reached all of them", len(a.all))
}

// quiet waits until nothing has come for a while, and forgets the counts.
func (a *audience) quiet() {
	for time.Since(time.Unix(0, a.last.Load())) < 300*time.Millisecond {
		pause(10 * time.Millisecond)
	}
	a.received.Store(0)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = nil
	for _, s := range a.all {
		s.got.Store(0)
		s.sum.Store(0)
	}
}

// delivered is a sample of deliveries.
type delivered struct {
	sample
	bytes  float64 // of each
	writes int64   // of the server: system calls, also those for other things than deliveries
}

// perWrite is how many deliveries left in one write.
func (d delivered) perWrite() float64 { return float64(d.N) / float64(max(d.writes, 1)) }

// phase runs one phase, waits until everything has arrived, and judges it.
func (a *audience) phase(run func() error) (delivered, error) {
	a.quiet()
	a.crowd.mu.Lock()
	a.record, a.latency = true, make([]time.Duration, 0, 1<<20)
	a.crowd.mu.Unlock()
	started, cpu, own, octets, writes := time.Now(), a.server.cpu(), cpuOf(syscall.Getpid()), a.bytes.Load(), a.server.writes()
	a.last.Store(started.UnixNano())
	if err := run(); err != nil {
		return delivered{}, err
	}
	if err := a.arrived(); err != nil {
		return delivered{}, err
	}
	d := delivered{sample: sample{N: a.received.Load(), Seconds: time.Unix(0, a.last.Load()).Sub(started).Seconds(), CPU: a.server.cpu() - cpu}}
	d.Client = (cpuOf(syscall.Getpid()) - own).Seconds() / d.Seconds
	d.writes = a.server.writes() - writes
	d.bytes = float64(a.bytes.Load()-octets) / float64(d.N)
	a.crowd.mu.Lock()
	defer a.crowd.mu.Unlock()
	a.record = false
	slices.Sort(a.latency)
	d.P50, d.P99 = percentile(a.latency, 50), percentile(a.latency, 99)
	return d, nil
}

// arrived waits for all deliveries, and asserts that each subscriber got each message once.
func (a *audience) arrived() error {
	due := int64(len(a.sent)) * int64(len(a.all))
	if due == 0 {
		return errors.New("nothing was published")
	}
	for a.received.Load() < due {
		if err := a.err(); err != nil {
			return err
		}
		if time.Since(time.Unix(0, a.last.Load())) > stall {
			return fmt.Errorf("LOST: %d of %d deliveries arrived", a.received.Load(), due)
		}
		pause(time.Millisecond)
	}
	var sum int64
	for _, stamp := range a.sent {
		sum += stamp
	}
	for n, s := range a.all {
		if s.got.Load() != int64(len(a.sent)) || s.sum.Load() != sum {
			return fmt.Errorf("subscriber %d got %d messages of %d, or some of them twice", n, s.got.Load(), len(a.sent))
		}
	}
	return a.err()
}

// saturated keeps a few messages under way.
func (a *audience) saturated(d time.Duration) (delivered, error) {
	return a.phase(func() error {
		end := time.Now().Add(d)
		var started atomic.Int64
		return together(publishers, func() error {
			for time.Now().Before(end) {
				mine := started.Add(1)
				for (mine-window)*int64(len(a.all)) > a.received.Load() {
					if err := a.err(); err != nil || time.Since(time.Unix(0, a.last.Load())) > stall {
						return errors.Join(err, errors.New("the deliveries have stopped"))
					}
					pause(100 * time.Microsecond)
				}
				if err := a.send(); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// paced publishes at a fixed rate of deliveries per second, whatever arrives.
func (a *audience) paced(d time.Duration, rate int) (delivered, error) {
	every := time.Second * time.Duration(len(a.all)) / time.Duration(rate)
	return a.phase(func() error {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for end := time.Now().Add(d); time.Now().Before(end); <-ticker.C {
			if err := a.send(); err != nil {
				return err
			}
		}
		return nil
	})
}

// together runs work in n goroutines.
func together(n int, work func() error) error {
	failures := make(chan error, n)
	var all sync.WaitGroup
	for range n {
		all.Go(func() { failures <- work() })
	}
	all.Wait()
	close(failures)
	return errors.Join(slices.Collect(drain(failures))...)
}
