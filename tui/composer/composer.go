// Package composer is the composer: the rows at the bottom of the screen in which a person writes.
//
// It edits as readline does, by graphemes, so that one Backspace takes a whole flag or a letter with
// its accents; it grows from one row to five and scrolls beyond; it remembers what was sent, and
// keeps the draft while one looks back; it offers ways to go on in a list above it. What is typed or
// pasted passes tui/sanitize as it comes in, so that what is sent is what is shown. A paste never sends:
// up to 8 KiB become part of the text, more is folded into one row and goes out behind it.
//
// Which key does what is said in tui/keys.go; a key arrives here as an Op, or as text.
package composer

import (
	"strings"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// Limits, in bytes (DESIGN.md §10).
const (
	MaxText   = 8 << 10 // of what is typed, so of one line on the wire
	MaxPasted = 1 << 20 // of what is folded, and of all together
)

// MaxRows is how high the composer grows.
const MaxRows = 5

// Config is what a composer needs. Theme must be set.
type Config struct {
	Theme *theme.Theme
	// Complete returns ways in which what stands before the cursor may go on. Asked is true when the
	// person pressed Tab, and false after each change. Nil offers nothing.
	Complete func(before string, asked bool) []Candidate
	// Hint is shown while nothing is written.
	Hint sanitize.SafeText
}

// Pane is the composer. It is not safe for concurrent use: it belongs to the program's Update and
// Frame.
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

// SetTheme changes how it looks.
func (p *Pane) SetTheme(t *theme.Theme) { p.cfg.Theme = t }

// SetFocus says whether keys go here.
func (p *Pane) SetFocus(on bool) {
	p.focus = on
	if !on {
		p.list = list{}
	}
}

// Text is what is written, without what is folded.
func (p *Pane) Text() string { return p.e.text }

// IsEmpty reports whether there is nothing to send or to clear.
func (p *Pane) IsEmpty() bool { return p.e.text == "" && len(p.folded) == 0 }

// Size is how many bytes would be sent.
func (p *Pane) Size() int {
	n := len(p.e.text)
	for _, f := range p.folded {
		n += len(f) + 1
	}
	return n
}

// Clear drops everything, and reports whether there was something.
func (p *Pane) Clear() bool {
	had := !p.IsEmpty()
	if p.e.text != "" {
		p.e.killed = p.e.text // Ctrl+Y brings a line back that was cleared by mistake
	}
	p.e.set("")
	p.folded, p.list, p.top = nil, list{}, 0
	p.history.leave()
	return had
}

// Submit returns what is to be sent, remembers it and empties the composer. White space alone is
// nothing.
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
	p.e.set("")
	p.folded, p.list, p.top = nil, list{}, 0
	p.history.leave()
	return text
}

// Type inserts what came from the keyboard. It reports false when there is no room for it.
func (p *Pane) Type(text string) bool {
	if len(p.e.text)+len(text) > MaxText {
		return false
	}
	p.e.insert(text)
	p.offer(false)
	return true
}

// Apply does what a key stands for, and reports whether it did anything: Up in an empty composer
// without history doesn't, for one.
func (p *Pane) Apply(op Op) bool {
	switch op {
	case Up, Down:
		return p.vertical(op)
	case Newline:
		return p.Type("\n")
	case Backspace:
		if p.e.text == "" && len(p.folded) > 0 {
			p.folded = p.folded[:len(p.folded)-1]
			return true
		}
	}
	before := p.e.text
	did := p.e.do(op)
	if p.e.text != before || len(p.list.items) > 0 {
		p.offer(false)
	}
	return did
}

// vertical moves the cursor a row up or down and, past the first or last row, through history.
func (p *Pane) vertical(op Op) bool {
	rows := wrap(p.e.text, p.e.width)
	if p.e.vertical(op, rows) {
		return true
	}
	var text string
	var ok bool
	if op == Up {
		text, ok = p.history.older(p.e.text)
	} else {
		text, ok = p.history.newer()
	}
	if ok {
		p.e.set(text)
		p.list = list{}
	}
	return ok
}
