// Package composer is the composer: the rows at the bottom of the screen in which a message is written.
//
// The composer edits as readline does, by graphemes: Backspace takes a whole flag, or a letter with
// its accents. It grows from a row to five, and scrolls beyond. It remembers the texts that were sent,
// and keeps the draft while the user looks back at them. It offers completions in a list above it.
// Text passes tui/sanitize as it is typed or pasted, so that the text sent is the text shown. A paste
// never sends: up to 8 KiB become part of the text, more is folded into a row and sent after it.
//
// Bubbles' textarea is not used here: it edits by rune, so that Backspace would leave half a flag. It
// also knows no folded pastes, and can't sanitize as it goes.
//
// The bindings of keys stand in tui/keys.go; a key arrives here as an Op, or as text.
package composer

import (
	"strings"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// Limits, in bytes.
const (
	MaxText   = 8 << 10 // the typed text; longer texts would be split on the wire
	MaxPasted = 1 << 20 // text and folded pastes together
)

// MaxRows is the greatest height of the composer, in rows.
const MaxRows = 5

// Config holds what a composer needs. Theme must be set.
type Config struct {
	Theme *theme.Theme
	// Complete returns completions of the text before the cursor. The argument asked is true when Tab
	// was pressed, and false after each change. Nil offers nothing.
	Complete func(before string, asked bool) []Candidate
	// Hint is shown while the composer is empty.
	Hint sanitize.SafeText
}

// Pane is the composer. It belongs to the program's Update and Frame, and is not safe for concurrent
// use.
type Pane struct {
	cfg   Config
	focus bool

	e       editor
	history history
	list    list
	folded  []string // pastes too long to show, in order
	top     int      // first visible row
}

// New returns an empty composer.
func New(cfg Config) *Pane { return &Pane{cfg: cfg, focus: true} }

// SetTheme changes how the composer looks.
func (p *Pane) SetTheme(t *theme.Theme) { p.cfg.Theme = t }

// SetFocus sets whether keys go to the composer.
func (p *Pane) SetFocus(on bool) {
	p.focus = on
	if !on {
		p.list = list{}
	}
}

// Text returns the text without folded pastes.
func (p *Pane) Text() string { return p.e.text }

// IsEmpty reports whether there is nothing to send or to clear.
func (p *Pane) IsEmpty() bool { return p.e.text == "" && len(p.folded) == 0 }

// Size returns how many bytes would be sent.
func (p *Pane) Size() int {
	n := len(p.e.text)
	for _, f := range p.folded {
		n += len(f) + 1
	}
	return n
}

// Clear drops text and pastes. Yank brings the text back.
func (p *Pane) Clear() {
	if p.e.text != "" {
		p.e.killed = p.e.text // Ctrl+Y brings back a text that was cleared by mistake
	}
	p.reset()
}

func (p *Pane) reset() {
	p.e.set("")
	p.folded, p.list, p.top = nil, list{}, 0
	p.history.leave()
}

// Submit returns the text to send, remembers it and empties the composer. White space alone counts as
// no text.
func (p *Pane) Submit() string {
	text := p.e.text
	if strings.TrimSpace(text) != "" {
		p.history.add(text)
	} else {
		text = ""
	}
	for _, f := range p.folded {
		if text != "" {
			text += "\n"
		}
		text += f
	}
	p.reset()
	return text
}

// Type inserts text from the keyboard. It reports false if the text is too long for MaxText.
func (p *Pane) Type(text string) bool {
	if len(p.e.text)+len(text) > MaxText {
		return false
	}
	p.e.insert(text)
	p.offer(false)
	return true
}

// Apply carries out the operation of a key, and reports whether anything changed. Up in an empty
// composer without history, for example, changes nothing.
func (p *Pane) Apply(op Op) bool {
	switch op {
	case Up:
		return p.moveVertically(-1)
	case Down:
		return p.moveVertically(1)
	case Newline:
		return p.Type("\n")
	case Backspace:
		if p.e.text == "" && len(p.folded) > 0 {
			p.folded = p.folded[:len(p.folded)-1]
			return true
		}
	}
	before := p.e.text
	did := p.e.apply(op)
	if p.e.text != before || len(p.list.items) > 0 {
		p.offer(false)
	}
	return did
}

// moveVertically moves the cursor a row up or down and, past the first or last row, through history.
func (p *Pane) moveVertically(step int) bool {
	if p.e.moveVertically(step) {
		return true
	}
	text, ok := p.history.move(step, p.e.text)
	if ok {
		p.e.set(text)
		p.list = list{}
	}
	return ok
}
