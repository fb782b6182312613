package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"chat.lan/p2pchat/net/wire"
)

// Times of the keepalive, and of a goodbye.
const (
	pingEvery    = 5 * time.Second
	lateAfter    = 10 * time.Second
	lostAfter    = 15 * time.Second
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
	hashes   pingHashes
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
			l.Bye(wire.ByeLeaving)
			c.limitDrain(quitWithin)
		case <-readerDone:
			readerDone = nil
			if !c.peerEndedInOrder() {
				why := l.readErr
				if errors.Is(why, io.EOF) {
					why = fmt.Errorf("the peer closed without a goodbye: %w", why)
				}
				l.fail(why)
				return
			}
		case <-writerDone:
			writerDone = nil
			if errors.Is(l.writeErr, ErrSlow) {
				l.fail(ErrSlow)
			}
			// After any other failure there may still be something to read, a Bye for instance.
		case <-l.cut.Done():
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
		c.begun, c.end = now, now.Add(within)
	}
	c.end = earlier(c.end, now.Add(within))
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
		if c.l.hello.Can(wire.CapPing) {
			frontier = c.hashes.next(frontier)
		}
	}
	if f, err := wire.Encode(c.l.rtt.next(frontier)); err != nil || !c.l.Control(f) {
		c.hashes.pings = 0 // this ping was never sent, so the next has all hashes again
	}
}

// answerPing answers at once, from the reader. If the control queue is full, the peer floods us.
func (l *Link) answerPing(p wire.Ping) {
	if f, err := wire.Encode(wire.Pong{N: p.N, Stamp: p.Stamp}); err == nil {
		l.Control(f)
	}
}

// stampRange bounds stamps, which only have to be hard to guess, so that pings stay short.
const stampRange = 10_000

// rtt numbers pings and measures the round-trip time by their answers.
type rtt struct {
	epoch time.Time

	mu     sync.Mutex
	n      uint64
	sent   [4]sentPing // the last ones, for answers that come after the next ping
	smooth time.Duration
}

// sentPing is a ping that waits for its answer.
type sentPing struct {
	n     uint64
	stamp int64
	at    time.Duration // since rtt.epoch
}

// next returns the ping to send now.
func (r *rtt) next(frontier map[string]string) wire.Ping {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	at := time.Since(r.epoch)
	p := wire.Ping{N: r.n, Stamp: at.Microseconds() % stampRange, Frontier: frontier}
	r.sent[r.n%uint64(len(r.sent))] = sentPing{p.N, p.Stamp, at}
	return p
}

// record takes a pong. It ignores a pong that answers none of the last pings, or one of them again.
func (r *rtt) record(p wire.Pong) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.sent[p.N%uint64(len(r.sent))]
	if p.N == 0 || s.n != p.N || s.stamp != p.Stamp {
		return
	}
	// Never 0, which means that nothing was measured: a coarse clock may see no time pass.
	took := max(time.Since(r.epoch)-s.at, time.Nanosecond)
	*s = sentPing{}
	if r.smooth == 0 {
		r.smooth = took
	} else {
		r.smooth += (took - r.smooth) / 4
	}
}

func (r *rtt) smoothed() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.smooth
}
