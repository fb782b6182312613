package plain

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// census counts accepted connections and keeps them within their limits. A full house must not shut
// out the next one, which may be a native peer: the connection that goes is the one that has been idle
// for longest, of the address that has most of them. So who opens hundreds pushes out only his own.
// The zero census is ready.
type census struct {
	mu     sync.Mutex
	seats  [2]map[*seat]struct{} // silent, talking
	of     [2]map[netip.Addr]int // how many each address has of them
	closed bool
}

// A seat is one connection. Its fields are guarded by census.mu.
type seat struct {
	c       *census
	conn    net.Conn
	addr    netip.Addr
	talking int // index into seats
	active  time.Time
}

// limits of each of the seats' classes: in all, and of one address.
var limits = [2][2]int{{maxSilent, maxSilentEach}, {maxTalking, maxTalkEach}}

// sit takes in a connection that has said nothing. It returns nil, and closes the connection, after
// close. pushed is the connection that had to go for it, if any.
func (c *census) sit(conn net.Conn, addr netip.Addr) (s, pushed *seat) {
	s = &seat{c: c, conn: conn, addr: addr, active: time.Now()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		conn.Close()
		return nil, nil
	}
	return s, c.add(s, 0)
}

// talk moves a connection, whose kind is known now, to those that talk.
func (s *seat) talk() (pushed *seat) {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	if _, here := s.c.seats[0][s]; !here {
		return nil // it was pushed out, or talks already
	}
	s.c.remove(s)
	return s.c.add(s, 1)
}

// spoke says that something was received.
func (s *seat) spoke() {
	s.c.mu.Lock()
	s.active = time.Now()
	s.c.mu.Unlock()
}

// leave gives the seat back.
func (s *seat) leave() {
	s.c.mu.Lock()
	s.c.remove(s)
	s.c.mu.Unlock()
}

// remove unseats s, if it still has its seat. Called with mu held.
func (c *census) remove(s *seat) {
	if _, here := c.seats[s.talking][s]; !here {
		return
	}
	delete(c.seats[s.talking], s)
	if c.of[s.talking][s.addr]--; c.of[s.talking][s.addr] == 0 {
		delete(c.of[s.talking], s.addr)
	}
}

// close closes all connections, now and later.
func (c *census) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, seats := range c.seats {
		for s := range seats {
			s.conn.Close()
		}
	}
}

// add seats s and pushes out another if there is no room. Called with mu held.
func (c *census) add(s *seat, class int) (pushed *seat) {
	if c.seats[class] == nil {
		c.seats[class], c.of[class] = map[*seat]struct{}{}, map[netip.Addr]int{}
	}
	s.talking = class
	c.seats[class][s] = struct{}{}
	count := c.of[class]
	count[s.addr]++
	crowded := s.addr
	switch most := limits[class]; {
	case len(c.seats[class]) > most[0]:
		for addr, n := range count {
			if n > count[crowded] {
				crowded = addr
			}
		}
	case count[s.addr] > most[1] && !s.addr.IsLoopback():
	default:
		return nil
	}
	for other := range c.seats[class] {
		if other != s && other.addr == crowded && (pushed == nil || other.active.Before(pushed.active)) {
			pushed = other
		}
	}
	if pushed == nil {
		// The newcomer's address has most, and this is all of it: everybody has one.
		for other := range c.seats[class] {
			if other != s && (pushed == nil || other.active.Before(pushed.active)) {
				pushed = other
			}
		}
	}
	c.remove(pushed)
	pushed.conn.Close()
	return pushed
}
