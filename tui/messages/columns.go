package messages

// maxName is the greatest width of the column of names, in cells.
const maxName = 14

// columns holds where things stand in a row: "12:54 dana        ✓ text". A column without room has
// width zero.
type columns struct {
	widest int // width of the label that the columns were made for
	lead   int // cell for the selection
	time   int // cells
	name   int // cells
	nameAt int
	mark   int // cells
	markAt int
	textAt int
	wrap   int // cells for text, at least one
	note   int // cells kept free for a note at the end of local and late messages
	rule   int // where rules and late notices begin
	end    int // the column after the last
}

// fitColumns arranges the columns anew if a longer name has come.
func (r *renderer) fitColumns() {
	if r.widestName != r.columns.widest {
		r.arrangeColumns()
	}
}

// arrangeColumns fits the columns to the width and the names, and drops what was drawn in others.
func (r *renderer) arrangeColumns() {
	w := r.width
	c := columns{widest: r.widestName, end: w}
	most := 0
	switch {
	case w >= 60:
		most = maxName
	case w >= 36:
		most = 8
	case w >= 16:
		most = 6
	}
	c.name = min(max(r.widestName, 3), most)
	if w >= 8 {
		c.lead, c.mark = 1, 1
	}
	if w >= 36 {
		c.time = 5
	}
	if w >= 30 { // text doesn't touch the next pane
		c.end = w - 1
	}
	after := func(at, cells int) int {
		if cells == 0 {
			return at
		}
		return at + cells + 1
	}
	c.nameAt = after(c.lead, c.time)
	c.markAt = after(c.nameAt, c.name)
	c.textAt = after(c.markAt, c.mark)
	c.wrap = max(c.end-c.textAt, 1)
	switch {
	case c.wrap >= 36:
		c.note = 11
	case c.wrap >= 20:
		c.note = 8
	}
	c.rule = min(3, w/12)
	r.columns = c
	r.cache.clear()
}
