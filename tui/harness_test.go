package tui

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/theme"
)

// noon is when the tests begin: nothing may depend on the machine's clock or zone.
var noon = time.Date(2026, 11, 21, 12, 51, 0, 0, time.UTC)

// keyOf returns a key that is the same in every run.
func keyOf(name string) identity.Key {
	return identity.FromSeed(sha256.Sum256([]byte(name))).Key()
}

// peerOf returns a peer that is the same in every run.
func peerOf(name string, at time.Time) event.Peer {
	key := keyOf(name)
	return event.Peer{ID: key.ID().String(), Key: key, Name: name, Kind: event.KindNative, State: event.Up,
		Addr: netip.MustParseAddrPort("192.168.1.31:8080"), Since: at, Changed: at, Agent: "p2pchat/0.1.0 (linux)"}
}

// fakeNode records its calls.
type fakeNode struct {
	command.LocalPeer // methods that no test calls

	self        event.Self
	peers       []event.Peer
	calls       []string
	undelivered bool
	past        []event.Line // the messages on disk, in order
	asked       int          // pages of it
	proposals   []event.Proposal
	policy      event.Policy
	draft       event.Proposal
	noDraft     error // why there is none
}

func (n *fakeNode) note(format string, args ...any) error {
	n.calls = append(n.calls, fmt.Sprintf(format, args...))
	return nil
}

func (n *fakeNode) Self() event.Self                { return n.self }
func (n *fakeNode) Peers() []event.Peer             { return n.peers }
func (n *fakeNode) Status() event.Status            { return event.Status{Self: n.self, Peers: len(n.peers)} }
func (n *fakeNode) Say(text string) error           { return n.note("say %s", text) }
func (n *fakeNode) Me(text string) error            { return n.note("me %s", text) }
func (n *fakeNode) Nick(name string) error          { return n.note("nick %s", name) }
func (n *fakeNode) Connect(addr string) error       { return n.note("connect %s", addr) }
func (n *fakeNode) Disconnect(id string) error      { return n.note("disconnect %s", id) }
func (n *fakeNode) Ignore(id string, on bool) error { return n.note("ignore %s %v", id, on) }
func (n *fakeNode) Verify(id string, on bool) error { return n.note("verify %s %v", id, on) }
func (n *fakeNode) Trust(id string, on bool) error  { return n.note("trust %s %v", id, on) }
func (n *fakeNode) SendTyping(on bool)              { _ = n.note("typing %v", on) }
func (n *fakeNode) WaitDelivered(ctx context.Context) error {
	_ = n.note("wait")
	if n.undelivered {
		<-ctx.Done()
	}
	return ctx.Err()
}

// fakeTerminal records its calls.
type fakeTerminal struct {
	copied []string
	bells  int
	mouse  bool
}

func (t *fakeTerminal) Copy(text string) error { t.copied = append(t.copied, text); return nil }
func (t *fakeTerminal) Bell()                  { t.bells++ }
func (t *fakeTerminal) SetMouse(on bool)       { t.mouse = on }

// fakeLog is a log of one line.
type fakeLog struct{}

func (fakeLog) Path() string               { return "/home/alice/log" }
func (fakeLog) Tail(int) ([]string, error) { return []string{"level=INFO msg=started"}, nil }

// world is a model with everything around it made for tests: its clock stands still, queued
// functions run between keys, and answers come back at once.
type world struct {
	t        testing.TB
	m        *model
	node     *fakeNode
	terminal *fakeTerminal
	clock    time.Time
	orders   []func(context.Context)
	answers  event.Batch
	alarm    time.Time
	quit     bool
}

func newWorld(t testing.TB, look theme.Look, width, height int) *world {
	return worldWith(t, nil, look, width, height)
}

// worldWith returns a world with messages on disk.
func worldWith(t testing.TB, past []event.Line, look theme.Look, width, height int) *world {
	key := keyOf("Alice")
	w := &world{t: t, clock: noon, terminal: &fakeTerminal{}, node: &fakeNode{self: event.Self{
		ID: key.ID().String(), Key: key, Name: "Alice", Room: "lobby", Port: 8080, Fingerprint: key.Fingerprint(),
		Profile: "/home/alice", Started: noon,
	}, past: past}}
	w.m = newModel(Config{Commands: command.New(), Look: look, Now: func() time.Time { return w.clock }, Zone: time.UTC}, deps{
		node: w.node, terminal: w.terminal, recent: &recentErrors{Log: fakeLog{}},
		queueAction: func(f func(context.Context)) { w.orders = append(w.orders, f) },
		queueRead:   func(f func(context.Context)) { w.orders = append(w.orders, f) },
		post:        func(a any) { w.answers = append(w.answers, a) },
		wakeAt:      func(at time.Time) { w.alarm = at },
	})
	w.send(tea.WindowSizeMsg{Width: width, Height: height})
	w.post(event.Ready{Self: w.node.self})
	return w
}

// plain is the look without colours: the least that tells states apart.
var plain = theme.Look{Profile: termenv.Ascii}

// send hands a message to the model, and runs all that the model queues.
func (w *world) send(msg tea.Msg) {
	cmd := w.m.Update(msg)
	if cmd != nil {
		if _, ok := cmd().(tea.QuitMsg); ok {
			w.quit = true
		}
	}
	for len(w.orders)+len(w.answers) > 0 {
		if len(w.answers) > 0 {
			batch := w.answers
			w.answers = nil
			w.send(batch)
			continue
		}
		f := w.orders[0]
		w.orders = w.orders[1:]
		ctx, cancel := context.WithCancel(context.Background())
		if w.node.undelivered {
			cancel()
		}
		f(ctx)
		cancel()
	}
}

// post delivers events as one batch.
func (w *world) post(events ...any) { w.send(event.Batch(events)) }

// pass lets time pass, and fires the timer when it is due.
func (w *world) pass(d time.Duration) {
	end := w.clock.Add(d)
	for !w.alarm.IsZero() && !w.alarm.After(end) {
		if w.alarm.After(w.clock) {
			w.clock = w.alarm
		}
		before := w.alarm
		w.post(timerFired{})
		if w.alarm.Equal(before) {
			w.t.Fatalf("the timer is always set to now: %v", before)
		}
	}
	w.clock = end
}

// keyNames maps Bubble Tea's names of keys to the keys.
var keyNames = func() map[string]tea.KeyMsg {
	names := map[string]tea.KeyMsg{}
	for k := tea.KeyType(-100); k < 128; k++ {
		for _, alt := range []bool{false, true} {
			msg := tea.KeyMsg{Type: k, Alt: alt}
			if name := msg.String(); name != "" && k != tea.KeyRunes {
				names[name] = msg
			}
		}
	}
	return names
}()

// keys presses keys by their names. Any other text is typed, a letter at a time.
func (w *world) keys(names ...string) {
	for _, name := range names {
		if msg, ok := keyNames[name]; ok {
			w.send(msg)
			continue
		}
		if letter, ok := strings.CutPrefix(name, "alt+"); ok && len(letter) == 1 {
			w.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(letter), Alt: true})
			continue
		}
		for _, r := range name {
			if r == ' ' {
				w.send(tea.KeyMsg{Type: tea.KeySpace, Runes: []rune{' '}})
			} else {
				w.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}})
			}
		}
	}
}

// says returns a message of a peer, at the world's time.
func (w *world) says(p event.Peer, text string) event.Said {
	sum := sha256.Sum256([]byte(p.Name + text + w.clock.String()))
	return event.Said{Line: event.Line{ID: fmt.Sprintf("%x", sum), From: p.Key, FromID: p.ID, FromName: p.Name, Text: text,
		Time: w.clock, Arrived: w.clock, Signature: event.Verified, Kind: p.Kind, Body: "{}", Sig: sum[:]}}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
func (n *fakeNode) History(_ context.Context, before event.Place, most int) ([]event.Line, error) {
	lines := n.older(before)
	n.asked++
	return lines[max(len(lines)-most, 0):], nil
}

func (n *fakeNode) Search(_ context.Context, text string, before event.Place, most int) (out []event.Line, err error) {
	for _, l := range n.older(before) {
		if strings.Contains(l.Text, text) {
			out = append(out, l)
		}
	}
	return out[max(len(out)-most, 0):], n.note("search %s", text)
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
