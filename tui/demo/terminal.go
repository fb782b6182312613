package demo

import (
	"io"
	"os"
	"reflect"

	"golang.org/x/term"
)

// giveBack ends everything that tmux may have asked of a terminal, last of it the second screen: reports
// of the mouse and the focus, marked pastes, keys of the keypad, scrolling within a region, a hidden
// cursor.
const giveBack = "\x18\x1b[m\x1b(B\x1b[r\x1b[?1l\x1b>" +
	"\x1b[?1006l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"

// keepTerminal remembers the modes of the person's terminal. What it returns gives them back if tmux
// didn't: that is its server's to do, which may have been killed. It may only be called when no client
// is attached.
func keepTerminal(in *os.File, out io.Writer) (restore func()) {
	was, err := term.GetState(int(in.Fd()))
	if err != nil {
		return func() {}
	}
	return func() {
		is, err := term.GetState(int(in.Fd()))
		if err != nil || reflect.DeepEqual(was, is) {
			return // the terminal has gone, or tmux left it as it was
		}
		_ = term.Restore(int(in.Fd()), was)
		_, _ = io.WriteString(out, giveBack)
	}
}
