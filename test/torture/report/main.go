// Command report turns the lines of a torture run into a page:
//
//	go run ./test/torture/report test/torture/report/torture.jsonl > docs/reliability.md
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"studychat/test/torture"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "torture/report:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// run writes the page for the file that args name.
func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: go run ./test/torture/report test/torture/report/torture.jsonl")
	}
	file, err := os.Open(args[0]) //nolint:gosec // the caller names the file
	if err != nil {
		return err
	}
	lines, err := read(file)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	_, err = io.WriteString(out, page(lines))
	return err
}

func read(in io.Reader) ([]torture.Line, error) {
	var lines []torture.Line
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var line torture.Line
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(lines)+1, err)
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 && scanner.Err() == nil {
		return nil, errors.New("no lines: has a check run?")
	}
	return lines, scanner.Err()
}

const intro = `# Reliability

How the server's promises hold under real faults: three real server processes on one PostgreSQL and one Redis (for the cache and the herd: three
instances in one process, so that each of their steps can be delayed; under hostile clients: one server). Written by
` + "`make torture`" + ` (the checks, in [test/torture/](../test/torture)) and ` + "`go run ./test/torture/report`" + ` (this page), from
[torture.jsonl](../test/torture/report/torture.jsonl); do not edit.

- *Due* and *delivered* are deliveries: committed events times their subscribers, compared with the database's own log.
- Latencies run from before the sending HTTP request to receipt by the subscriber, for messages sent *during* the faults (for all messages where a
  check has no window of faults). The load generator, the three servers, PostgreSQL and Redis share one machine of two cores: the figures are upper bounds for the product.
- A read is *stale* when it began after a write was answered and returned an older value, or a deleted chat. While Redis hangs and while an instance is
  separated from it, stale reads happen by design: the limit is 2 s.
- A missed limit fails its check, and the page shows that.
`

// page returns the whole document.
func page(lines []torture.Line) string {
	var b strings.Builder
	failed, seconds := 0, 0.0
	for _, line := range lines {
		seconds += line.Seconds
		if !line.OK {
			failed++
		}
	}
	b.WriteString(intro)
	fmt.Fprintf(&b, "\n%d checks, %d failed, %.0f s.\n\n", len(lines), failed, seconds)
	b.WriteString(promisesTable(lines))
	b.WriteString("\n| check | | due | delivered | lost | doubled | out of order | resets | stale reads | p50 ms | p99 ms | caught up ms |\n")
	b.WriteString("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, line := range lines {
		b.WriteString(row(line))
	}
	for _, line := range lines {
		fmt.Fprintf(&b, "\n## %s\n%s. Load: %s. %.0f s.\n\n", line.Check, line.Fault, line.Load, line.Seconds)
		for _, note := range line.Notes {
			fmt.Fprintf(&b, "- %s\n", note)
		}
	}
	return b.String()
}

func row(line torture.Line) string {
	verdict := "ok"
	if !line.OK {
		verdict = "**failed**"
	}
	cells := []string{"[" + line.Check + "](#" + line.Check + ")", verdict}
	for _, n := range []int{line.Committed, line.Delivered, line.Lost, line.Duplicates, line.Gaps, line.Resets} {
		cells = append(cells, number(float64(n), line.Committed > 0))
	}
	cells = append(cells, fmt.Sprint(line.Stale))
	for _, f := range []float64{line.P50, line.P99, line.CaughtUp} {
		cells = append(cells, number(f, line.P99 > 0))
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// number returns "" for a value that was not measured.
func number(f float64, measured bool) string {
	if !measured {
		return ""
	}
	return fmt.Sprintf("%.0f", f)
}
