package accept

import (
	"context"
	"net/netip"
	"sync"
)

// Semaphore limits how many are inside at a time, in all and of one address. Loopback, and what has no
// address, counts only for the whole number. Its methods may be called from any goroutine.
type Semaphore struct {
	max, maxOfAddr int

	mu     sync.Mutex
	inside int
	ofAddr map[netip.Addr]int
	left   chan struct{} // closed at the next Leave; nil while nothing waits
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
	for ctx.Err() == nil {
		s.mu.Lock()
		if s.enterLocked(a) {
			s.mu.Unlock()
			return true
		}
		if s.left == nil {
			s.left = make(chan struct{})
		}
		left := s.left
		s.mu.Unlock()
		select {
		case <-left:
		case <-ctx.Done():
		}
	}
	return false
}

// Leave gives a place back.
func (s *Semaphore) Leave(a netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside--
	if s.ofAddr[a]--; s.ofAddr[a] == 0 {
		delete(s.ofAddr, a)
	}
	if s.left != nil {
		close(s.left)
		s.left = nil
	}
}
