package demo

import (
	"io"
	"os"
	"reflect"

	"golang.org/x/term"
)

// resetModes ends every mode that tmux may have set in a terminal: mouse and focus reports, bracketed
// paste, keypad keys, a scroll region, a hidden cursor. The alternate screen comes last.
const resetModes = "\x18\x1b[m\x1b(B\x1b[r\x1b[?1l\x1b>" +
	"\x1b[?1006l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"

// saveTerminal saves the modes of the user's terminal and returns a function that restores them. tmux
// restores them itself unless its server was killed. Call restore only when no client is attached.
func saveTerminal(in *os.File, out io.Writer) (restore func()) {
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
		_, _ = io.WriteString(out, resetModes)
	}
}
