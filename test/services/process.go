package services

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// process is a line of the process table.
type process struct {
	pid, parent int
	state       string // "Z…" is a zombie: it ended, and its parent has not waited for it yet
}

// processes lists all processes: from /proc, as small images have no ps, else from ps, as macOS has no /proc.
func processes() ([]process, error) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well formed
	if len(stats) == 0 {
		return processesByPS()
	}
	var found []process
	for _, stat := range stats {
		line, err := os.ReadFile(stat)
		if err != nil {
			continue // it ended meanwhile
		}
		// "pid (name) state parent …", where the name may hold anything, parentheses too.
		text := string(line)
		var p process
		if _, err := fmt.Sscan(text, &p.pid); err != nil {
			return nil, fmt.Errorf("%s: %w", stat, err)
		}
		if _, err := fmt.Sscan(text[strings.LastIndexByte(text, ')')+1:], &p.state, &p.parent); err != nil {
			return nil, fmt.Errorf("%s: %w", stat, err)
		}
		found = append(found, p)
	}
	return found, nil
}

func processesByPS() ([]process, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=,state=").Output()
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var found []process
	for line := range strings.Lines(string(out)) {
		var p process
		if _, err := fmt.Sscan(line, &p.pid, &p.parent, &p.state); err != nil {
			return nil, fmt.Errorf("ps: %q: %w", line, err)
		}
		found = append(found, p)
	}
	return found, nil
}

func childrenOf(parent int) ([]int, error) {
	all, err := processes()
	var pids []int
	for _, p := range all {
		if p.parent == parent {
			pids = append(pids, p.pid)
		}
	}
	return pids, err
}

// errIfAlive returns an error while one of the processes runs. A zombie does not count: in a container there may be
// no process that collects it.
func errIfAlive(pids []int) error {
	all, err := processes()
	if err != nil {
		return err
	}
	for _, p := range all {
		if slices.Contains(pids, p.pid) && !strings.HasPrefix(p.state, "Z") {
			return fmt.Errorf("process %d runs (state %s)", p.pid, p.state)
		}
	}
	return nil
}
