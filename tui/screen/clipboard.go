package screen

import (
	"fmt"
	"os"

	"github.com/charmbracelet/x/ansi"
)

// maxCopy is the greatest length of a text for Copy, in bytes. In base64 these are
// 100,000 bytes, where common terminals (hterm, older xterm and iTerm) stop.
const maxCopy = 74_994

// Copy puts text on the clipboard of the terminal's user by OSC 52, which works over ssh too. No answer
// says whether the terminal took the text. Copy doesn't wait; its error says that the text is too long.
func (s *Screen) Copy(text string) error {
	if len(text) > maxCopy {
		return fmt.Errorf("screen: %d bytes are too many for the terminal's clipboard; copy at most %d at once", len(text), maxCopy)
	}
	s.painter.send(copySequence(text))
	return nil
}

// copySequence returns OSC 52, in the forms that may get through.
//
// Tmux takes the plain form only with set-clipboard on (its default, external, drops it), and the
// wrapped form only with allow-passthrough on (off by default since 3.3). Either may work; if both do,
// the clipboard is set twice to the same. GNU screen knows only its own wrapping, in pieces that fit its
// buffer of 768 bytes.
func copySequence(text string) string {
	osc := ansi.SetSystemClipboard(text)
	switch {
	case os.Getenv("TMUX") != "":
		return ansi.TmuxPassthrough(osc) + osc
	case os.Getenv("STY") != "":
		return ansi.ScreenPassthrough(osc, 700)
	}
	return osc
}
