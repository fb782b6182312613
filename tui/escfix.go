package tui

import (
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// reportTime is how soon the rest of a torn report follows the Esc before it.
const reportTime = 100 * time.Millisecond

// repairFocusReport puts together what Bubble Tea's parser tears apart. Esc and, in the same read, a report that the
// terminal's window has lost the focus are the bytes ESC ESC [ O, which it takes for Alt+Esc and the
// typed text "[O": whoever closes something and changes the pane of tmux at once would have written
// that. repairFocusReport reports false when nothing is left of the key.
func (m *model) repairFocusReport(k tea.KeyMsg) (tea.KeyMsg, bool) {
	torn := !m.escAt.IsZero() && m.cfg.Now().Sub(m.escAt) < reportTime
	m.escAt = time.Time{}
	if k.Type == tea.KeyEscape && k.Alt {
		m.escAt = m.cfg.Now()
		k.Alt = false
		return k, true
	}
	if !torn || k.Type != tea.KeyRunes || k.Paste {
		return k, true
	}
	text := string(k.Runes)
	rest, gone := strings.CutPrefix(text, "[O")
	if !gone {
		var back bool
		if rest, back = strings.CutPrefix(text, "[I"); !back {
			return k, true
		}
	}
	m.away = gone
	k.Runes = []rune(rest)
	return k, rest != ""
}
