package tui

import (
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// An Esc and a focus report that arrive in one read are separated again.
func TestRepairFocusReport(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	w.keys("?")
	w.send(tea.KeyMsg{Type: tea.KeyEscape, Alt: true})
	w.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("[O/y")})
	if w.m.overlay.isOpen() || !w.m.away || w.m.current.Draft.Text() != "/y" {
		t.Errorf("sheet open %v, away %v, written %q", w.m.overlay.isOpen(), w.m.away, w.m.current.Draft.Text())
	}
	w.keys("ctrl+c")
	w.send(tea.KeyMsg{Type: tea.KeyEscape, Alt: true})
	w.pass(time.Second)
	w.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("[O")})
	if got := w.m.current.Draft.Text(); got != "[O" {
		t.Errorf("typed later, it must be text: %q", got)
	}
}
