package replica

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// The queues of a testLink, the most urgent first.
const (
	control = iota
	live
	bulk
	queues
)

// testLink is a member's end of a link to another. Its three queues hold as many frames as those of
// package link. A goroutine delivers them to the peer, unless the link is held.
type testLink struct {
	owner, peer *member
	key         identity.Key // the peer's, where there is no member at the other end
	twin        *testLink    // the peer's end
	group       *group.Group
	can         map[string]bool // what both ends understand
	gathers     atomic.Bool     // as Gather was last called
	releases    atomic.Int64    // calls of Release
	expected    atomic.Int64    // frames, by Expect
	backlog     atomic.Int64    // bytes of other frames in the control queue, for ControlBytes

	mu struct {
		sync.Mutex
		limits  [queues]int
		waiting [queues][]wire.Frame
		full    bool // the live queue was full, and accepts nothing until it is empty
		held    bool // nothing is delivered
		down    bool
		changed chan struct{}  // closed and made anew with each change
		sent    []wire.Message // that were queued so far

		authors []identity.Key        // of the live frames that wait; zero: the owner's
		parts   map[identity.Key]int  // how many live frames of an author may wait; 0: as many as of all
		fullOf  map[identity.Key]bool // authors that accept nothing until none of theirs waits
	}
}

var errDown = errors.New("link is down")

func newTestLink(owner, peer *member) *testLink {
	l := &testLink{owner: owner, peer: peer}
	l.mu.limits = [queues]int{control: 256, live: 1024, bulk: 8}
	l.mu.changed = make(chan struct{})
	l.mu.fullOf = map[identity.Key]bool{}
	return l
}

func (l *testLink) start(g *group.Group) {
	l.group = g.Child()
	l.group.Go("test/link", func(ctx context.Context) {
		for {
			f, drained, changed := l.next()
			if f == nil {
				select {
				case <-changed:
					continue
				case <-ctx.Done():
					return
				}
			}
			l.deliver(f)
			if drained {
				l.owner.Drained(l)
			}
		}
	})
}

// next returns the next frame, and whether it empties a live queue that was full. It returns no frame
// when none may be delivered, and then a channel to wait for.
func (l *testLink) next() (f wire.Frame, drained bool, changed chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for q := range l.mu.waiting {
		if w := l.mu.waiting[q]; len(w) > 0 && !l.mu.held && !l.mu.down {
			f, l.mu.waiting[q] = w[0], w[1:]
			if drained = q == live && l.mu.full && len(w) == 1; drained {
				l.mu.full = false
			}
			if q == live {
				author := l.mu.authors[0]
				l.mu.authors = l.mu.authors[1:]
				if l.mu.fullOf[author] && !slices.Contains(l.mu.authors, author) {
					delete(l.mu.fullOf, author)
					drained = true
				}
			}
			l.notifyLocked()
			return f, drained, nil
		}
	}
	return nil, false, l.mu.changed
}

// deliver gives a frame to the peer, as package link does: records only once they are verified.
func (l *testLink) deliver(f wire.Frame) {
	m, err := wire.Decode(f[4:])
	if err != nil {
		panic(err)
	}
	switch m := m.(type) {
	case wire.Record:
		l.peer.Record(l.twin, verified(m)[0])
	case wire.Records:
		recs := verified(m.Records...)
		m.Records = nil
		l.peer.Records(l.twin, m, recs)
	default:
		l.peer.Message(l.twin, m)
	}
}

func verified(in ...wire.Record) (out []*record.Record) {
	for _, r := range in {
		claim, err := record.Parse(r.Body, r.Sig)
		if err != nil {
			panic(err)
		}
		rec, err := claim.Verify()
		if err != nil {
			panic(err)
		}
		out = append(out, rec)
	}
	return out
}

func (l *testLink) notifyLocked() {
	close(l.mu.changed)
	l.mu.changed = make(chan struct{})
}

func (l *testLink) push(q int, f wire.Frame) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pushLocked(q, f, identity.Key{})
}

// Relay implements Link. An author has the part of the live queue that share says.
func (l *testLink) Relay(f wire.Frame, of fair.Flow, _ int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting := 0
	for _, author := range l.mu.authors {
		if author == of.Key {
			waiting++
		}
	}
	if part := l.mu.parts[of.Key]; l.mu.fullOf[of.Key] || part > 0 && waiting >= part {
		l.mu.fullOf[of.Key] = true
		return false
	}
	return l.pushLocked(live, f, of.Key)
}

// share limits how many live frames of some authors may wait.
func (l *testLink) share(parts map[identity.Key]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.parts = parts
}

func (l *testLink) pushLocked(q int, f wire.Frame, author identity.Key) bool {
	if l.mu.down || q == live && l.mu.full {
		return false
	}
	if len(l.mu.waiting[q]) >= l.mu.limits[q] {
		l.mu.full = l.mu.full || q == live
		return false
	}
	l.mu.waiting[q] = append(l.mu.waiting[q], f)
	if q == live {
		l.mu.authors = append(l.mu.authors, author)
	}
	m, err := wire.Decode(f[4:])
	if err != nil {
		panic(err)
	}
	if w, ok := m.(wire.Want); ok && l.expected.Add(int64(-w.Frames)) < 0 {
		panic("a question without Expect")
	}
	l.mu.sent = append(l.mu.sent, m)
	l.notifyLocked()
	return true
}

func (l *testLink) space(q int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.down || q == live && l.mu.full {
		return 0
	}
	return l.mu.limits[q] - len(l.mu.waiting[q])
}

// wait waits until a queue is at most half full.
func (l *testLink) wait(ctx context.Context, q int) error {
	for {
		l.mu.Lock()
		down, changed := l.mu.down, l.mu.changed
		ready := len(l.mu.waiting[q]) <= l.mu.limits[q]/2 && !(q == live && l.mu.full)
		l.mu.Unlock()
		switch {
		case down:
			return errDown
		case ready:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (l *testLink) Key() identity.Key {
	if l.peer == nil {
		return l.key
	}
	return l.peer.key()
}
func (l *testLink) Can(capability string) bool         { return l.can[capability] }
func (l *testLink) Control(f wire.Frame) bool          { return l.push(control, f) }
func (l *testLink) Live(f wire.Frame) bool             { return l.push(live, f) }
func (l *testLink) Sync(f wire.Frame) bool             { return l.push(bulk, f) }
func (l *testLink) Gather(on bool)                     { l.gathers.Store(on) }
func (l *testLink) Release()                           { l.releases.Add(1) }
func (l *testLink) LiveSpace() int                     { return l.space(live) }
func (l *testLink) SyncSpace() int                     { return l.space(bulk) }
func (l *testLink) WaitLive(ctx context.Context) error { return l.wait(ctx, live) }
func (l *testLink) WaitSync(ctx context.Context) error { return l.wait(ctx, bulk) }
func (l *testLink) Expect(frames int)                  { l.expected.Add(int64(frames)) }

// ControlBytes implements Link.
func (l *testLink) ControlBytes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int(l.backlog.Load())
	for _, f := range l.mu.waiting[control] {
		n += len(f)
	}
	return n
}

// hold stops the link from delivering frames, or lets it go on.
func (l *testLink) hold(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.held = on
	l.notifyLocked()
}

// close ends this end of the link.
func (l *testLink) close() {
	l.mu.Lock()
	l.mu.down = true
	l.notifyLocked()
	l.mu.Unlock()
	l.group.Close()
}

// sent returns the messages of one kind that were queued since the last reset.
func sent[M wire.Message](l *testLink) (out []M) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.mu.sent {
		if m, ok := m.(M); ok {
			out = append(out, m)
		}
	}
	return out
}

// reset forgets the messages that were queued before.
func (l *testLink) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.sent = slices.Clip(l.mu.sent[:0:0])
}

// deadLink is a link that accepts everything and delivers nothing.
type deadLink identity.Key

func (l deadLink) Key() identity.Key                   { return identity.Key(l) }
func (deadLink) Control(wire.Frame) bool               { return true }
func (deadLink) Live(wire.Frame) bool                  { return true }
func (deadLink) Sync(wire.Frame) bool                  { return true }
func (deadLink) Relay(wire.Frame, fair.Flow, int) bool { return true }
func (deadLink) Expect(int)                            {}
func (deadLink) ControlBytes() int                     { return 0 }
func (deadLink) Gather(bool)                           {}
func (deadLink) Release()                              {}
func (deadLink) LiveSpace() int                        { return 1024 }
func (deadLink) SyncSpace() int                        { return 8 }
func (deadLink) WaitLive(context.Context) error        { return nil }
func (deadLink) WaitSync(context.Context) error        { return nil }
func (deadLink) Can(string) bool                       { return false }

// announce returns what a member's Hello says of the room.
func (m *member) announce() wire.InRoom {
	in := m.Announce()
	if !slices.Contains(m.caps, wire.CapFeeds) {
		in.Sums = ""
	}
	return in
}

// Hash returns the hash that older peers compare.
func (m *member) Hash() string {
	m.Replica.mu.Lock()
	defer m.Replica.mu.Unlock()
	return m.hashLocked()
}
