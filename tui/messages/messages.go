// Package messages is the pane that shows a room's messages, and the program's own notices among them.
//
// The pane draws only what is visible and promises that nothing that arrives moves what the reader
// sees. It is composed of four parts, each with its own state:
//
//   - log (log.go, entry.go): the entries in order, compact and bounded;
//   - viewport (viewport.go, scroll.go, unread.go, selection.go): the rows on the screen, the reader's
//     anchor in the log, the message that the reader picked, and which messages were seen;
//   - finder (search.go): the reader's text;
//   - renderer (renderer.go, columns.go, linecache.go, separators.go, highlight.go): turns
//     entries into rows. Rows are wrapped when they are first seen, and cached until the width, the
//     theme or the entry changes.
//
// Pane itself brings entries in (add.go, backfill.go, notices.go, delivery.go) and keeps the
// parts' indexes into the log in step. Rows are composed by hand with theme.Row, and text of other
// people enters them only as sanitize.SafeText.
//
// Bubbles' viewport is not used here: it measures all of its content anew whenever that changes, which
// is 48,000 times slower at 100,000 messages. It also has no anchor that survives a resize.
package messages

import (
	"time"

	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// Config holds what a pane needs from the program around it. All of it must be set.
type Config struct {
	Theme   *theme.Theme
	Roster  *roster.Roster           // gives the labels while the pane draws; call Relabel after they changed
	OwnName func() sanitize.SafeText // the local peer's name, for mentions and for /me
	Now     func() time.Time
	Zone    *time.Location // in which times are shown
}

// Pane is the messages pane. It belongs to the program's Update: it is not a tea.Model, and not safe
// for concurrent use.
type Pane struct {
	cfg Config

	log      log
	viewport viewport
	finder   finder
	renderer renderer

	own     ownMessages
	ignored ignored
	refused map[string]*refusal  // by sender and reason
	renamed map[string]*renaming // by the peer's id
	late    lateNotice
	noOlder bool // the history on disk has been shown up to its beginning
	rows    []string
}

// New returns an empty pane. It draws once SetSize was called.
func New(cfg Config) *Pane {
	p := &Pane{cfg: cfg, refused: make(map[string]*refusal), renamed: make(map[string]*renaming)}
	p.log.init()
	p.ignored.ids = make(map[string]bool)
	p.viewport = viewport{log: &p.log, renderer: &p.renderer, following: true, selected: -1, lastSeen: -1}
	p.finder.at = -1
	p.renderer = renderer{
		cfg: &p.cfg, log: &p.log, viewport: &p.viewport, finder: &p.finder,
		opened: cfg.Now(), header: historyHeader{at: -1},
	}
	p.renderer.authors.init()
	p.renderer.arrangeColumns()
	return p
}

// SetSize sets the pane's width in cells and height in rows. The reader's place stays on the screen.
func (p *Pane) SetSize(w, h int) {
	w, h = max(w, 0), max(h, 0)
	if w == p.renderer.width && h == p.viewport.height {
		return
	}
	p.viewport.height = h
	if w != p.renderer.width {
		p.renderer.width = w
		p.renderer.arrangeColumns()
	}
	p.viewport.stale = true
}

// SetTheme changes how everything looks.
func (p *Pane) SetTheme(t *theme.Theme) {
	p.cfg.Theme = t
	p.restyle()
}

// SetFocus sets whether keys go to the pane: its notice of messages below is then more prominent.
// Whether anyone looks at the screen is a matter of SetAway.
func (p *Pane) SetFocus(on bool) {
	p.renderer.focus = on
	p.viewport.stale = true
}

// Clear hides what is shown (/clear). Nothing is dropped: scrolling up brings it back, and only then
// is older history asked for again.
func (p *Pane) Clear() {
	p.viewport.floor = len(p.log.entries)
	p.ClearSelection()
	p.viewport.dividers = nil
	p.ScrollToEnd()
}

// Relabel measures and draws all names anew. Call it after labels changed: a peer got a suffix, or
// another name.
func (p *Pane) Relabel() {
	p.renderer.relabel()
	p.restyle()
}

// Mentions reports whether a text has the local peer's name, or @name, as a whole word in any case.
func (p *Pane) Mentions(text string) bool {
	from, _ := p.renderer.mention(text, 0)
	return from >= 0
}

// restyle drops every drawn row, so that all are drawn anew.
func (p *Pane) restyle() {
	p.renderer.cache.clear()
	p.viewport.stale = true
}
