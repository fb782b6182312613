package composer

import (
	"strings"

	"chat.lan/p2pchat/tui/sanitize"
)

// span is a row of the text as it is shown, in bytes.
type span struct {
	start, end int
	soft       bool // the text goes on in the next row without a line end
}

// wrap breaks text into rows of at most width cells: after a space if it can, between graphemes if it
// must. There is always a row. Behind a full last row there is another for the cursor.
func wrap(text string, width int) []span {
	width = max(width, 2)
	var rows []span
	for start := 0; ; {
		end := lineEnd(text, start)
		rows = wrapLine(rows, text, start, end, width)
		if end == len(text) {
			return rows
		}
		start = end + 1
	}
}

func wrapLine(rows []span, text string, start, end, width int) []span {
	w, cut, cutW := 0, start, 0 // cut is behind the last space of the row
	for i := start; i < end; {
		n, gw := sanitize.FirstGrapheme(text[i:end])
		if w+gw > width {
			if cut == start {
				cut, cutW = i, w
			}
			rows = append(rows, span{start, cut, true})
			start, w = cut, w-cutW
			cut, cutW = start, 0
			continue
		}
		i, w = i+n, w+gw
		if strings.HasSuffix(text[:i], " ") {
			cut, cutW = i, w
		}
	}
	if w == width && end == len(text) && end > start {
		return append(rows, span{start, end, true}, span{end, end, false})
	}
	return append(rows, span{start, end, false})
}

// rowOf returns the row in which a cursor at byte at is shown.
func rowOf(rows []span, at int) int {
	for y := len(rows) - 1; y > 0; y-- {
		if rows[y].start <= at {
			return y
		}
	}
	return 0
}
