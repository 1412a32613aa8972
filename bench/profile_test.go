//go:build linux

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// profile records where a process spends its time, by perf, until stop is called; stop writes the table of functions to a file of the
// directory -profile. Without that flag it does nothing.
func (st *stand) profile(scenario, target string, p *process) (stop func()) {
	if *profileFlag == "" {
		return func() {}
	}
	name := filepath.Join(*profileFlag, strings.ReplaceAll(scenario+"-"+target, " ", "-"))
	record := exec.Command("perf", "record", "-q", "-F", "499", "-g", "-p", fmt.Sprint(p.pid), "-o", name+".perf")
	if err := record.Start(); err != nil {
		st.t.Fatal(err)
	}
	return func() {
		_ = record.Process.Signal(syscall.SIGINT)
		_ = record.Wait() // the status is that of the signal
		var tables strings.Builder
		for _, how := range []string{"--no-children", "--children"} {
			out, err := run(st.t.Context(), ".", "perf", "report", "-i", name+".perf", "--stdio", how, "-g", "none", "--percent-limit", "0.4")
			if err != nil {
				st.t.Logf("perf report: %v\n%s", err, out)
			}
			tables.Write(out)
		}
		if err := os.WriteFile(name+".txt", []byte(tables.String()), 0o644); err != nil {
			st.t.Error(err)
		}
		_ = os.Remove(name + ".perf")
	}
}
