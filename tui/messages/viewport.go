package messages

// place is where somebody reads: an entry and a row of it. Rows below zero are those between the
// entry and the one before it (a day, "new"), counted from below. Rows of the entry itself are
// remembered as the cells before them, so that a resize and a resize back end where they began.
type place struct {
	entry int
	row   int // below zero, else cells counts
	cells int
}

// view is what is on the screen. It is found when it is asked for, by look.
type view struct {
	stale  bool
	top    int // the first entry that is visible
	skip   int // rows of it above the screen, those between included
	blank  int // rows above the first entry when there isn't enough to fill the screen
	last   int // the last entry that is visible, or what stands above it; -1 for none
	seen   int // the last entry of which a row is visible
	end    bool
	notice bool // the last row says what is below
}

// room is how many rows entries have while the end isn't shown: the last one says so, if there is
// more than a row or two.
func (p *Pane) room() int {
	if p.h < 3 {
		return p.h
	}
	return p.h - 1
}

// look finds out what is on the screen, and notes what was seen.
func (p *Pane) look() {
	if !p.view.stale {
		return
	}
	p.view.stale, p.redraw = false, true
	if n := len(p.dividers); p.follow && n > 1 { // kept only as long as they might be read
		p.dividers = append(p.dividers[:0], p.dividers[n-1])
	}
	if p.follow && p.names != p.cols.widest {
		p.arrange() // not while somebody reads further up
	}
	if p.follow || !p.lookFrom(p.anchor) {
		p.lookFromEnd()
	}
	p.noteSeen()
}

// lookFromEnd fills the screen from the end.
func (p *Pane) lookFromEnd() {
	n := len(p.log.entries)
	i, rows := n, 0
	for i > p.floor && (rows < p.h || i == n) {
		i--
		rows += p.height(i)
	}
	p.view = view{top: i, skip: max(rows-p.h, 0), blank: max(p.h-rows, 0), last: n - 1, seen: n - 1, end: true}
}

// lookFrom fills the screen from a place, unless all that follows fits.
func (p *Pane) lookFrom(at place) bool {
	n := len(p.log.entries)
	if n <= p.floor {
		return false
	}
	i, row := p.locate(at)
	rows, last, seen, room := -row, i, i, p.room()
	for j := i; j < n && rows <= p.h; j++ {
		if rows < room {
			last = j
			if rows+p.between(j) < room {
				seen = j
			}
		}
		rows += p.height(j)
	}
	if rows <= p.h {
		return false
	}
	p.view = view{top: i, skip: row, last: last, seen: seen, notice: room < p.h}
	return true
}

// locate finds an entry and a row of it, those between included, for a place.
func (p *Pane) locate(at place) (i, row int) {
	i = min(max(at.entry, p.floor), len(p.log.entries)-1)
	if i != at.entry {
		return i, 0
	}
	between := p.between(i)
	if at.row < 0 {
		return i, max(between+at.row, 0)
	}
	return i, between + min(at.cells/max(p.cols.wrap, 1), p.height(i)-between-1)
}

// placeOf is the place of a row of an entry, those between included.
func (p *Pane) placeOf(i, row int) place {
	between := p.between(i)
	if row < between {
		return place{entry: i, row: row - between}
	}
	return place{entry: i, cells: (row - between) * max(p.cols.wrap, 1)}
}

// height is how many rows entry i takes, those between it and the one before included.
func (p *Pane) height(i int) int { return p.between(i) + len(p.body(i, false)) }
