// Package messages is the pane that shows what is said in the room.
//
// The pane holds a log of entries (lines, notices of the program's own, refusals) in the order in
// which they stand, and draws only what is visible:
//
//   - entry.go, log.go: what is held, compactly and bounded, and where it stands;
//   - add.go, earlier.go, notices.go, delivery.go: how entries come in and change;
//   - place.go, scroll.go: the reader's place, an entry and a row of it, which nothing that arrives
//     moves (DESIGN.md §7);
//   - columns.go, body.go, between.go, rows.go: from entries to rows, wrapped when they are first
//     seen and cached until the width, the theme or the entry itself changes;
//   - unread.go, selection.go, find.go, inspector.go, mention.go: what the reader does with them.
//
// Rows are composed by hand with theme.Row; text of others comes in only as sanitize.SafeText.
package messages

import (
	"time"

	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// Config is what a pane needs to know of the program around it. Theme and Book must be set.
type Config struct {
	Theme *theme.Theme
	// Book gives the labels. It is read while drawing; tell the pane with Relabel when it changed.
	Roster *roster.Roster
	// Self is one's own peer id, a uuid.
	Self func() string
	// OwnName is what oneself is called: for mentions and for one's own /me.
	OwnName func() sanitize.SafeText
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Zone is where times are shown; nil means time.Local.
	Zone *time.Location
}

// Pane is the messages pane. It is a plain struct that belongs to the program's Update: not a
// tea.Model, and not safe for concurrent use.
type Pane struct {
	cfg   Config
	w, h  int
	focus bool
	came  time.Time // when the pane was made: what was said before is "from before you came"

	log     log
	people  people
	own     ownLines
	hidden  []*entry // lines of those who are ignored, in order of arrival
	ignored map[string]bool
	refused map[string]*refusal  // by sender and reason
	renamed map[string]*renaming // by the peer's id
	arrival arrival
	before  before
	noOlder bool // the history on disk has been shown up to its beginning

	follow bool // the end is shown and new lines scroll in
	anchor place
	pinned bool // a selection stopped following
	floor  int  // what stands before it was cleared away
	view   view
	cols   columns
	names  int // widest label seen
	bodies bodies
	rows   []string
	redraw bool // rows are not what is to be seen

	away     bool // the reader doesn't look at the terminal
	seen     int  // the last entry that was on the screen, -1 for none
	below    int  // lines of others after it
	unread   int
	dividers []int // entries with "new" above them, in order

	sel  int // the selected entry, -1 for none
	find find
}

// New returns an empty pane. It draws once SetSize was called.
func New(cfg Config) *Pane {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Zone == nil {
		cfg.Zone = time.Local
	}
	p := &Pane{cfg: cfg, follow: true, seen: -1, sel: -1}
	p.came = cfg.Now()
	p.before.at = -1
	p.people.init()
	p.log.init()
	p.ignored = make(map[string]bool)
	p.refused = make(map[string]*refusal)
	p.renamed = make(map[string]*renaming)
	p.arrange()
	return p
}

// SetSize says how many cells and rows the pane has. What is read stays at its place.
func (p *Pane) SetSize(w, h int) {
	w, h = max(w, 0), max(h, 0)
	if w == p.w && h == p.h {
		return
	}
	p.h = h
	if w != p.w {
		p.w = w
		p.arrange()
	}
	p.view.stale = true
}

// SetTheme changes how everything looks.
func (p *Pane) SetTheme(t *theme.Theme) {
	p.cfg.Theme = t
	p.restyle()
}

// SetFocus says whether the keyboard is on the pane: its notices are drawn in the accent then. It
// says nothing about whether anybody looks; that is SetAway.
func (p *Pane) SetFocus(on bool) {
	p.focus = on
	p.view.stale = true
}

// Clear takes what is shown off the screen (/clear). Nothing is forgotten: scrolling up brings it
// back, and only then is older history asked for again.
func (p *Pane) Clear() {
	p.floor = len(p.log.entries)
	p.ClearSelection()
	p.dividers = nil
	p.ScrollToEnd()
}

// restyle forgets what was drawn.
func (p *Pane) restyle() {
	p.bodies.clear()
	p.view.stale = true
}
