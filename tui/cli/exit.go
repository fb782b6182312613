package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/tui/lines"
	"chat.lan/p2pchat/tui/sanitize"

	"github.com/spf13/cobra"
)

// Exit codes, on which scripts rely.
const (
	exitError  = 1
	exitUsage  = 2
	exitPanic  = 2
	exitSignal = 130
)

// errSignalled ends a run after a signal: a user pressed Ctrl+C, or the machine goes down.
var errSignalled = errors.New("ended by a signal")

// exitCode returns the exit code for a command's error.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSignalled):
		return exitSignal
	case errors.As(err, new(*usageError)):
		return exitUsage
	case errors.As(err, new(*group.Panic)):
		return exitPanic
	}
	return exitError
}

// outcome is several errors of one run: why it ended, and what was lost at its end.
type outcome []error

// joinOutcome joins errors to one, leaving out those that are nil or part of one before.
func joinOutcome(errs ...error) error {
	var out outcome
	for _, err := range errs {
		parts, ok := err.(outcome)
		if !ok && err != nil {
			parts = outcome{err}
		}
		for _, part := range parts {
			if !errors.Is(out, part) {
				out = append(out, part)
			}
		}
	}
	switch len(out) {
	case 0:
		return nil
	case 1:
		return out[0]
	}
	return out
}

// Error returns all errors as one line.
func (o outcome) Error() string {
	texts := make([]string, len(o))
	for i, err := range o {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the errors, for package errors.
func (o outcome) Unwrap() []error { return o }

// dropExpected returns what of err is news to the user: not a signal that the user sent, nor an output that its
// reader closed.
func dropExpected(err error) error {
	if parts, ok := err.(outcome); ok {
		var news []error
		for _, part := range parts {
			news = append(news, dropExpected(part))
		}
		return joinOutcome(news...)
	}
	if errors.Is(err, errSignalled) || errors.Is(err, lines.ErrOutput) {
		return nil
	}
	return err
}

// printTime is how long stderr may take an error: it may be a terminal that hangs.
const printTime = time.Second

// printError writes an error as one line on stderr.
func printError(err error) {
	out, printed := os.Stderr, make(chan struct{})
	group.New(context.Background(), nil).Go("cli/stderr", func(context.Context) {
		defer close(printed)
		fmt.Fprintln(out, "p2pchat: "+sanitize.Line(err.Error()).String())
	})
	select {
	case <-printed:
	case <-time.After(printTime):
	}
}

// usageError is a flag or an argument that makes no sense; hint is the next step.
type usageError struct{ text, hint string }

func (e *usageError) Error() string { return e.text + ": " + e.hint }

// newUsageError adds to an error of cobra's where the help for the command is.
func newUsageError(cmd *cobra.Command, err error) error {
	hint := "p2pchat help"
	if cmd.HasParent() {
		hint += " " + cmd.Name()
	}
	return &usageError{strings.TrimSpace(err.Error()), hint + " lists what there is"}
}
