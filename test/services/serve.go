package services

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
)

// Serve runs a PostgreSQL for a test in another language, which may break it. It writes the URL, then answers each line of commands, "kill" or
// "restart", with "done" or the error. It ends with its input, and the server with it. Commits survive a kill.
func Serve(ctx context.Context, commands io.Reader, answers io.Writer) (err error) {
	cluster, err := startCluster(ctx, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	if _, err := fmt.Fprintln(answers, cluster.DSN()); err != nil {
		return err
	}
	lines := bufio.NewScanner(commands)
	for lines.Scan() {
		answer := "done"
		if err := cluster.obey(lines.Text()); err != nil {
			answer = err.Error()
		}
		if _, err := fmt.Fprintln(answers, answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (c *Cluster) obey(command string) error {
	switch command {
	case "kill":
		return c.kill()
	case "restart":
		return c.restart()
	default:
		return fmt.Errorf("no such command: %q", command)
	}
}
