package plain

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A seed program opens a connection for each line. Connections are served beside each other, so what it
// said quickly would come out shuffled (one line in five of a thousand). Order keeps the order in which
// connections of one address were accepted.

// Order wraps the listener whose connections go to Classify: what is said on connections of one address
// is told of in the order in which they were opened. One that says nothing holds the next one up for
// 100 ms at most. The listener still belongs to its owner.
func Order(l net.Listener) net.Listener {
	return &ordered{Listener: l, last: map[netip.Addr]*turn{}, busy: map[netip.Addr]int{}, parked: map[netip.Addr][]*turn{}}
}

// A program that says much opens connections faster than they are read. Too many unread ones would push
// each other out (census), so of one address only some are looked at at a time, and the others wait.
const (
	maxBusy    = 24                    // places of an address: fewer than may be silent
	maxParked  = 1024                  // of an address; more are refused
	heardAfter = 20 * time.Millisecond // one that says nothing gives its place back
	toldAfter  = 2 * time.Second       // and one whose reader is held up
)

// orderWithin is how long after it was accepted a connection may still come first.
const orderWithin = 100 * time.Millisecond

type ordered struct {
	net.Listener
	mu     sync.Mutex
	last   map[netip.Addr]*turn   // newest of each address whose turn isn't over
	busy   map[netip.Addr]int     // places that are taken
	parked map[netip.Addr][]*turn // those that wait for a place, in their order
}

// Accept gives the connection its turn, which Classify takes.
func (o *ordered) Accept() (net.Conn, error) {
	conn, err := o.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t := &turn{o: o, addr: addrOf(conn.RemoteAddr()).Addr(), in: make(chan struct{}), over: make(chan struct{})}
	o.mu.Lock()
	t.before = o.last[t.addr]
	o.last[t.addr] = t
	switch parked := len(o.parked[t.addr]); {
	case parked == 0 && o.busy[t.addr] < maxBusy:
		t.enter()
	case parked < maxParked:
		o.parked[t.addr] = append(o.parked[t.addr], t)
	default:
		t.refused = true
		close(t.in)
	}
	o.mu.Unlock()
	return &inTurn{Conn: conn, turn: t}, nil
}

// enter takes a place. Called with ordered.mu held.
func (t *turn) enter() {
	t.o.busy[t.addr]++
	t.at, t.placed = time.Now(), true
	t.timer = time.AfterFunc(heardAfter, func() {
		if !t.heard.Load() || time.Since(t.at) >= toldAfter {
			t.leave()
			return
		}
		t.o.mu.Lock()
		defer t.o.mu.Unlock()
		if t.placed {
			t.timer.Reset(toldAfter)
		}
	})
	close(t.in)
}

// leave gives the place to the next that waits.
func (t *turn) leave() {
	o := t.o
	o.mu.Lock()
	defer o.mu.Unlock()
	if !t.placed {
		return
	}
	t.placed = false
	t.timer.Stop()
	if o.busy[t.addr]--; o.busy[t.addr] == 0 {
		delete(o.busy, t.addr)
	}
	for len(o.parked[t.addr]) > 0 && o.busy[t.addr] < maxBusy {
		next := o.parked[t.addr][0]
		if o.parked[t.addr] = o.parked[t.addr][1:]; len(o.parked[t.addr]) == 0 {
			delete(o.parked, t.addr)
		}
		if !next.gone {
			next.enter()
		}
	}
}

// await waits for a place. It reports false if there is none, or ctx ended before.
func (t *turn) await(ctx context.Context) bool {
	if t == nil {
		return true
	}
	select {
	case <-t.in:
		return !t.refused
	case <-ctx.Done():
		return false
	}
}

// inTurn is an accepted connection on its way to Classify, which unwraps it.
type inTurn struct {
	net.Conn
	turn *turn
}

// Close ends the turn too, for a connection that never gets to Classify.
func (c *inTurn) Close() error {
	c.turn.end()
	return c.Conn.Close()
}

// turn is a connection's place among those of its address. A nil turn never waits.
type turn struct {
	o       *ordered
	addr    netip.Addr
	in      chan struct{} // closed when it has a place, or is refused
	refused bool          // before in is closed
	placed  bool          // guarded by ordered.mu
	gone    bool          // guarded by ordered.mu: it ended before it had a place
	at      time.Time     // when it got its place
	timer   *time.Timer
	heard   atomic.Bool // something was received
	before  *turn       // nil: none; used by wait only
	telling atomic.Bool // something was received, and is waiting or being told
	over    chan struct{}
	once    sync.Once
}

// wait waits until it is this connection's turn to tell something. Called by its one reader.
func (t *turn) wait() {
	if t == nil {
		return
	}
	t.telling.Store(true) // also of one that has nobody before it
	before := t.before
	if before == nil {
		return
	}
	t.before = nil
	select {
	case <-before.in: // it has its place before this one
	case <-before.over:
		return
	}
	timer := time.NewTimer(time.Until(before.at.Add(orderWithin)))
	defer timer.Stop()
	select {
	case <-before.over:
		return
	case <-timer.C:
	}
	if before.telling.Load() {
		<-before.over // its reader is held up, as ours would be
	}
}

// end lets the next one tell. It is called by the connection's reader, or by who closes a connection that
// has none; more than once is fine.
func (t *turn) end() {
	if t == nil {
		return
	}
	t.once.Do(func() {
		t.before = nil // a connection that stays must not keep those before it
		close(t.over)
		t.o.mu.Lock()
		if t.o.last[t.addr] == t {
			delete(t.o.last, t.addr)
		}
		t.gone = true
		t.o.mu.Unlock()
		t.leave()
	})
}

// hear says that something was received: it isn't silent.
func (t *turn) hear() {
	if t != nil {
		t.heard.Store(true)
	}
}
