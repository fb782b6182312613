package composer

import (
	"strings"

	"chat.lan/p2pchat/tui/sanitize"
)

// Op is an operation of a key on the text.
type Op int

// The operations, by readline's rules.
const (
	Left Op = iota + 1
	Right
	WordLeft
	WordRight
	Home // the start of the line
	End
	Up // by a row, then through history
	Down
	Backspace
	Delete
	KillEnd   // to the end of the line
	KillStart // to its beginning
	KillWord  // the word before, up to white space
	KillBack  // the word before, letters and digits
	KillNext  // the word after
	Yank      // brings back the text killed last
	Transpose // swaps the two characters at the cursor
	Newline
)

// editor holds a text and a cursor. The text is always as sanitize.Block leaves it.
type editor struct {
	text    string
	at      int    // the cursor: a byte between graphemes
	held    string // a joiner that waits for the character it joins
	killed  string // the text that Yank brings back
	killing Op     // the operation before, if it was a kill: kills in a row add up
	goal    int    // the column that Up and Down try to keep
	goaled  bool   // goal is set: no other key came between
	width   int    // cells of a row when last drawn
}

// set replaces the text, with the cursor at its end.
func (e *editor) set(text string) {
	e.text = sanitize.Block(text).String()
	e.at, e.held, e.killing, e.goaled = len(e.text), "", 0, false
}

// insert puts text at the cursor. The text is sanitized where it will stand, since a combining mark
// needs the character before it.
func (e *editor) insert(text string) {
	e.killing, e.goaled = 0, false
	text = e.held + text
	e.held = ""
	if text == "\u200d" || strings.Trim(text, "\ufe0e\ufe0f") == "" {
		e.held = text // half of an emoji whose other half is the next key
		return
	}
	e.splice(e.text[:e.at]+text, e.text[e.at:])
}

// splice joins two parts to the text, with the cursor between them.
func (e *editor) splice(head, tail string) {
	head = sanitize.Block(head).String()
	e.text = sanitize.Block(head + tail).String()
	e.at = snap(e.text, min(len(head), len(e.text)))
}

// apply carries out op, and reports whether anything changed.
func (e *editor) apply(op Op) bool {
	text, at := e.text, e.at
	killing := e.killing
	e.killing, e.held, e.goaled = 0, "", false
	switch op {
	case Left:
		e.at = before(text, at)
	case Right:
		e.at = after(text, at)
	case WordLeft:
		e.at = runBefore(text, at, inWord)
	case WordRight:
		e.at = wordAfter(text, at)
	case Home:
		e.at = lineStart(text, at)
	case End:
		e.at = lineEnd(text, at)
	case Backspace:
		e.cut(before(text, at), at)
	case Delete:
		e.cut(at, after(text, at))
	case KillStart:
		e.kill(op, killing, lineStart(text, at), at)
	case KillEnd:
		end := lineEnd(text, at)
		if end == at {
			end = after(text, at) // the line end itself: readline joins lines so
		}
		e.kill(op, killing, at, end)
	case KillWord:
		e.kill(op, killing, runBefore(text, at, notBlank), at)
	case KillBack:
		e.kill(op, killing, runBefore(text, at, inWord), at)
	case KillNext:
		e.kill(op, killing, at, wordAfter(text, at))
	case Yank:
		if len(text)+len(e.killed) <= MaxText {
			e.splice(text[:at]+e.killed, text[at:])
		}
	case Transpose:
		e.transpose()
	}
	return e.text != text || e.at != at
}

// cut drops the bytes from start to end and puts the cursor there.
func (e *editor) cut(start, end int) {
	if start < end {
		e.splice(e.text[:start], e.text[end:])
	}
}

// kill cuts bytes and keeps them for Yank. Kills in a row add up, in the order of the text.
func (e *editor) kill(op, last Op, start, end int) {
	if start == end {
		e.killing = last
		return
	}
	part := e.text[start:end]
	switch {
	case last == 0:
		e.killed = part
	case end == e.at:
		e.killed = part + e.killed
	default:
		e.killed += part
	}
	if len(e.killed) > MaxText {
		e.killed = part
	}
	e.cut(start, end)
	e.killing = op
}

// transpose swaps the graphemes before and after the cursor, at the end the last two.
func (e *editor) transpose() {
	right := after(e.text, e.at)
	mid := e.at
	if right == mid || e.text[mid] == '\n' {
		right, mid = mid, before(e.text, mid)
	}
	left := before(e.text, mid)
	if left == mid || strings.Contains(e.text[left:right], "\n") {
		return
	}
	e.splice(e.text[:left]+e.text[mid:right]+e.text[left:mid], e.text[right:])
}

// moveVertically moves the cursor to the row above (-1) or below (1), and reports false if there is none.
func (e *editor) moveVertically(step int) bool {
	rows := wrap(e.text, e.width)
	y := rowOf(rows, e.at)
	to := y + step
	e.killing, e.held = 0, ""
	if to < 0 || to >= len(rows) {
		return false
	}
	if !e.goaled {
		e.goal, e.goaled = countCells(e.text[rows[y].start:e.at]), true
	}
	e.at = rows[to].start + offsetOfColumn(e.text[rows[to].start:rows[to].end], e.goal)
	if rows[to].soft && e.at == rows[to].end && e.at > rows[to].start {
		e.at = before(e.text, e.at) // the end of a wrapped row is the start of the next
	}
	return true
}
