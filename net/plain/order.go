package plain

import (
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
	return &ordered{Listener: l, last: map[netip.Addr]*turn{}}
}

// orderWithin is how long after it was accepted a connection may still come first.
const orderWithin = 100 * time.Millisecond

type ordered struct {
	net.Listener
	mu   sync.Mutex
	last map[netip.Addr]*turn // newest of each address whose turn isn't over
}

// Accept gives the connection its turn, which Classify takes.
func (o *ordered) Accept() (net.Conn, error) {
	conn, err := o.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t := &turn{o: o, addr: addrOf(conn.RemoteAddr()).Addr(), at: time.Now(), over: make(chan struct{})}
	o.mu.Lock()
	t.before = o.last[t.addr]
	o.last[t.addr] = t
	o.mu.Unlock()
	return &inTurn{Conn: conn, turn: t}, nil
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
	at      time.Time
	before  *turn       // nil: none; used by wait only
	telling atomic.Bool // something was received, and is waiting or being told
	over    chan struct{}
	once    sync.Once
}

// wait waits until it is this connection's turn to tell something. Called by its one reader.
func (t *turn) wait() {
	if t == nil || t.before == nil {
		return
	}
	t.telling.Store(true)
	before := t.before
	t.before = nil
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
		t.o.mu.Unlock()
	})
}
