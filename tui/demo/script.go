package demo

import "chat.lan/p2pchat/vote"

// step is one line that a peer types in the tour.
type step struct {
	who     int    // index of the peer
	caption string // what the viewer should notice
	text    string // typed and sent
	shows   string // what the others show then; "" means the text. Unused if silent
	silent  bool   // the others show nothing new
	then    string // a key that a screen needs afterwards: it closes an answer, or confirms
}

// Captions before and after the script.
const (
	opening = "No one set anything up: they found each other by themselves"
	closing = "Now you: type a line in any of them"
)

// script returns a conversation of n peers that shows the first things to know, and a vote. Lines are
// short, since three screens in 80×24 have 40 columns each.
func script(n int) []step {
	steps := []step{
		{who: 0, caption: "Alice writes a line and presses Enter", text: "Hello! Is anyone here?"},
		{who: 1, caption: "Everyone has it at once, signed and encrypted", text: "Yes! No server, no account."},
		{who: n - 1, caption: "/me says what one does", text: "/me waves", shows: "waves"},
		{who: 0, caption: "/list shows who is here", text: "/list", silent: true, then: "Escape"},
		{who: 1, caption: "/verify compares the words of a key", text: "/verify Alice", silent: true, then: "Escape"},
		{who: 0, caption: "Alice proposes, as F4 does: refuse what isn't signed", text: "/propose", shows: "proposed #1", then: "Enter"},
	}
	need := vote.Majority(n)
	for who := 1; who < need; who++ {
		s := step{who: who, caption: "/y or F1 approves; for five seconds Esc takes it back", text: "/y", silent: true}
		if who == need-1 {
			s.silent, s.shows = false, "PASSED"
		}
		steps = append(steps, s)
	}
	return append(steps, step{who: n - 1, caption: "/help shows all commands, /quit leaves", text: "See you on the local network!"})
}

// heard returns the text by which the others' screens show the step. Of a long text it is the beginning,
// since the rest may be on another row.
func (s step) heard() string {
	if s.shows != "" {
		return s.shows
	}
	return s.text[:min(len(s.text), 12)]
}
