package services

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestServe(t *testing.T) {
	t.Parallel()
	if _, err := FindPostgres(); err != nil {
		Missing(t, err)
	}
	input, commands := io.Pipe()
	answers, output := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Serve(t.Context(), input, output)
		_ = output.CloseWithError(io.EOF)
		ended <- err
	}()
	lines := bufio.NewScanner(answers)
	next := func() string {
		lines.Scan()
		return lines.Text()
	}
	tell := func(command string) string {
		if _, err := io.WriteString(commands, command+"\n"); err != nil {
			t.Fatal(err)
		}
		return next()
	}
	dsn := next()
	run(t, connect(t, dsn), "CREATE TABLE chat (id int)")
	if answer := tell("kill"); answer != "done" {
		t.Fatal(answer)
	}
	if err := reach(t.Context(), dsn); err == nil {
		t.Error("a killed server answers")
	}
	if answer := tell("restart"); answer != "done" {
		t.Fatal(answer)
	}
	if n := count(t, connect(t, dsn), countTables); n != 1 {
		t.Errorf("after the restart there are %d tables", n)
	}
	if answer := tell("fly"); !strings.Contains(answer, "fly") {
		t.Errorf("an unknown command is answered with %q", answer)
	}
	if err := errors.Join(commands.Close(), <-ended); err != nil {
		t.Error(err)
	}
	if err := reach(context.Background(), dsn); err == nil {
		t.Error("the server outlives its input")
	}
}

func reach(ctx context.Context, dsn string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}
