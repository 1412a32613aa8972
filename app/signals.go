package app

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that SIGINT or SIGTERM ends. From then on such a signal has its usual effect: it ends the process at once,
// also when a stop hangs.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	signals, over := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		defer close(over)
		select {
		case <-signals:
		case <-ctx.Done():
		}
		signal.Stop(signals) // before anybody learns of the first one
		cancel()
	}()
	return ctx, func() {
		cancel()
		<-over
	}
}

// onHangup calls do for each SIGHUP until stop is called, which waits for the call under way. While it runs, SIGHUP does not end the
// process.
func onHangup(do func()) (stop func()) {
	signals, ended, over := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer close(over)
		for {
			select {
			case <-signals:
				do()
			case <-ended:
				return
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(ended)
		<-over
	}
}
