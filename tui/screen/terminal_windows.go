package screen

import (
	"os"

	"golang.org/x/sys/windows"
	"golang.org/x/term"
)

// consoleMode holds the modes from before makeRaw.
type consoleMode struct{ in, out *term.State }

// makeRaw puts the console in raw mode, with control sequences both ways, and returns its modes from
// before.
func makeRaw(in, out int) (*consoleMode, error) {
	outState, err := term.GetState(out)
	if err != nil {
		return nil, err
	}
	inState, err := term.MakeRaw(in)
	if err != nil {
		return nil, err
	}
	m := &consoleMode{inState, outState}
	var mode uint32
	if err := windows.GetConsoleMode(windows.Handle(out), &mode); err != nil {
		_ = m.restore(in, out)
		return nil, err
	}
	mode |= windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING |
		windows.DISABLE_NEWLINE_AUTO_RETURN
	if err := windows.SetConsoleMode(windows.Handle(out), mode); err != nil {
		_ = m.restore(in, out)
		return nil, err
	}
	return m, nil
}

func (m *consoleMode) restore(in, out int) error {
	err := term.Restore(in, m.in)
	if e := term.Restore(out, m.out); err == nil {
		err = e
	}
	return err
}

// reopen returns out: a console has no second description, and its writes don't block for long.
func reopen(out *os.File) *os.File { return out }

// discardOutput has nothing to do: a console keeps no output back.
func discardOutput(int) {}
