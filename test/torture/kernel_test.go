package torture

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// kernelTable lists the IPv4 connections of Linux (man 5 proc_pid_net). It shows the server's end of a connection: a
// client that does not read would learn of a close only after reading everything before it.
const kernelTable = "/proc/net/tcp"

// established returns the clients' ports of the connections that the listener still holds open. A closed connection may
// stay in the table for minutes, in another state, while its unsent bytes are not taken.
func established(table io.Reader, listens int) (map[int]bool, error) {
	open := map[int]bool{}
	scanner := bufio.NewScanner(table)
	scanner.Scan() // the header
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		if len(fields) < 4 {
			return nil, fmt.Errorf("not a connection: %q", scanner.Text())
		}
		local, err1 := hexPort(fields[1])
		remote, err2 := hexPort(fields[2])
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("not a connection: %q", scanner.Text())
		}
		const stateEstablished = "01"
		if local == listens && fields[3] == stateEstablished {
			open[remote] = true
		}
	}
	return open, scanner.Err()
}

func hexPort(address string) (int, error) {
	_, port, _ := strings.Cut(address, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	return int(n), err
}

// openAt returns the clients' ports of the connections that the instance holds open.
func openAt(i *instance) (map[int]bool, error) {
	address := i.address()
	listens, err := strconv.Atoi(address[strings.LastIndexByte(address, ':')+1:])
	if err != nil {
		return nil, err
	}
	table, err := os.Open(kernelTable)
	if err != nil {
		return nil, err
	}
	defer table.Close()
	return established(table, listens)
}

// watchEnds polls until the instance has closed the connections of all these ports, or until the limit. It returns when
// each was closed, to 50 ms.
func watchEnds(r *record, i *instance, ports []int, limit time.Duration, meanwhile func()) map[int]time.Time {
	r.Helper()
	ended := map[int]time.Time{}
	until(limit, func() bool {
		open, err := openAt(i)
		r.must(err)
		for _, port := range ports {
			if _, known := ended[port]; !known && !open[port] {
				ended[port] = time.Now()
			}
		}
		meanwhile()
		pause(40 * time.Millisecond)
		return len(ended) == len(ports)
	})
	return ended
}

// gcTrace matches a line of GODEBUG=gctrace=1 (package runtime). The third number is the live heap.
var gcTrace = regexp.MustCompile(`^gc \d+ @.* \d+->\d+->(\d+) MB, `)

func liveHeap(line string) (mb int64, ok bool) {
	found := gcTrace.FindStringSubmatch(line)
	if found == nil {
		return 0, false
	}
	mb, err := strconv.ParseInt(found[1], 10, 64)
	return mb, err == nil
}

// resident returns the memory of the process as the kernel counts it, in MB.
func (i *instance) resident() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", i.pid))
	if err != nil {
		return 0, err
	}
	_, line, _ := strings.Cut(string(status), "VmRSS:")
	var kb int64
	_, err = fmt.Sscan(line, &kb)
	return kb >> 10, err
}

func TestConnectionsOfTheKernel(t *testing.T) {
	t.Parallel()
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 02:0000 00000000     0        0 2
   2: 0100007F:C001 0100007F:1F90 01 00000000:00000000 02:0000 00000000     0        0 3
   3: 0100007F:1F90 0100007F:C002 04 00012345:00000000 02:0000 00000000     0        0 0
   4: 0100007F:1F91 0100007F:C003 01 00000000:00000000 02:0000 00000000     0        0 4
`
	open, err := established(strings.NewReader(table), 0x1F90)
	if err != nil || len(open) != 1 || !open[0xC001] {
		t.Errorf("%v %v, want the one that is established (01) at the side of port 8080: not the listener, not the client's side, not the one that was closed with bytes left (04), not another server's", open, err)
	}
	for _, bad := range []string{"titles\n0: 1 2\n", "titles\n0: 0100007F:zz 0100007F:C001 01\n"} {
		if _, err := established(strings.NewReader(bad), 0x1F90); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestLiveHeap(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		reason, line string
		mb           int64
		ok           bool
	}{
		{"as the runtime writes it", "gc 12 @1.234s 2%: 0.010+0.50+0.003 ms clock, 0.02+0.1/0.2/0+0.006 ms cpu, 7->8->3 MB, 8 MB goal, 0 MB stacks, 0 MB globals, 2 P", 3, true},
		{"a forced one", "gc 2 @0.1s 0%: 0+0+0 ms clock, 0+0/0/0+0 ms cpu, 1->1->0 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 2 P (forced)", 0, true},
		{"the log", `{"level":"INFO","msg":"gc 1 @"}`, 0, false},
	} {
		if mb, ok := liveHeap(tc.line); mb != tc.mb || ok != tc.ok {
			t.Errorf("%s: %d %t", tc.reason, mb, ok)
		}
	}
}
