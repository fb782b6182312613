package accept

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	maxSilent          = 256 // connections that have sent nothing yet
	maxSilentOfAddr    = 32
	maxCleartext       = 256 // connections that send text or JSON
	maxCleartextOfAddr = 64
	maxArrivals        = 256 // native connections that are no link yet
	maxArrivalsOfAddr  = 32
	maxHandshakes      = 16 // native connections in the TLS handshake

	silentAfter     = 3 * time.Second // without a byte, before a connection becomes a line client
	handshakeWithin = 5 * time.Second // waiting for a place; the peer that dialled gives up by then too
	acceptAgain     = time.Second     // after an error of the listener
)

// connLimiter keeps a kind of connections within its limits: a new one pushes out another, as the package
// comment says.
type connLimiter struct {
	max, maxOfAddr int // maxOfAddr doesn't hold for loopback

	mu     sync.Mutex
	slots  map[*slot]struct{}
	ofAddr map[netip.Addr]int
}

func newConnLimiter(max, maxOfAddr int) *connLimiter {
	return &connLimiter{max: max, maxOfAddr: maxOfAddr, slots: map[*slot]struct{}{}, ofAddr: map[netip.Addr]int{}}
}

// slot is one connection's place in a connLimiter.
type slot struct {
	limiter *connLimiter
	conn    *Conn
	addr    netip.Addr
	active  time.Time // when something was received last; guarded by connLimiter.mu
}

// move gives a connection a slot here, in place of the one it has elsewhere, if any. A connection that was
// pushed out there keeps its old slot. pushed is the connection that was closed to make room, if any.
func (l *connLimiter) move(old *slot, conn *Conn, addr netip.Addr) (s, pushed *slot) {
	s = &slot{limiter: l, conn: conn, addr: addr, active: time.Now()}
	if old != nil {
		if !old.free() {
			return old, nil
		}
		s.active = old.active
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slots[s] = struct{}{}
	l.ofAddr[addr]++
	if len(l.slots) > l.max || l.ofAddr[addr] > l.maxOfAddr && !addr.IsLoopback() {
		pushed = l.idlestLocked(s)
		l.removeLocked(pushed)
		pushed.conn.pushOut()
	}
	return s, pushed
}

// idlestLocked returns the connection that makes room for s.
func (l *connLimiter) idlestLocked(s *slot) (idlest *slot) {
	crowded := s.addr
	if len(l.slots) > l.max {
		for addr, n := range l.ofAddr {
			if n > l.ofAddr[crowded] {
				crowded = addr
			}
		}
	}
	alone := crowded == s.addr && l.ofAddr[crowded] == 1 // and no address has more
	for other := range l.slots {
		if other != s && (alone || other.addr == crowded) && (idlest == nil || other.active.Before(idlest.active)) {
			idlest = other
		}
	}
	return idlest
}

// markActive notes that something was received.
func (s *slot) markActive() {
	s.limiter.mu.Lock()
	s.active = time.Now()
	s.limiter.mu.Unlock()
}

// free gives the slot back. It reports false if the connection had none any more.
func (s *slot) free() bool {
	s.limiter.mu.Lock()
	defer s.limiter.mu.Unlock()
	return s.limiter.removeLocked(s)
}

func (l *connLimiter) removeLocked(s *slot) bool {
	if _, here := l.slots[s]; !here {
		return false
	}
	delete(l.slots, s)
	if l.ofAddr[s.addr]--; l.ofAddr[s.addr] == 0 {
		delete(l.ofAddr, s.addr)
	}
	return true
}

// Semaphore limits how many are inside at a time, in all and of one address. Loopback, and what has no
// address, counts only for the whole number. Its methods may be called from any goroutine.
type Semaphore struct {
	max, maxOfAddr int

	mu      sync.Mutex
	inside  int
	ofAddr  map[netip.Addr]int
	waiting []*entrant // in the order in which they came
}

// entrant waits for a place. Each place goes to one of them: a thousand that wait must not all wake for it.
type entrant struct {
	addr    netip.Addr
	entered chan struct{} // closed when it has a place
}

// NewSemaphore returns a Semaphore that lets in max, and of one address maxOfAddr.
func NewSemaphore(max, maxOfAddr int) *Semaphore {
	return &Semaphore{max: max, maxOfAddr: maxOfAddr, ofAddr: map[netip.Addr]int{}}
}

// TryEnter reports whether there was a place. If so, the caller calls Leave, once.
func (s *Semaphore) TryEnter(a netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.enterLocked(a)
}

func (s *Semaphore) enterLocked(a netip.Addr) bool {
	limited := a.IsValid() && !a.IsLoopback()
	if s.inside >= s.max || limited && s.ofAddr[a] >= s.maxOfAddr {
		return false
	}
	s.inside++
	s.ofAddr[a]++
	return true
}

// Enter waits for a place and reports true, or reports false without one when ctx ends.
func (s *Semaphore) Enter(ctx context.Context, a netip.Addr) bool {
	if ctx.Err() != nil {
		return false
	}
	s.mu.Lock()
	if s.enterLocked(a) {
		s.mu.Unlock()
		return true
	}
	e := &entrant{a, make(chan struct{})}
	s.waiting = append(s.waiting, e)
	s.mu.Unlock()
	select {
	case <-e.entered:
		return true
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, e); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	} else { // it got a place meanwhile
		s.leaveLocked(a)
	}
	return false
}

// Leave gives a place back.
func (s *Semaphore) Leave(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaveLocked(a)
}

// leaveLocked gives a place back, and gives it to the first that waits and may have it.
func (s *Semaphore) leaveLocked(a netip.Addr) {
	s.inside--
	if s.ofAddr[a]--; s.ofAddr[a] == 0 {
		delete(s.ofAddr, a)
	}
	for i, e := range s.waiting {
		if s.enterLocked(e.addr) {
			s.waiting = slices.Delete(s.waiting, i, i+1)
			close(e.entered)
			return
		}
	}
}
