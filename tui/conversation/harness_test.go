package conversation

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"

	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/composer"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/vote"
)

// noon is when the tests begin: nothing may depend on the machine's clock or zone.
var noon = time.Date(2026, 11, 21, 12, 51, 0, 0, time.UTC)

// peerOf returns a peer that is the same in every run.
func peerOf(name string) event.Peer {
	key := identity.FromSeed(sha256.Sum256([]byte(name))).Key()
	return event.Peer{ID: key.ID().String(), Key: key, Name: name, Kind: event.KindNative, State: event.Up, Since: noon, Changed: noon}
}

// fakeNode has messages on disk, and notes what it is asked for.
type fakeNode struct {
	command.LocalPeer // methods that no test calls

	past    []event.Line // in order
	readErr error
	voteErr error
	calls   []string
}

func (n *fakeNode) note(format string, args ...any) {
	n.calls = append(n.calls, fmt.Sprintf(format, args...))
}

func (n *fakeNode) SendTyping(on bool) { n.note("typing %v", on) }

func (n *fakeNode) History(_ context.Context, before event.Place, most int) ([]event.Line, error) {
	n.note("history %d", most)
	lines := n.older(before)
	return lines[max(len(lines)-most, 0):], n.readErr
}

func (n *fakeNode) Search(ctx context.Context, text string, before event.Place, most int) (out []event.Line, err error) {
	n.note("search %s", text)
	for _, l := range n.older(before) {
		if strings.Contains(l.Text, text) {
			out = append(out, l)
		}
	}
	return out[max(len(out)-most, 0):], errors.Join(n.readErr, ctx.Err())
}

func (n *fakeNode) Vote(ref string, c vote.Choice) (event.Proposal, error) {
	n.note("vote %s %s", ref, c)
	return event.Proposal{}, n.voteErr
}

// older returns the messages on disk that stand before a place.
func (n *fakeNode) older(before event.Place) []event.Line {
	for i, l := range n.past {
		if before != (event.Place{}) && l.Place.Ms >= before.Ms {
			return n.past[:i]
		}
	}
	return n.past
}

// remembered returns messages of dana that are on disk.
func remembered(lines int) (past []event.Line) {
	dana := peerOf("dana")
	for i := range lines {
		at := noon.Add(-time.Duration(lines-i) * time.Second)
		past = append(past, event.Line{
			ID: fmt.Sprint("past", i), From: dana.Key, FromID: dana.ID, FromName: "dana", Text: fmt.Sprintf("memory %d", i),
			Time: at, Arrived: at, History: true, Signature: event.Verified, Kind: event.KindNative,
			Place: event.Place{Ms: at.UnixMilli(), Author: dana.Key, Seq: uint64(i)},
		})
	}
	return past
}

// room is a conversation with everything around it made for tests: its clock stands still, and what
// it queues runs when run is called. It implements Screen.
type room struct {
	t        *testing.T
	c        *Conversation
	node     *fakeNode
	clock    time.Time
	settings Settings
	peers    map[string]event.Peer
	roster   roster.Roster

	status  string   // the sentence in the status line
	matches []string // rows of the list
	bells   int
	actions []func(context.Context)
	reads   []func(context.Context) func()
}

// newRoom returns a conversation of Alice in a pane of 100×20, with messages on disk.
func newRoom(t *testing.T, past ...event.Line) *room { return roomWith(t, &fakeNode{past: past}) }

// roomWith is newRoom over a node.
func roomWith(t *testing.T, node *fakeNode) *room {
	alice := peerOf("Alice")
	r := &room{t: t, clock: noon, node: node, settings: Settings{Bell: BellMention}, peers: map[string]event.Peer{}}
	r.c = New(Config{
		Node: r.node, Screen: r, Roster: &r.roster, Theme: theme.New(theme.Look{Profile: termenv.Ascii}), Settings: &r.settings,
		Self:     func() event.Self { return event.Self{ID: alice.ID, Key: alice.Key, Name: "Alice", Room: "lobby"} },
		OwnName:  func() sanitize.SafeText { return sanitize.Name("Alice") },
		Complete: func(string, bool) []composer.Candidate { return nil },
		Now:      func() time.Time { return r.clock }, Zone: time.UTC,
	})
	r.roster.NoteSelf(r.c.cfg.Self())
	r.c.Messages.SetSize(100, 20)
	r.c.StartBackfill()
	r.update()
	return r
}

func (r *room) Inform(text sanitize.SafeText) { r.status = text.String() }
func (r *room) Fail(text, hint string)        { r.status = text + ": " + hint }
func (r *room) ClearStatus()                  { r.status = "" }
func (r *room) Ring()                         { r.bells++ }
func (r *room) Reject(err error)              { r.status = err.Error() }

func (r *room) ShowMatches(title, rows sanitize.SafeText) {
	r.matches = []string{title.String()}
	for _, row := range rows.Lines() {
		r.matches = append(r.matches, row.String())
	}
}

func (r *room) Queue(f func(context.Context))            { r.actions = append(r.actions, f) }
func (r *room) QueueRead(f func(context.Context) func()) { r.reads = append(r.reads, f) }

// update does what the screen does after each message, until nothing is queued any more.
func (r *room) update() {
	r.c.EndBatch()
	r.c.Messages.Rows()
	r.c.RequestBackfill()
	for len(r.actions)+len(r.reads) > 0 {
		if len(r.actions) > 0 {
			f := r.actions[0]
			r.actions = r.actions[1:]
			f(r.t.Context())
			continue
		}
		f := r.reads[0]
		r.reads = r.reads[1:]
		f(r.t.Context())()
		r.c.Messages.Rows()
		r.c.RequestBackfill()
	}
}

// post hands events to the conversation as one batch.
func (r *room) post(events ...event.Event) {
	for _, ev := range events {
		r.c.Handle(ev)
	}
	r.update()
}

// pass lets time pass, with the timer firing when it is to.
func (r *room) pass(d time.Duration) {
	end := r.clock.Add(d)
	for {
		at := end.Add(1)
		r.c.Timers(func(t time.Time) {
			if t.After(r.clock) && t.Before(at) {
				at = t
			}
		})
		if at.After(end) {
			break
		}
		r.clock = at
		r.c.OnTimer(at)
		r.update()
	}
	r.clock = end
}

// typeQuery types a query into the prompt, a letter at a time.
func (r *room) typeQuery(query string) {
	for _, letter := range query {
		r.c.Search.Edit(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{letter}})
	}
}

// prompt returns the row of the search.
func (r *room) prompt() string {
	row, _ := r.c.Search.Row(100)
	return strings.TrimSpace(ansi.Strip(row))
}

// text returns what the messages pane shows.
func (r *room) text() string { return ansi.Strip(strings.Join(r.c.Messages.Rows(), "\n")) }

func (r *room) mustShow(texts ...string) {
	r.t.Helper()
	for _, want := range texts {
		if !strings.Contains(r.text(), want) {
			r.t.Errorf("lacks %q:\n%s", want, r.text())
		}
	}
}

func (r *room) mustNotShow(text string) {
	r.t.Helper()
	if strings.Contains(r.text(), text) {
		r.t.Errorf("shows %q:\n%s", text, r.text())
	}
}

// mustHaveCalled compares the calls of the node that begin with a word, and forgets all of them.
func (r *room) mustHaveCalled(word string, want ...string) {
	r.t.Helper()
	var got []string
	for _, call := range r.node.calls {
		if strings.HasPrefix(call, word) {
			got = append(got, call)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("calls of the node (-want +got)\n%s", diff)
	}
	r.node.calls = nil
}

// join makes peers present.
func (r *room) join(peers ...event.Peer) {
	for _, p := range peers {
		before := r.peers[p.ID]
		r.peers[p.ID] = p
		r.roster.NotePeer(p)
		r.c.UpdatePeer(before, p)
	}
}

// says returns a message of a peer, at the room's time.
func (r *room) says(p event.Peer, text string) event.Said {
	sum := sha256.Sum256([]byte(p.Name + text + r.clock.String()))
	return event.Said{Line: event.Line{ID: fmt.Sprintf("%x", sum), From: p.Key, FromID: p.ID, FromName: p.Name, Text: text,
		Time: r.clock, Arrived: r.clock, Signature: event.Verified, Kind: p.Kind, Body: "{}", Sig: sum[:]}}
}
