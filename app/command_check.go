package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"studychat/app/check"
	"studychat/config"
)

var errCheck = errors.New("something is wrong")

// checkAll is `studychat check`. It reports wrong settings like everything else. log gets what
// the parts log, which the report says better.
func checkAll(ctx context.Context, environ, args []string, out io.Writer, log *slog.Logger) error {
	asJSON := slices.Equal(args, []string{"--json"})
	if len(args) > 0 && !asJSON {
		return fmt.Errorf("%w: check [--json]", errUsage)
	}
	settings, mistakes := config.Read(environ)
	var report check.Report
	if mistakes != nil {
		report = check.Settings(mistakes)
	} else {
		report = check.All(ctx, settings, log)
	}
	write := report.WriteTable
	if asJSON {
		write = report.WriteJSON
	}
	if err := write(out); err != nil {
		return err
	}
	if report.Wrong() {
		return errCheck
	}
	return nil
}
