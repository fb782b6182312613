package link

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

const (
	stuckAfter = 10 * time.Second // a write without any progress (DESIGN.md §4)
	stuckStep  = time.Second      // how often a write that waits is looked at
	gap        = 2 * time.Second  // a timer this late: we were suspended, not the peer silent
)

// conn counts what passes, knows for how long the peer has been silent, and gives up a write that
// makes no progress. One goroutine reads and one writes.
type conn struct {
	net.Conn
	epoch   time.Time // all times below are since then, on the monotonic clock
	in, out atomic.Int64
	heard   atomic.Int64 // when the last bytes came
	entered atomic.Int64 // when the last Read began
	reading atomic.Bool  // a Read is waiting
	late    atomic.Bool  // the clock wants to know when something is heard
	again   chan struct{}
}

func newConn(c net.Conn) *conn {
	return &conn{Conn: c, epoch: time.Now(), again: make(chan struct{}, 1)}
}

func (c *conn) Read(p []byte) (int, error) {
	c.entered.Store(int64(time.Since(c.epoch)))
	c.reading.Store(true)
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.in.Add(int64(n))
		c.heard.Store(int64(time.Since(c.epoch)))
		if c.late.Load() {
			select {
			case c.again <- struct{}{}:
			default:
			}
		}
	}
	if n > 0 || err == nil {
		c.reading.Store(false) // at the end nobody is busy, and the silence goes on
	}
	return n, err
}

// quietSince is when the peer's present silence began. It is now while nobody waits for the peer:
// then we are the ones who are busy.
func (c *conn) quietSince(now time.Time) time.Time {
	if !c.reading.Load() {
		return now
	}
	return c.epoch.Add(time.Duration(max(c.heard.Load(), c.entered.Load())))
}

// Write gives up with ErrSlow once the socket has taken no byte for 10 to 11 s. A slow peer that
// takes some is never cut off.
func (c *conn) Write(p []byte) (int, error) {
	var n int
	last := time.Now() // of progress
	extended := false
	for now := last; ; {
		due := now.Add(stuckStep)
		if err := c.SetWriteDeadline(due); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(p[n:])
		n += m
		c.out.Add(int64(m))
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		now = time.Now()
		switch {
		case m > 0:
			last = now
		case now.Sub(due) > gap && !extended:
			last, extended = now, true
		case now.Sub(last) >= stuckAfter:
			return n, ErrSlow
		}
	}
}
