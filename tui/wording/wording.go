// Package wording is what the program says to people about peers, votes and the disk: each sentence once,
// for the screen, for line mode and for the demo.
//
// The functions take typed values and labels, and return text that is safe to show. Which pane, stream,
// colour or sign goes with a sentence is for its caller to decide. Line mode has kept a few forms of its
// own, since scripts read them: see Phrases.Terse and linemode.go. What commands answer is in package
// command, once for all modes too.
package wording

import (
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

// Phrases are the sentences that name voters or depend on the mode. It is a value; its methods may be
// called from any goroutine from which Name may be.
type Phrases struct {
	Name  func(event.Voter) sanitize.SafeText // what a voter is called
	Most  int                                 // how many voters a sentence names
	Dot   sanitize.SafeText                   // stands between a sentence and its hint
	Terse bool                                // line mode: states in capital letters, less advice
}

// Note is a sentence with its weight.
type Note struct {
	Level event.Level
	Text  sanitize.SafeText
}

// Names joins the names of the voters, the first few of them.
func (ph Phrases) Names(voters []event.Voter) sanitize.SafeText {
	var out []sanitize.SafeText
	for _, v := range voters[:min(len(voters), ph.Most)] {
		out = append(out, ph.Name(v))
	}
	if len(voters) > ph.Most {
		out = append(out, sanitize.Linef("%d more", len(voters)-ph.Most))
	}
	return sanitize.Join(sanitize.Trusted(", "), out...)
}

// either returns the form of the screen or that of line mode.
func (ph Phrases) either(screen, terse string) string {
	if ph.Terse {
		return terse
	}
	return screen
}

// WithHint joins a sentence and its hint, if it has one. All are raw.
func WithHint(text, hint, dot string) string {
	if hint == "" {
		return text
	}
	return text + " " + dot + " " + hint
}

// OnOff names the state of a switch.
func OnOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
