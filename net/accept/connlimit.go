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
	return s, l.addLocked(s)
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

// addLocked adds s and pushes out another connection if there is no room.
func (l *connLimiter) addLocked(s *slot) (pushed *slot) {
	if l.slots == nil {
		l.slots, l.ofAddr = map[*slot]struct{}{}, map[netip.Addr]int{}
	}
	l.slots[s] = struct{}{}
	l.ofAddr[s.addr]++
	crowded := s.addr
	switch {
	case len(l.slots) > l.max:
		for addr, n := range l.ofAddr {
			if n > l.ofAddr[crowded] {
				crowded = addr
			}
		}
	case l.ofAddr[s.addr] > l.maxOfAddr && !s.addr.IsLoopback():
	default:
		return nil
	}
	pushed = l.idlestLocked(s, func(other *slot) bool { return other.addr == crowded })
	if pushed == nil { // s is all that its address has, and no address has more
		pushed = l.idlestLocked(s, func(*slot) bool { return true })
	}
	l.removeLocked(pushed)
	pushed.conn.Close()
	return pushed
}

// idlestLocked returns the slot that was idle for longest of those that may go, s excepted.
func (l *connLimiter) idlestLocked(s *slot, mayGo func(*slot) bool) (idlest *slot) {
	for other := range l.slots {
		if other != s && mayGo(other) && (idlest == nil || other.active.Before(idlest.active)) {
			idlest = other
		}
	}
	return idlest
}
