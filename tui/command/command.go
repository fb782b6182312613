// Package command is what a person can type after a slash, as data: a Table of rows with name,
// arguments, help and handler. The screen, line mode and JSON mode use one table, so that a command
// is the same everywhere, and its help, its completion and the README's list can't drift apart.
//
// A handler asks the node and answers with structs (List, Status, Info …); each mode shows them in
// its own way. Other packages add rows with Table.Add, and answers by implementing Answer.
//
// Names and texts in answers are as others wrote them, but for labels, which are clean: whoever
// shows an answer on a terminal passes it through tui/sanitize.
package command

import (
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
)

// Node is what commands ask of a running participant; *node.Node implements it. All methods are
// safe for concurrent use and return without waiting for the network.
type Node interface {
	Self() event.Self
	Peers() []event.Peer
	Status() event.Status
	Say(text string) error
	Me(text string) error
	Nick(name string) error
	Connect(addr string) error
	Disconnect(who string) error // an id, or an address of Connect
	Ignore(id string, on bool) error
	Verify(id string, on bool) error
	Votes
}

// Log is where errors and their stacks are kept.
type Log interface {
	Path() string
	Tail(n int) ([]string, error) // the last n lines, oldest first
}

// Env is what a handler works with. Reply is called from within Table.Run, in order, any number of
// times; it must not run another command.
type Env struct {
	Node   Node
	Roster *roster.Roster
	Log    Log // nil when there is none
	Ask    Ask // the zero Ask asks nobody
	Reply  func(Answer)
}

// Answer is what a command has to say. The string is the name of JSON mode's event, "" for none.
type Answer interface{ Answer() string }

// List answers /list: the peers that are here, late or lost.
type List struct{ Peers []event.Peer }

// Status answers /status.
type Status struct{ Status event.Status }

// Info is text for the person, of one or more lines.
type Info struct{ Text string }

// Fail says why nothing was done, and what to do instead.
type Fail struct{ Text, Hint string }

// Quit asks whoever runs the program to end it, once what was said has been delivered.
type Quit struct{}

// Answer is "list".
func (List) Answer() string { return "list" }

// Answer is "status".
func (Status) Answer() string { return "status" }

// Answer is "info".
func (Info) Answer() string { return "info" }

// Answer is "error".
func (Fail) Answer() string { return "error" }

// Answer is "": the end of the program speaks for itself.
func (Quit) Answer() string { return "" }

// Label is how a peer is shown.
func (e Env) Label(p event.Peer) string { return e.Roster.Label(roster.ID(p.Key, p.ID)).String() }

// fail answers with an error of the node, if there is one, and reports whether there was.
func (e Env) fail(err error) bool {
	if err != nil {
		e.Reply(Fail{Text: err.Error()})
	}
	return err != nil
}
