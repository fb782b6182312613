package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"chat.lan/p2pchat/net/wire"
)

// Times of the keepalive.
const (
	pingEvery = 5 * time.Second
	lateAfter = 10 * time.Second
	lostAfter = 15 * time.Second
)

// Times of a goodbye.
const (
	drainSilence = 5 * time.Second  // after such a silence we don't wait for the peer
	drainWithin  = 20 * time.Second // in all
	quitWithin   = time.Second      // in all, if the program ends before it has said Bye
)

// keepalive is the state of the goroutine that sends pings, notices silence and ends the link.
type keepalive struct {
	l        *Link
	nextPing time.Time
	late     bool
	grace    time.Time // silence before it doesn't count
	extended bool      // grace was set, and the peer has been silent since
	expected time.Time // when tick runs again, at the latest
	end      time.Time // when the drain ends; zero until either side has said Bye
	begun    time.Time // when the drain began
}

// run starts the link's other goroutines, and returns after them.
func (l *Link) run(ctx context.Context) {
	defer l.group.Stop() // frees its place in the parent
	reading := l.group.Go("link/reader", l.read)
	writing := l.group.Go("link/writer", l.write)
	// If the group was stopped meanwhile, fail ends the goroutine that runs.
	if !reading {
		close(l.readerDone)
		l.fail(context.Cause(ctx))
	}
	if !writing {
		close(l.writerDone)
		l.fail(context.Cause(ctx))
	}
	c := keepalive{l: l, nextPing: time.Now(), expected: time.Now()}
	c.loop(ctx)

	l.queue.drop()
	l.conn.Close()
	if l.incoming != nil && l.discardsInput(ctx) {
		l.incoming.Close() // drops waiting messages, and waits for the one being delivered
	}
	<-l.writerDone
	<-l.readerDone
	if l.incoming != nil {
		l.incoming.Close()
		_ = l.incoming.Drain(context.Background())
		l.handler.Down(l, l.downReason())
	}
}

// discardsInput reports whether received messages should no longer be delivered.
func (l *Link) discardsInput(ctx context.Context) bool {
	select {
	case <-l.cut:
		return !errors.Is(l.cause, ErrLost) && !errors.Is(l.cause, ErrSlow)
	case <-ctx.Done():
		return true
	default:
		return false
	}
}

// downReason returns the reason for Down, once reader and writer have returned.
func (l *Link) downReason() error {
	if bye := l.peerBye.Load(); bye != nil {
		return bye
	}
	select {
	case <-l.cut:
		return l.cause
	default:
	}
	return l.writeErr // both directions have ended: nil if all our frames were written before
}

// atOnce is the shortest duration of a timer. The goroutine that selects on a timer runs it if it is due
// when it is set. In a synctest bubble under the race detector, two that do so at once can crash Go 1.26.
const atOnce = time.Nanosecond

// loop returns when both directions have ended, or the connection was cut.
func (c *keepalive) loop(ctx context.Context) {
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
			c.limitDrain(drainWithin)
		case <-done:
			// The program ends, or a goroutine has panicked: the peer gets a Bye all the same.
			done = nil
			l.bye(wire.ByeLeaving)
			c.limitDrain(quitWithin)
		case <-readerDone:
			readerDone = nil
			if !c.peerEndedInOrder() {
				l.fail(lossReason(l.readErr)) // at once
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
		c.expected = c.nextDue()
		timer.Reset(max(time.Until(c.expected), atOnce))
	}
}

// peerEndedInOrder reports whether the end of the peer's direction followed a Bye.
func (c *keepalive) peerEndedInOrder() bool {
	return c.l.peerBye.Load() != nil || c.l.saidBye.Load() && errors.Is(c.l.readErr, io.EOF)
}

// limitDrain sets how long both sides have to end their directions. It never extends the time.
func (c *keepalive) limitDrain(within time.Duration) {
	now := time.Now()
	if c.end.IsZero() {
		c.begun = now
	}
	if end := now.Add(within); c.end.IsZero() || end.Before(c.end) {
		c.end = end
	}
}

// extendAfterSuspend restarts the deadlines, once, if this process or machine was suspended: messages of the peer
// may lie unread in the socket.
func (c *keepalive) extendAfterSuspend(now time.Time) {
	if now.Sub(c.expected) > gap && !c.extended {
		c.grace, c.extended = now, true
	}
	c.expected = now
}

// silentSince returns when the silence that counts began.
func (c *keepalive) silentSince(now time.Time) time.Time {
	since := c.l.conn.silentSince(now)
	if since.After(c.grace) {
		c.extended = false
		return since
	}
	return c.grace
}

// tick performs one due action. It reports whether there was one, since another may be due then.
func (c *keepalive) tick() bool {
	now := time.Now()
	c.extendAfterSuspend(now)
	silence := now.Sub(c.silentSince(now))
	if !c.end.IsZero() {
		// Silence before the drain doesn't count for it.
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
	case c.late && now.Sub(c.l.conn.silentSince(now)) < lateAfter: // grace alone doesn't mean that the peer was heard
		c.setLate(false)
		return true
	case !now.Before(c.nextPing):
		c.sendPing(now)
		return true
	}
	return false
}

func (c *keepalive) setLate(late bool) {
	c.late = late
	c.l.conn.late.Store(late)
	if c.l.handler != nil {
		c.l.handler.State(c.l, c.late)
	}
}

// nextDue returns when tick has to run again if the peer stays silent.
func (c *keepalive) nextDue() time.Time {
	quiet := c.silentSince(time.Now())
	if !c.end.IsZero() {
		// A silence that began before the drain counts from its beginning.
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

// sendPing sends the next ping, also on a busy link.
func (c *keepalive) sendPing(now time.Time) {
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

// answerPing answers at once, from the reader. If the control queue is full, the peer floods us.
func (l *Link) answerPing(p wire.Ping) {
	if f, err := wire.Encode(wire.Pong{N: p.N, Stamp: p.Stamp}); err == nil {
		l.Control(f)
	}
}
