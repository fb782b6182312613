package link

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"chat.lan/p2pchat/net/accept"
)

const (
	stuckAfter = 10 * time.Second // without any progress of a write
	stuckStep  = time.Second      // between two looks at a write that waits
	gap        = 2 * time.Second  // a timer this late means that we were suspended
)

// conn counts bytes, measures how long the peer has been silent, and gives up a write that makes no
// progress. One goroutine reads and another writes.
type conn struct {
	net.Conn
	epoch   time.Time // all times below are since then, on the monotonic clock
	in, out atomic.Int64
	heard   atomic.Int64  // when the last bytes came
	entered atomic.Int64  // when the last Read began
	reading atomic.Bool   // a Read is waiting
	late    atomic.Bool   // the keepalive waits for again
	again   chan struct{} // size 1; the late peer was heard

	waited time.Duration // how long Reads that brought something took in all; the reading goroutine's
}

// sendBuffer and receiveBuffer are what the kernel may hold of a link's bytes. Nothing overtakes there: a message waits
// for all that was written before it, and by themselves Linux's buffers grow to megabytes under a flood.
const (
	sendBuffer    = 64 << 10
	receiveBuffer = 64 << 10
)

// limitBuffers limits what the kernel holds of a connection, if it is one of TCP.
func limitBuffers(c net.Conn) {
	if accepted, ok := c.(*accept.Conn); ok {
		c = accepted.Conn
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(sendBuffer) // without it the link works all the same
		_ = tcp.SetReadBuffer(receiveBuffer)
	}
}

func newConn(c net.Conn) *conn {
	limitBuffers(c)
	return &conn{Conn: c, epoch: time.Now(), again: make(chan struct{}, 1)}
}

func (c *conn) Read(p []byte) (int, error) {
	entered := time.Since(c.epoch)
	c.entered.Store(int64(entered))
	c.reading.Store(true)
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.in.Add(int64(n))
		heard := time.Since(c.epoch)
		c.heard.Store(int64(heard))
		c.waited += heard - entered
		if c.late.Load() {
			select {
			case c.again <- struct{}{}:
			default:
			}
		}
	}
	if n > 0 || err == nil {
		c.reading.Store(false) // at the end we aren't busy, and the silence goes on
	}
	return n, err
}

// silentSince returns when the peer's present silence began. While no Read waits for the peer it returns
// now, because then our side is busy.
func (c *conn) silentSince(now time.Time) time.Time {
	if !c.reading.Load() {
		return now
	}
	return c.epoch.Add(time.Duration(max(c.heard.Load(), c.entered.Load())))
}

// Write gives up with ErrSlow once the socket has accepted no byte for 10 to 11 s. It never gives up on a
// peer that reads slowly.
func (c *conn) Write(p []byte) (int, error) {
	var n int
	last := time.Now() // when the write last made progress
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
