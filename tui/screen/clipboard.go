package screen

import (
	"fmt"

	"github.com/charmbracelet/x/ansi"
)

// maxCopy is the longest text that Copy takes, in bytes: 100,000 of base64, which is where common
// terminals (hterm, older xterm and iTerm) stop.
const maxCopy = 74_994

// Copy puts text on the clipboard of the terminal's user, also over ssh, by OSC 52. The terminal
// doesn't say whether it took it. It doesn't wait; the error says that the text is too long.
func (s *Screen) Copy(text string) error {
	if len(text) > maxCopy {
		return fmt.Errorf("screen: %d bytes are too many for the terminal's clipboard; copy at most %d at once", len(text), maxCopy)
	}
	s.painter.send(copySequence(text, s.opts.Getenv))
	return nil
}

// copySequence is OSC 52, in the forms that have a chance of getting through.
//
// tmux takes the plain form only with set-clipboard on (its default, external, drops it), and the
// wrapped form only with allow-passthrough on (off by default since 3.3): either may be the one
// that works, and if both do, the clipboard is set twice to the same. GNU screen knows only its own
// wrapping, in pieces that fit its buffer of 768 bytes.
func copySequence(text string, getenv func(string) string) string {
	osc := ansi.SetSystemClipboard(text)
	switch {
	case getenv("TMUX") != "":
		return ansi.TmuxPassthrough(osc) + osc
	case getenv("STY") != "":
		return ansi.ScreenPassthrough(osc, 700)
	}
	return osc
}
