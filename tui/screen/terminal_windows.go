package screen

import (
	"os"

	"golang.org/x/sys/windows"
	"golang.org/x/term"
)

// makeRaw puts the console in raw mode, with control sequences both ways; restore puts it back into its
// modes from before.
func makeRaw(in, out int) (restore func(), err error) {
	outState, err := term.GetState(out)
	if err != nil {
		return nil, err
	}
	inState, err := term.MakeRaw(in)
	if err != nil {
		return nil, err
	}
	restore = func() {
		_ = term.Restore(in, inState)
		_ = term.Restore(out, outState)
	}
	var mode uint32
	if err = windows.GetConsoleMode(windows.Handle(out), &mode); err == nil {
		mode |= windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING |
			windows.DISABLE_NEWLINE_AUTO_RETURN
		err = windows.SetConsoleMode(windows.Handle(out), mode)
	}
	if err != nil {
		restore()
	}
	return restore, err
}

// reopen returns out: a console has no second description, and its writes don't block for long.
func reopen(out *os.File) *os.File { return out }

// discardOutput has nothing to do: a console keeps no output back.
func discardOutput(int) {}
