// Package command is what a person can type after a slash, as data: a Table of rows with name,
// arguments, help and handler. The screen, line mode and JSON mode use one table. So a command is the
// same everywhere, and its help, its completion and the README's list can't drift apart.
//
// A handler asks the local peer and answers with structs (List, Status, Info …); each mode shows them
// in its own way. Other packages add rows with Table.Add.
//
// Names and texts in answers are raw, except labels, which are sanitized. A mode that shows an answer
// on a terminal passes it through tui/sanitize.
package command

import (
	"context"
	"io"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/vote"
)

// LocalPeer is what the screen, line mode and commands ask of the local peer. All methods are safe for
// concurrent use. Only those with a context wait for the network or the disk.
//
// A ref is what a person types for a vote: "#4", "4", "#4·7f", or the beginning of an id.
type LocalPeer interface {
	Self() event.Self
	Peers() []event.Peer
	Status() event.Status
	Say(text string) error
	Me(text string) error
	Unsigned(text string) error // says text without a signature
	Nick(name string) error
	Connect(addr string) error
	Disconnect(peer string) error // an id, or an address of Connect
	Ignore(id string, on bool) error
	Verify(id string, on bool) error
	Trust(id string, on bool) error
	SendTyping(on bool) // notifies peers that the person is writing, or has stopped

	Proposals() []event.Proposal
	Policy() event.Policy
	// Preview returns the proposal that Propose would send; the node fills in the voters.
	Preview(vote.Draft) (event.Proposal, error)
	Propose(vote.Draft) (event.Proposal, error)
	Vote(ref string, c vote.Choice) (event.Proposal, error)
	Cancel(ref string) (event.Proposal, error)
	// SetDisputed stops applying a vote here, or applies it again: see package vote, "Disputes".
	SetDisputed(ref string, on bool) (event.Proposal, error)
	// Certificate returns the certificate of a proposal that passed.
	Certificate(ref string) (event.Proposal, []byte, error)
	// Evidence returns the proof that a voter signed two contrary ballots.
	Evidence(ref string) (event.Proposal, []byte, error)

	// Export writes all saved records and returns how many.
	Export(ctx context.Context, w io.Writer, since time.Time, text bool) (int, error)
	// History returns at most max messages that stand before a place, nearest last; the zero Place is the
	// end. It returns none when there are no more. Search does so for messages that contain text.
	History(ctx context.Context, before event.Place, max int) ([]event.Line, error)
	Search(ctx context.Context, text string, before event.Place, max int) ([]event.Line, error)
	// WhoHas returns which peers have our last message; false when we sent none in this run.
	WhoHas() (event.Reach, bool)
	// Gather begins a burst of messages, or ends it. During a burst, links send messages in larger pieces.
	Gather(on bool)
	// WaitWritable returns when the fastest link has room; with no link, when there is one. If ctx has ended before, it
	// doesn't wait for that, and returns nil if there is room already.
	WaitWritable(ctx context.Context) error
	// WaitDelivered returns when all linked peers have acknowledged what was sent.
	WaitDelivered(ctx context.Context) error
}

// Log is the file of errors and their stacks.
type Log interface {
	Path() string
	Tail(n int) ([]string, error) // the last n lines, oldest first
}

// Env is what a handler works with. Reply is called from within Table.Run, in order, any number of
// times; it must not run another command.
type Env struct {
	Node   LocalPeer
	Roster *roster.Roster
	Log    Log // nil when there is none
	Ask    Ask // the zero Ask asks no one
	Reply  func(Answer)
}

// Label returns how a peer is shown.
func (e Env) Label(p event.Peer) string { return e.Roster.Label(roster.ID(p.Key, p.ID)).String() }

// fail answers with an error of the node, if there is one, and reports whether there was.
func (e Env) fail(err error) bool {
	if err != nil {
		e.Reply(Fail{Text: err.Error()})
	}
	return err != nil
}
