package lines

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/tui/command"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the scripts happen.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func testKey(n byte) identity.Key { return identity.FromSeed([32]byte{n}).Key() }

func person(n byte, name string) event.Peer {
	k := testKey(n)
	return event.Peer{ID: k.ID().String(), Key: k, Name: name, Kind: event.KindNative, State: event.Up,
		Addr: netip.MustParseAddrPort(fmt.Sprintf("192.168.1.%d:8081", 100+int(n))), RTT: 412 * time.Microsecond}
}

func as(p event.Peer, s event.State) event.Peer {
	p.State = s
	return p
}

func self() event.Self {
	k := testKey(1)
	return event.Self{ID: k.ID().String(), Key: k, Name: "Alice", Room: "lobby", Port: 8080,
		Fingerprint: k.Fingerprint(), Profile: "/home/alice"}
}

func said(p event.Peer, text string) event.Said {
	return event.Said{Line: event.Line{ID: "5a1d", From: p.Key, FromID: p.ID, FromName: p.Name, Text: text,
		Time: noon, Arrived: noon, Signature: event.Verified, Kind: p.Kind}}
}

// fakeNode is a node whose peers are what the test says. Like the real one it posts from a goroutine
// of its own, and lines wait in a queue of 100.
type fakeNode struct {
	fakeVotes

	mu       sync.Mutex
	changed  chan struct{} // guarded by mu; closed at every change, then replaced
	peers    []event.Peer
	said     []string
	lines    int           // said so far, kept or not
	keep     bool          // keep what is said
	gathers  bool          // as Gather was last called
	gathered []bool        // the same at each message that is kept
	stuck    bool          // nothing is delivered
	queue    []event.Event // to be posted
	maxQueue int           // most that ever was in it
}

func newFakeNode(peers ...event.Peer) *fakeNode {
	return &fakeNode{peers: peers, keep: true, changed: make(chan struct{})}
}

// change does f and wakes all who wait.
func (f *fakeNode) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	close(f.changed)
	f.changed = make(chan struct{})
}

// until waits for ok, which is called with mu held.
func (f *fakeNode) until(ctx context.Context, ok func() bool) error {
	for {
		f.mu.Lock()
		done, changed := ok(), f.changed
		f.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// post posts what is queued until ctx ends.
func (f *fakeNode) post(ctx context.Context, m *Mode) {
	for f.until(ctx, func() bool { return len(f.queue) > 0 }) == nil {
		f.mu.Lock()
		next := f.queue[0]
		f.mu.Unlock()
		m.Post(next)
		f.change(func() { f.queue = f.queue[1:] }) // only now: an empty queue means that all is posted
	}
}

func (f *fakeNode) Self() event.Self { return self() }

func (f *fakeNode) Peers() []event.Peer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.peers)
}

func (f *fakeNode) Status() event.Status {
	return event.Status{Self: self(), Up: 200 * time.Second, Peers: 2, Plain: 1, Links: 2, Records: 9, In: 4096, Out: 512,
		Size: event.RoomSize{Used: 34 << 20, Limit: 512 << 20, NotKept: []event.NotKept{{Via: &event.Voter{ID: "v", Name: "bob"},
			Messages: 41_000, People: 900, Strangers: true, Authors: []event.Voter{{ID: "m", Name: "mallory"}}}}},
		Dropped: map[string]int{"bad frame": 3, "\x1b[2Jreason": 1}, Discovery: true,
		Network: event.Network{Looking: true, Interfaces: []event.Interface{
			{Name: "eth0", Addr: netip.MustParseAddr("192.168.1.20"), Sent: 5, Heard: 4},
			{Name: "docker0", Addr: netip.MustParseAddr("172.17.0.1"), Skipped: "a bridge of this machine"}}}}
}

func (f *fakeNode) Say(text string) error {
	f.change(func() {
		f.lines++
		if f.keep {
			f.said = append(f.said, text)
			f.gathered = append(f.gathered, f.gathers)
		}
		f.queue = append(f.queue, event.Sent{Line: event.Line{ID: fmt.Sprint("id-", f.lines), Text: text, Own: true, Time: noon},
			Peers: len(f.peers)})
		f.maxQueue = max(f.maxQueue, len(f.queue))
	})
	return nil
}

func (f *fakeNode) Me(text string) error      { return f.Say("* " + text) }
func (f *fakeNode) Nick(string) error         { return nil }
func (f *fakeNode) Connect(string) error      { return errors.New("nobody answers there") }
func (f *fakeNode) Disconnect(string) error   { return nil }
func (f *fakeNode) Ignore(string, bool) error { return nil }
func (f *fakeNode) Verify(string, bool) error { return nil }
func (f *fakeNode) Trust(string, bool) error  { return nil }

func (f *fakeNode) Gather(on bool) { f.gathers = on }

func (f *fakeNode) WaitWritable(ctx context.Context) error {
	return f.until(ctx, func() bool { return len(f.peers) > 0 && len(f.queue) < 100 })
}

func (f *fakeNode) WaitDelivered(ctx context.Context) error {
	return f.until(ctx, func() bool { return !f.stuck && len(f.queue) == 0 })
}

// safeBuffer is a bytes.Buffer for two goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// rig is a Mode over a fakeNode.
type rig struct {
	mode     *Mode
	node     *fakeNode
	group    *group.Group
	out, err safeBuffer
}

// start starts a Mode; without In its input never ends. Its clock stands at noon.
func start(cfg Config, peers ...event.Peer) *rig {
	r := &rig{node: newFakeNode(peers...), group: group.New(context.Background(), nil)}
	cfg.Commands = command.New()
	if cfg.Out == nil {
		cfg.Out = &r.out
	}
	if cfg.Err == nil {
		cfg.Err = &r.err
	}
	r.mode = Start(r.group, cfg)
	if v, ok := r.mode.view.(*textView); ok {
		v.now = func() time.Time { return noon.Add(time.Hour) }
	}
	r.group.Go("node", func(ctx context.Context) { r.node.post(ctx, r.mode) })
	return r
}

// run posts Ready, runs the Mode to its end and closes it.
func (r *rig) run(t *testing.T, ctx context.Context) error {
	t.Helper()
	r.mode.Post(event.Ready{Self: self()})
	err := r.mode.Run(ctx, r.node)
	r.stop(t)
	return err
}

func (r *rig) stop(t *testing.T) {
	t.Helper()
	if err := r.mode.Close(context.Background()); err != context.Cause(r.mode.out.failed) {
		t.Error(err)
	}
	r.group.Close()
	if err := r.group.Err(); err != nil {
		t.Error(err)
	}
}
