package node

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ear keeps what a node told.
type ear struct {
	mu     sync.Mutex
	heard  []event.Line // of others, and of oneself in a run before
	events []event.Event
	all    bool // keep every event, not only lines
}

func (e *ear) post(ev event.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s, ok := ev.(event.Said); ok {
		e.heard = append(e.heard, s.Line)
	}
	if e.all {
		e.events = append(e.events, ev)
	}
}

func (e *ear) lines() []event.Line {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

// texts are the lines of one author, or of all if the name is "".
func (e *ear) texts(from string) []string {
	var out []string
	for _, l := range e.lines() {
		if from == "" || l.FromName == from {
			out = append(out, l.Text)
		}
	}
	return out
}

// told are the events of one kind so far.
func told[E event.Event](e *ear) []E {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []E
	for _, ev := range e.events {
		if x, ok := ev.(E); ok {
			out = append(out, x)
		}
	}
	return out
}

// person is a node on a host of its own.
type person struct {
	*Node
	ear
	slow  *slowPeers
	group *group.Group
	host  *memnet.Host
	at    netip.Addr
}

// town is people on a memnet. It is made within a bubble.
type town struct {
	t      *testing.T
	net    *memnet.Network
	root   *group.Group
	people []*person
	before func(person int, ev event.Event) // called with each event before it is kept; may hang
}

func addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}) }

func newTown(t *testing.T, seed uint64) *town {
	w := &town{t: t, net: memnet.New(seed)}
	w.root = group.New(context.Background(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
	return w
}

// inTown runs a test in a bubble, with a town that ends with it.
func inTown(t *testing.T, seed uint64, do func(t *testing.T, w *town)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, seed)
		defer w.end()
		do(t, w)
	})
}

// together is inTown with so many people, who have had time to meet.
func together(t *testing.T, seed uint64, people int, do func(t *testing.T, w *town, ps []*person)) {
	t.Helper()
	inTown(t, seed, func(t *testing.T, w *town) {
		ps := w.crowd(people)
		pass(5 * time.Second)
		do(t, w, ps)
	})
}

// heard returns a queue whose events post gets, one after the other, until g ends.
func heard(g *group.Group, post func(event.Event)) *event.Queue {
	q := event.NewQueue()
	g.Go("test/events", func(ctx context.Context) {
		q.Run(ctx, 0, func(b event.Batch) {
			for _, ev := range b {
				post(ev.(event.Event))
			}
		})
	})
	return q
}

// config is what person i starts with.
func (w *town) config(i int, events *event.Queue) Config {
	host := w.net.Host(addr(i))
	return Config{
		Identity: identity.FromSeed([32]byte{byte(i + 1), byte((i + 1) >> 8)}), Name: fmt.Sprint("p", i), Room: "lobby",
		Listen: ":8080", Agent: "test", Events: events, Log: slog.New(slog.DiscardHandler),
		Network: host, Transport: host.Packets(),
	}
}

// move starts person i, anew if it was there before.
func (w *town) move(i int, change ...func(*Config)) *person {
	w.t.Helper()
	p := &person{slow: newSlowPeers(), group: w.root.Child(), host: w.net.Host(addr(i)), at: addr(i)}
	p.all = true
	cfg := w.config(i, heard(p.group, func(ev event.Event) {
		if w.before != nil {
			w.before(i, ev)
		}
		p.post(ev)
	}))
	cfg.Log = slog.New(p.slow)
	for _, f := range change {
		f(&cfg)
	}
	n, err := Start(p.group, cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	p.Node = n
	if i < len(w.people) {
		w.people[i] = p
	} else {
		w.people = append(w.people, p)
	}
	return p
}

// crowd starts n people.
func (w *town) crowd(n int) []*person {
	for i := range n {
		w.move(i)
	}
	return w.people
}

// leave says goodbye and waits for everything of the person to end.
func (p *person) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	p.Close(ctx)
	p.group.Close()
}

func (w *town) end() {
	for _, p := range w.people {
		p.leave()
	}
	w.root.Close()
	w.net.Close()
}

// pass waits while things happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// slowPeers is a log that knows which peers a node calls slow.
type slowPeers struct {
	slog.Handler
	mu   sync.Mutex
	slow map[string]bool // by short key
}

func newSlowPeers() *slowPeers {
	return &slowPeers{Handler: slog.DiscardHandler, slow: map[string]bool{}}
}

func (s *slowPeers) Enabled(context.Context, slog.Level) bool { return true }

func (s *slowPeers) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "peer is slow" || r.Message == "peer is level" {
		s.mu.Lock()
		defer s.mu.Unlock()
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "peer" {
				s.slow[a.Value.String()] = r.Message == "peer is slow"
			}
			return true
		})
	}
	return nil
}

// isSlow reports whether a peer is slow.
func (s *slowPeers) isSlow(key identity.Key) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slow[key.Short()]
}

// count returns how many peers are slow.
func (s *slowPeers) count() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, slow := range s.slow {
		if slow {
			n++
		}
	}
	return n
}

// linkTo returns the link of a node to a peer.
func linkTo(n *Node, key identity.Key) *link.Link {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.peers[key].link
}

// sendRaw sends a message from a node to a peer.
func sendRaw(t *testing.T, n *Node, to identity.Key, m wire.Message) {
	t.Helper()
	f, err := wire.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	if !linkTo(n, to).Control(f) {
		t.Fatal("the link takes nothing")
	}
}

// noLink is a link that takes everything and goes nowhere.
type noLink identity.Key

func (l noLink) Key() identity.Key                   { return identity.Key(l) }
func (noLink) Control(wire.Frame) bool               { return true }
func (noLink) Live(wire.Frame) bool                  { return true }
func (noLink) Sync(wire.Frame) bool                  { return true }
func (noLink) Relay(wire.Frame, fair.Flow, int) bool { return true }
func (noLink) Expect(int)                            {}
func (noLink) ControlBytes() int                     { return 0 }
func (noLink) Gather(bool)                           {}
func (noLink) Release()                              {}
func (noLink) LiveSpace() int                        { return 1000 }
func (noLink) SyncSpace() int                        { return 8 }
func (noLink) WaitLive(context.Context) error        { return nil }
func (noLink) WaitSync(context.Context) error        { return nil }
func (noLink) Can(string) bool                       { return false }
