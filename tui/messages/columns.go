package messages

// maxName is the widest that the column of names becomes.
const maxName = 14

// columns is where things stand in a row: "12:54 dana        ✓ text". Zero widths are columns that
// there is no room for.
type columns struct {
	widest int // label that the columns were made for
	lead   int // cell for the selection
	time   int // cells
	name   int // cells
	nameAt int
	mark   int // cells
	markAt int
	textAt int
	wrap   int // cells that text has
	aside  int // cells kept free at the end of one's own and late lines, for what is said about them
	rule   int // where rules and announcements begin
	end    int // the column after the last
}

// arrange finds the columns for the width and the names there are. What was drawn in other columns is
// drawn again.
func (p *Pane) arrange() {
	w := p.w
	c := columns{widest: p.names, end: w}
	most := 0
	switch {
	case w >= 60:
		most = maxName
	case w >= 36:
		most = 8
	case w >= 16:
		most = 6
	}
	c.name = min(max(p.names, 3), most)
	if w >= 8 {
		c.lead, c.mark = 1, 1
	}
	if w >= 36 {
		c.time = 5
	}
	if w >= 30 { // text doesn't touch what stands beside the pane
		c.end = w - 1
	}
	at := c.lead
	for _, col := range []struct{ cells, at *int }{{&c.time, nil}, {&c.name, &c.nameAt}, {&c.mark, &c.markAt}} {
		if col.at != nil {
			*col.at = at
		}
		if *col.cells > 0 {
			at += *col.cells + 1
		}
	}
	c.textAt = at
	c.wrap = max(c.end-at, 1)
	switch {
	case c.wrap >= 36:
		c.aside = 11
	case c.wrap >= 20:
		c.aside = 8
	}
	c.rule = min(3, w/12)
	p.cols = c
	p.bodies.clear()
}
