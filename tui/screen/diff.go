package screen

import (
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// shown is the content of the terminal, as far as we know.
type shown struct {
	width, height int
	rows          []string // as many as height
	x, y          int
	visible       bool
	title         string
}

// Control sequences that frames are made of.
const (
	syncBegin  = "\x1b[?2026h"
	syncEnd    = "\x1b[?2026l"
	plain      = "\x1b[m"
	eraseRight = "\x1b[K"
	eraseAll   = "\x1b[2J"
	wrapOff    = "\x1b[?7l"
	wrapOn     = "\x1b[?7h"
	cursorHide = "\x1b[?25l"
	cursorShow = "\x1b[?25h"
)

// MoveToColumn returns the sequence that moves to a column of a row, counted from 0. Terminals disagree
// about the width of some emoji. Anything right of an emoji (a border, the next pane) starts with this
// sequence and so stays in line. For ansi.StringWidth its width is 0.
func MoveToColumn(x int) string { return ansi.CursorHorizontalAbsolute(x + 1) }

// next returns the content after a frame: clipped to the screen, padded with blank rows, and sharing no
// slice with the frame.
func (s *shown) next(f Frame, width, height int) shown {
	n := shown{width: width, height: height, rows: make([]string, height), title: s.title}
	copy(n.rows, f.Rows)
	n.x = min(max(f.CursorX, 0), max(width-1, 0))
	n.y = min(max(f.CursorY, 0), max(height-1, 0))
	n.visible = f.CursorVisible
	if !f.Title.IsEmpty() {
		n.title = strings.ReplaceAll(f.Title.String(), "\uFFFD", "") // says nothing in a tab
	}
	return n
}

// appendDiff appends the sequences that turn a terminal that shows old into one that shows now. It
// appends nothing if both are the same. With full it assumes nothing about the terminal's content.
//
// A row is erased before it is written, not after. After a row as wide as the screen the cursor rests on
// the last cell, and erasing from there would erase that cell.
func appendDiff(dst []byte, old, now *shown, full bool) []byte {
	full = full || old.width != now.width || old.height != now.height
	start := len(dst)
	dst = append(dst, syncBegin...)
	body := len(dst)
	if full {
		dst = append(dst, plain+wrapOff+eraseAll...)
	}
	for y, row := range now.rows {
		if full && row == "" || !full && row == old.rows[y] {
			continue
		}
		dst = appendMove(dst, 0, y)
		dst = append(dst, plain...)
		if !full {
			dst = append(dst, eraseRight...)
		}
		dst = append(dst, row...)
	}
	wrote := len(dst) > body
	if wrote {
		dst = append(dst, plain...)
	}
	if now.visible && (wrote || !old.visible || old.x != now.x || old.y != now.y) {
		dst = appendMove(dst, now.x, now.y)
	}
	if now.visible != old.visible || full {
		if now.visible {
			dst = append(dst, cursorShow...)
		} else {
			dst = append(dst, cursorHide...)
		}
	}
	if now.title != "" && (full || now.title != old.title) {
		dst = append(dst, ansi.SetWindowTitle(now.title)...)
	}
	if len(dst) == body {
		return dst[:start]
	}
	return append(dst, syncEnd...)
}

// appendMove appends the sequence that puts the cursor on a cell, counted from 0.
func appendMove(dst []byte, x, y int) []byte {
	dst = append(dst, "\x1b["...)
	dst = append(strconv.AppendInt(dst, int64(y+1), 10), ';')
	return append(strconv.AppendInt(dst, int64(x+1), 10), 'H')
}
