package messages

import "slices"

// viewport is the window onto the log: the reader's place, the rows on the screen, and which messages
// were seen.
type viewport struct {
	log      *log
	renderer *renderer // measures the entries
	height   int       // rows

	following bool   // the end is shown and new messages scroll in
	anchor    anchor // the top of the screen while not following
	pinned    bool   // a selection stopped the following
	selected  int    // the entry that the reader picked, -1 for none
	floor     int    // entries below this index are hidden by /clear

	stale   bool // visible must be found anew
	redraw  bool // the rows on the screen are not those of visible
	visible visible

	away     bool // the reader doesn't look at the terminal
	lastSeen int  // the last entry that was on the screen, -1 for none
	below    int  // messages of peers after it
	unread   int
	dividers []int // entries with "new" above them, in order
}

// anchor is a reader's place: an entry and a row of it. It holds cells instead of rows of text, so
// that a resize and its reverse end at the same row.
type anchor struct {
	entry int
	row   int // if below zero, a separator, counted from the last; else cells counts
	cells int // before the row, in the entry's text
}

// visible is what is on the screen.
type visible struct {
	top    int // the first entry that is visible
	skip   int // rows of it above the screen, separators included
	blank  int // rows above the first entry when there isn't enough to fill the screen
	last   int // the last entry that is visible, or is above it; -1 for none
	seen   int // the last entry of which a row is visible
	end    bool
	notice bool // the last row says what is below
}

// entryRows counts the rows that entries have while the end isn't shown. The last row then says so,
// unless there are only a row or two.
func (v *viewport) entryRows() int {
	if v.height < 3 {
		return v.height
	}
	return v.height - 1
}

// update finds what is on the screen, if that may have changed, and notes what was seen.
func (v *viewport) update() {
	if !v.stale {
		return
	}
	v.stale, v.redraw = false, true
	if n := len(v.dividers); v.following && n > 1 { // kept only as long as they might be read
		v.dividers = append(v.dividers[:0], v.dividers[n-1])
	}
	if v.following {
		v.renderer.fitColumns() // but not while the reader is further up: text would move
	}
	if v.following || !v.fillFrom(v.anchor) {
		v.fillFromEnd()
	}
	v.noteSeen()
}

// fillFromEnd fills the screen from the end.
func (v *viewport) fillFromEnd() {
	n := len(v.log.entries)
	i, rows := n, 0
	for i > v.floor && (rows < v.height || i == n) {
		i--
		rows += v.renderer.height(i)
	}
	v.visible = visible{top: i, skip: max(rows-v.height, 0), blank: max(v.height-rows, 0), last: n - 1, seen: n - 1, end: true}
}

// fillFrom fills the screen from an anchor down. It reports false if everything from there on fits,
// so that the end is on the screen.
func (v *viewport) fillFrom(at anchor) bool {
	n := len(v.log.entries)
	if n <= v.floor {
		return false
	}
	i, row := v.locate(at)
	rows, last, seen, room := -row, i, i, v.entryRows()
	for j := i; j < n && rows <= v.height; j++ {
		if rows < room {
			last = j
			if rows+v.renderer.separatorHeight(j) < room {
				seen = j
			}
		}
		rows += v.renderer.height(j)
	}
	if rows <= v.height {
		return false
	}
	v.visible = visible{top: i, skip: row, last: last, seen: seen, notice: room < v.height}
	return true
}

// locate returns the entry of an anchor and a row of it, separators included.
func (v *viewport) locate(at anchor) (i, row int) {
	i = min(max(at.entry, v.floor), len(v.log.entries)-1)
	if i != at.entry {
		return i, 0
	}
	separators := v.renderer.separatorHeight(i)
	if at.row < 0 {
		return i, max(separators+at.row, 0)
	}
	return i, separators + min(at.cells/v.renderer.columns.wrap, v.renderer.height(i)-separators-1)
}

// anchorAt returns the anchor of a row of an entry, separators included. A row below zero is one of the
// entries above.
func (v *viewport) anchorAt(i, row int) anchor {
	for row < 0 && i > v.floor {
		i--
		row += v.renderer.height(i)
	}
	row = max(row, 0)
	separators := v.renderer.separatorHeight(i)
	if row < separators {
		return anchor{entry: i, row: row - separators}
	}
	return anchor{entry: i, cells: (row - separators) * v.renderer.columns.wrap}
}

// topAnchor returns the anchor of the screen as it is.
func (v *viewport) topAnchor() anchor { return v.anchorAt(v.visible.top, v.visible.skip) }

// shift moves the viewport's indexes after the log has changed.
func (v *viewport) shift(to func(int) int) {
	for _, at := range []*int{&v.anchor.entry, &v.lastSeen, &v.visible.top, &v.visible.last, &v.selected} {
		if *at >= 0 {
			*at = to(*at)
		}
	}
	if v.floor > 0 {
		v.floor = to(v.floor)
	}
	for i, at := range v.dividers {
		v.dividers[i] = to(at)
	}
	v.dividers = slices.Compact(v.dividers)
	v.stale = true
}
