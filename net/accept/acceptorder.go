package accept

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"chat.lan/p2pchat/net/standing"
)

// A program that says much opens connections faster than they are read. Too many unread ones would push
// each other out (connLimiter), so of one address only some are read at a time, and the others wait.
const (
	maxReading   = 24                     // connections of an address: fewer than may be silent
	maxWaiting   = 1024                   // connections of all addresses; of the address with most the newest is refused
	maxUnsettled = 256                    // connections whose goroutine has yet to run, before it counts or closes them
	heardAfter   = 20 * time.Millisecond  // a silent connection gives its place back
	toldAfter    = 2 * time.Second        // and so does one whose reader is held up
	orderAfter   = 100 * time.Millisecond // since it was read: a silent connection holds up the next no longer
)

// acceptOrder keeps the order in which connections of one address were accepted.
//
//	waiting ──── a place is free ───▶ reading ──── silent, told, closed ───▶ no place
type acceptOrder struct {
	mu      sync.Mutex
	newest  map[netip.Addr]*orderSlot    // connection of each address, unless it has ended
	reading map[netip.Addr]int           // places taken
	waiting map[netip.Addr][]*orderSlot  // in the order in which they were accepted
	places  *standing.Budget[netip.Addr] // those of waiting

	unsettled int           // connections that were placed, denied or pushed out, and didn't call noteSettled yet
	wake      chan struct{} // closed when fewer are unsettled; nil: no one waits for it
}

func newAcceptOrder() *acceptOrder {
	return &acceptOrder{
		newest: map[netip.Addr]*orderSlot{}, reading: map[netip.Addr]int{}, waiting: map[netip.Addr][]*orderSlot{},
		places: standing.NewBudget[netip.Addr](maxWaiting, maxWaiting),
	}
}

// orderSlot is a connection's place in the order.
type orderSlot struct {
	order  *acceptOrder
	addr   netip.Addr
	placed chan struct{} // closed when it has a place
	denied chan struct{} // closed when it shall have none: others that wait go first
	readAt time.Time     // when it got its place; set before placed is closed
	timer  *time.Timer   // ends the place; set before placed is closed

	heard   atomic.Bool // something was received
	telling atomic.Bool // something was received, and waits for its turn or is being passed on
	before  *orderSlot  // nil: none; used by AwaitOrder and endOrder only

	ended chan struct{}
	once  sync.Once

	unsettled bool // guarded by acceptOrder.mu: counted in acceptOrder.unsettled
	hasPlace  bool // guarded by acceptOrder.mu
	gone      bool // guarded by acceptOrder.mu: it ended before it had a place
}

// add puts a connection that was just accepted behind the others of its address. It returns nil if too many
// wait.
func (o *acceptOrder) add(addr netip.Addr) *orderSlot {
	o.mu.Lock()
	defer o.mu.Unlock()
	waits := len(o.waiting[addr]) > 0 || o.reading[addr] >= maxReading
	if waits && !o.makeRoomLocked(addr) {
		return nil
	}
	s := &orderSlot{order: o, addr: addr, before: o.newest[addr], placed: make(chan struct{}), denied: make(chan struct{}), ended: make(chan struct{})}
	o.newest[addr] = s
	if waits {
		o.waiting[addr] = append(o.waiting[addr], s)
	} else {
		s.takePlaceLocked()
	}
	return s
}

// makeRoomLocked counts one more connection of an address that waits. If there are too many, the newest of the
// address that has most is denied a place. It reports false when that is the one that comes.
func (o *acceptOrder) makeRoomLocked(addr netip.Addr) bool {
	o.countLocked(addr, 1)
	most, over := o.places.Victim(addr)
	if !over {
		return true
	}
	o.countLocked(most, -1)
	if most == addr {
		return false
	}
	waiting := o.waiting[most]
	last := waiting[len(waiting)-1]
	if o.waiting[most] = waiting[:len(waiting)-1]; len(waiting) == 1 {
		delete(o.waiting, most)
	}
	if last.gone {
		return true
	}
	last.gone = true
	last.unsettleLocked()
	close(last.denied)
	return true
}

// countLocked counts connections that wait.
func (o *acceptOrder) countLocked(addr netip.Addr, n int) {
	o.places.Add(addr, standing.Heard, standing.SourceOf(addr, nil), n)
}

// awaitSettled waits until few connections are unsettled. It reports false when ctx ends. An unsettled connection has a
// descriptor and counts in no other limit: it isn't counted yet, or it was pushed out and isn't closed yet. Without
// this limit, a program that gets no processor would accept more and more of them.
func (o *acceptOrder) awaitSettled(ctx context.Context) bool {
	for {
		o.mu.Lock()
		if o.unsettled < maxUnsettled {
			o.mu.Unlock()
			return true
		}
		if o.wake == nil {
			o.wake = make(chan struct{})
		}
		wake := o.wake
		o.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return false
		}
	}
}

func (s *orderSlot) unsettleLocked() {
	if !s.unsettled {
		s.unsettled = true
		s.order.unsettled++
	}
}

// unsettle counts the connection as unsettled until it calls noteSettled.
func (s *orderSlot) unsettle() {
	s.order.mu.Lock()
	defer s.order.mu.Unlock()
	s.unsettleLocked()
}

// noteSettled notes that the connection is closed, or counted in another limit. More than one call does nothing.
func (s *orderSlot) noteSettled() {
	o := s.order
	o.mu.Lock()
	defer o.mu.Unlock()
	if !s.unsettled {
		return
	}
	s.unsettled = false
	o.unsettled--
	if o.wake != nil {
		close(o.wake)
		o.wake = nil
	}
}

func (s *orderSlot) takePlaceLocked() {
	s.order.reading[s.addr]++
	s.readAt, s.hasPlace = time.Now(), true
	s.unsettleLocked()
	s.timer = time.AfterFunc(heardAfter, func() {
		if !s.heard.Load() || time.Since(s.readAt) >= toldAfter {
			s.leavePlace()
			return
		}
		s.order.mu.Lock()
		defer s.order.mu.Unlock()
		if s.hasPlace {
			s.timer.Reset(toldAfter)
		}
	})
	close(s.placed)
}

// leavePlace gives the place to the next connection that waits.
func (s *orderSlot) leavePlace() {
	o := s.order
	o.mu.Lock()
	defer o.mu.Unlock()
	if !s.hasPlace {
		return
	}
	s.hasPlace = false
	s.timer.Stop()
	if o.reading[s.addr]--; o.reading[s.addr] == 0 {
		delete(o.reading, s.addr)
	}
	for len(o.waiting[s.addr]) > 0 && o.reading[s.addr] < maxReading {
		next := o.waiting[s.addr][0]
		if o.waiting[s.addr] = o.waiting[s.addr][1:]; len(o.waiting[s.addr]) == 0 {
			delete(o.waiting, s.addr)
		}
		o.countLocked(s.addr, -1)
		if !next.gone {
			next.takePlaceLocked()
		}
	}
}

// AwaitOrder waits until the connections of this address that were accepted before have passed on their
// part. The goroutine that reads calls it before it passes on a message. The next connection's turn comes
// when that goroutine reads from the network again.
func (s *orderSlot) AwaitOrder() {
	s.telling.Store(true) // also of one that has none before it
	before := s.before
	if before == nil {
		return
	}
	s.before = nil
	select {
	case <-before.placed: // it has its place before this one
	case <-before.ended:
		return
	}
	timer := time.NewTimer(time.Until(before.readAt.Add(orderAfter)))
	defer timer.Stop()
	select {
	case <-before.ended:
		return
	case <-timer.C:
	}
	if before.telling.Load() {
		<-before.ended // its reader is held up, as ours would be
	}
}

// endOrder lets the next connection of this address pass on its messages. More than one call does nothing.
func (s *orderSlot) endOrder() {
	s.once.Do(func() {
		s.before = nil // a connection that stays must not keep those before it in memory
		close(s.ended)
		s.order.mu.Lock()
		if s.order.newest[s.addr] == s {
			delete(s.order.newest, s.addr)
		}
		s.gone = true
		s.order.mu.Unlock()
		s.leavePlace()
	})
}
