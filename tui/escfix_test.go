package tui

import (
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// Esc and a report of the lost focus in one read are told apart again.
func TestEscAndALostFocusInOneRead(t *testing.T) {
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
		t.Errorf("what is typed later is text: %q", got)
	}
}
