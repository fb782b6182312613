package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

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

// withoutOwnDoing returns the parts of err that are news to the user: without a signal that the user sent, or an
// output that its reader closed.
func withoutOwnDoing(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var news []error
		for _, part := range joined.Unwrap() {
			news = append(news, withoutOwnDoing(part))
		}
		return errors.Join(news...)
	}
	if errors.Is(err, errSignalled) || errors.Is(err, lines.ErrOutput) {
		return nil
	}
	return err
}

// printError writes an error as one line on stderr.
func printError(err error) {
	text := strings.ReplaceAll(err.Error(), "\n", "; ") // between the parts of a joined error
	fmt.Fprintln(os.Stderr, "p2pchat: "+sanitize.Line(text).String())
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
