package tui

import (
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// reportTime is how soon the rest of a focus report follows the Esc before it.
const reportTime = 100 * time.Millisecond

// repairFocusReport joins the parts of a focus report that Bubble Tea's parser splits. When a person
// presses Esc and at once changes the pane of tmux, both arrive in one read: ESC ESC [ O. The parser
// takes these bytes for Alt+Esc and the typed text "[O". repairFocusReport reports false when nothing
// is left of the key.
func (m *model) repairFocusReport(k tea.KeyMsg) (tea.KeyMsg, bool) {
	follows := !m.escAt.IsZero() && m.cfg.Now().Sub(m.escAt) < reportTime
	m.escAt = time.Time{}
	if k.Type == tea.KeyEscape && k.Alt {
		m.escAt = m.cfg.Now()
		k.Alt = false
		return k, true
	}
	if !follows || k.Type != tea.KeyRunes || k.Paste {
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
