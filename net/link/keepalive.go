package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"chat.lan/p2pchat/net/wire"
)

// Times of DESIGN.md §4.
const (
	pingEvery = 5 * time.Second
	lateAfter = 10 * time.Second
	lostAfter = 15 * time.Second
)

// Times of a goodbye.
const (
	drainSilence = 5 * time.Second  // nothing heard: the peer isn't coming to its end
	drainWithin  = 20 * time.Second // in all
	farewell     = time.Second      // in all, when the program ends without having said Bye
)

// clock is the state of the goroutine of that name.
type clock struct {
	l        *Link
	nextPing time.Time
	late     bool
	grace    time.Time // silence doesn't count before
	extended bool      // grace was given, and nothing was heard since
	expected time.Time // when tick is to be called again, at the latest
	end      time.Time // of the drain; zero while nobody has said Bye
	begun    time.Time // the drain
}

// run owns the link's other goroutines and is the last to go.
func (l *Link) run(ctx context.Context) {
	defer l.group.Stop() // frees its place in the parent
	reading := l.group.Go("link/reader", l.read)
	writing := l.group.Go("link/writer", l.write)
	// If the group was stopped before, or between the two, the one that runs is ended by fail.
	if !reading {
		close(l.readerDone)
		l.fail(context.Cause(ctx))
	}
	if !writing {
		close(l.writerDone)
		l.fail(context.Cause(ctx))
	}
	c := clock{l: l, nextPing: time.Now(), expected: time.Now()}
	c.watch(ctx)

	l.queue.drop()
	l.conn.Close()
	if l.lane != nil && l.aborted(ctx) {
		l.lane.Close() // what waits is not delivered; what is being delivered is waited for
	}
	<-l.writerDone
	<-l.readerDone
	if l.lane != nil {
		l.lane.Close()
		_ = l.lane.Drain(context.Background())
		l.handler.Down(l, l.why())
	}
}

// aborted reports whether what has come should no longer be delivered.
func (l *Link) aborted(ctx context.Context) bool {
	select {
	case <-l.cut:
		return !errors.Is(l.cause, ErrLost) && !errors.Is(l.cause, ErrSlow)
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

// why is the reason for Down, once reader and writer are done.
func (l *Link) why() error {
	if bye := l.peerBye.Load(); bye != nil {
		return bye
	}
	select {
	case <-l.cut:
		return l.cause
	default:
	}
	return l.writeErr // both directions have ended: nil if all of ours was written before
}

// atOnce is the shortest time of a timer. One that is due when it is made is run by whoever selects on
// it, and in a synctest bubble under the race detector two that do so at once can crash Go 1.26's runtime.
const atOnce = time.Nanosecond

// watch returns when both directions have ended, or the connection was cut.
func (c *clock) watch(ctx context.Context) {
	l := c.l
	timer := time.NewTimer(atOnce)
	defer timer.Stop()
	readerDone, writerDone, closing, done := l.readerDone, l.writerDone, l.closing, ctx.Done()
	for {
		select {
		case <-timer.C:
		case <-l.conn.again:
		case <-closing:
			closing = nil
			c.drain(drainWithin)
		case <-done:
			// The program ends, or something in it has panicked: the peer is told all the same.
			done = nil
			l.bye(wire.ByeLeaving)
			c.drain(farewell)
		case <-readerDone:
			readerDone = nil
			if !c.goodbye() {
				l.fail(readEnd(l.readErr)) // at once
				return
			}
		case <-writerDone:
			writerDone = nil
			if errors.Is(l.writeErr, ErrSlow) {
				l.fail(ErrSlow)
			}
			// After any other failure there may still be something to read, a Bye for instance.
		case <-l.cut:
			return
		}
		if readerDone == nil && writerDone == nil {
			return
		}
		for c.tick() {
		}
		c.expected = c.due()
		timer.Reset(max(time.Until(c.expected), atOnce))
	}
}

// goodbye reports whether the end of the peer's direction was in good order.
func (c *clock) goodbye() bool {
	return c.l.peerBye.Load() != nil || c.l.saidBye.Load() && errors.Is(c.l.readErr, io.EOF)
}

// drain sets how long both sides have to come to their ends. It can only become shorter.
func (c *clock) drain(within time.Duration) {
	now := time.Now()
	if c.end.IsZero() {
		c.begun = now
	}
	if end := now.Add(within); c.end.IsZero() || end.Before(c.end) {
		c.end = end
	}
}

// notice looks at how late we are ourselves. If the process or the machine was suspended, the peer's
// words may lie unread in the socket: deadlines begin anew, once.
func (c *clock) notice(now time.Time) {
	if now.Sub(c.expected) > gap && !c.extended {
		c.grace, c.extended = now, true
	}
	c.expected = now
}

// quietSince is when the silence that counts began.
func (c *clock) quietSince(now time.Time) time.Time {
	since := c.l.conn.quietSince(now)
	if since.After(c.grace) {
		c.extended = false
		return since
	}
	return c.grace
}

// tick does what is due. It reports whether anything was, as then more may be.
func (c *clock) tick() bool {
	now := time.Now()
	c.notice(now)
	silence := now.Sub(c.quietSince(now))
	if !c.end.IsZero() {
		// Before the drain began, silence was not of the drain.
		if !now.Before(c.end) || min(silence, now.Sub(c.begun)) >= drainSilence {
			c.l.fail(fmt.Errorf("%w after the goodbye", ErrLost))
		}
		return false
	}
	switch {
	case silence >= lostAfter:
		c.l.fail(ErrLost)
		return false
	case !c.late && silence >= lateAfter:
		c.setLate(true)
		return true
	case c.late && now.Sub(c.l.conn.quietSince(now)) < lateAfter: // heard; grace is no word of the peer
		c.setLate(false)
		return true
	case !now.Before(c.nextPing):
		c.ping(now)
		return true
	}
	return false
}

func (c *clock) setLate(late bool) {
	c.late = late
	c.l.conn.late.Store(late)
	if c.l.handler != nil {
		c.l.handler.State(c.l, c.late)
	}
}

// due is when tick has something to do again, if nothing is heard until then.
func (c *clock) due() time.Time {
	quiet := c.quietSince(time.Now())
	if !c.end.IsZero() {
		// A silence that began before the drain counts from there.
		if quiet.Before(c.begun) {
			quiet = c.begun
		}
		return earlier(c.end, quiet.Add(drainSilence))
	}
	next := quiet.Add(lateAfter)
	if c.late {
		next = quiet.Add(lostAfter)
	}
	return earlier(c.nextPing, next)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// ping sends the next ping, busy or not.
func (c *clock) ping(now time.Time) {
	if c.nextPing = c.nextPing.Add(pingEvery); c.nextPing.Before(now) {
		c.nextPing = now.Add(pingEvery) // we were suspended: no burst
	}
	var frontier map[string]string
	if c.l.ping != nil {
		frontier = c.l.ping()
	}
	if f, err := wire.Encode(c.l.rtt.next(frontier)); err == nil {
		c.l.Control(f)
	}
}

// pong answers at once, from the reader. If the control queue is full the peer floods us.
func (l *Link) pong(p wire.Ping) {
	if f, err := wire.Encode(wire.Pong{N: p.N, Stamp: p.Stamp}); err == nil {
		l.Control(f)
	}
}
