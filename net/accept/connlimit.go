package accept

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// connLimiter keeps a kind of connections within its limits. Too many must not shut out the next connection,
// which may be a native peer's. So the connection that was idle for longest goes, of the address that has
// most. A flood from one address pushes out only its own connections.
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
	conn    net.Conn
	addr    netip.Addr
	active  time.Time // when something was received last; guarded by connLimiter.mu
}

// move gives a connection a slot here, in place of the one it has elsewhere, if any. A connection that was
// pushed out there keeps its old slot. pushed is the connection that was closed to make room, if any.
func (l *connLimiter) move(old *slot, conn net.Conn, addr netip.Addr) (s, pushed *slot) {
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
		pushed.conn.Close()
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
