package plain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// outgoing is an object that waits for a JSON peer.
type outgoing struct {
	object []byte    // nil: an introduction, which names the address that the connection has here
	starts bool      // it is the first object of a message
	until  time.Time // when to give up, while the peer's address isn't trusted; zero: it was
}

var (
	errQueue   = errors.New("too many lines wait for it")
	errWaiting = errors.New("it was not heard of again")
)

// sendAll queues a message for all JSON peers, or all but those held back, and returns for how many.
func (j *jsonPeers) sendAll(c chat, now time.Time, held heldPeers) int {
	j.mu.Lock()
	known := len(j.byAddr)
	j.mu.Unlock()
	if c.text == "" || known == 0 {
		return 0
	}
	encoded := c.encode(now.Unix()) // once for all; a signature costs
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.leaving.Load() { // Exit is the last that peers get
		return 0
	}
	count := 0
	for _, pe := range j.byAddr {
		if pe.HeldBack && !bool(held) {
			if !pe.reportedHeld {
				pe.reportedHeld = true
				j.reportHeldBack(pe.Peer)
			}
			continue
		}
		if len(pe.queue)+len(encoded) > maxQueue {
			j.reportUndeliveredLocked(pe, 1, errQueue)
			continue
		}
		for i, object := range encoded {
			pe.queue = append(pe.queue, outgoing{object: object, starts: i == 0, until: pe.giveUpAt(now)})
		}
		j.sendQueueLocked(pe)
		if !pe.unlike {
			count++
		}
	}
	return count
}

// giveUpAt returns until when an object waits for the peer's address to be trusted, zero if it is.
func (pe *jsonPeer) giveUpAt(now time.Time) time.Time {
	switch {
	case pe.trusted():
		return time.Time{}
	case pe.confirmed():
		return now.Add(keepUnproven)
	}
	return now.Add(holdFor)
}

// queueIntroductionLocked has a peer told who we are, before anything else.
func (j *jsonPeers) queueIntroductionLocked(pe *jsonPeer) {
	if j.leaving.Load() {
		return
	}
	pe.introducedAt = time.Now()
	pe.queue = append([]outgoing{{until: pe.giveUpAt(pe.introducedAt)}}, pe.queue...)
	j.sendQueueLocked(pe)
}

// sendExit queues the Exit for all peers that may be sent something, perhaps after a probe.
func (j *jsonPeers) sendExit(id string) {
	object, err := wire.EncodeSeed(wire.Exit(id))
	if err != nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, pe := range j.byAddr {
		if pe.sending || pe.confirmed() && !pe.unlike {
			pe.queue = append(pe.queue, outgoing{object: object})
			j.sendQueueLocked(pe)
		} else {
			pe.queue = nil
		}
	}
}

// sendQueueLocked has a peer's queue sent, by a goroutine that lives as long as something is in it.
func (j *jsonPeers) sendQueueLocked(pe *jsonPeer) {
	if pe.sending || len(pe.queue) == 0 || !pe.confirmed() || !pe.trusted() && !j.mayProbeLocked(pe.Addr, time.Now()) {
		return
	}
	if j.group.Go("plain/send", func(ctx context.Context) { j.sendQueue(ctx, pe) }) {
		pe.sending = true
		if !pe.failing {
			pe.tookAt = time.Now()
		}
		j.running.Add(1)
	}
}

// sendQueue delivers a peer's queue in order, one object at a time. An object that can't be delivered takes
// the rest of the queue with it: the address is dead, and the messages would only grow old.
func (j *jsonPeers) sendQueue(ctx context.Context, pe *jsonPeer) {
	for {
		allowed := j.mayReceive(pe) && j.cfg.MuteReason() == ""
		j.mu.Lock()
		if !allowed || ctx.Err() != nil {
			if slices.ContainsFunc(pe.queue, func(o outgoing) bool { return o.object == nil }) {
				pe.introducedAt = time.Time{} // the introduction that waited will be sent later
			}
			pe.queue = nil
			j.progress.notify()
		}
		waits := !pe.trusted() && !j.mayProbeLocked(pe.Addr, time.Now())
		if len(pe.queue) == 0 || !pe.confirmed() || waits { // it may have moved to an address that isn't confirmed yet
			pe.sending = false
			j.end()
			j.mu.Unlock()
			return
		}
		next, addr, unsent := pe.queue[0], pe.Addr, countMessages(pe.queue[:1])
		pe.queue = pe.queue[1:]
		if !pe.trusted() && !next.until.IsZero() && time.Now().After(next.until) {
			pe.noteGivenUp([]outgoing{next})
			j.reportUndeliveredLocked(pe, unsent, pe.whyWaiting())
			j.mu.Unlock()
			continue
		}
		trusted, began := pe.trusted(), time.Now()
		how := route{addr: addr, unproven: !trusted, byMDNS: pe.introduce, readsAll: pe.readsAll}
		if !trusted {
			pe.probedAt = began
		}
		j.mu.Unlock()
		readsAll, err := j.deliver(ctx, how, next.object)
		if errors.Is(err, ErrUnlike) && ctx.Err() == nil {
			j.mu.Lock()
			j.noteUnlikeLocked(pe, addr, began, next)
			j.mu.Unlock()
			continue
		}
		if err != nil {
			j.mu.Lock()
			lost := unsent + countMessages(pe.queue)
			pe.queue, pe.probedAt = nil, time.Time{}
			if ctx.Err() == nil {
				j.reportUndeliveredLocked(pe, lost, err)
			}
			j.progress.notify()
			j.mu.Unlock()
			continue
		}
		j.change(pe, func() {
			if !trusted && pe.Addr == addr {
				j.notePassedLocked(pe)
				pe.took, pe.tookAt = 0, time.Now() // the probe took long
			}
			pe.markAliveLocked(time.Now())
			pe.Out += int64(len(next.object))
			pe.failing, pe.readsAll = false, readsAll
			pe.noteTakenLocked(time.Now())
			j.progress.notify()
		})
	}
}

// expireLocked gives up messages that have waited for too long until the peer's address is trusted.
func (j *jsonPeers) expireLocked(pe *jsonPeer, now time.Time) {
	if !pe.probedAt.IsZero() {
		return // what waits for this probe goes out if it ends well
	}
	old := 0
	for old < len(pe.queue) && !pe.trusted() && !pe.queue[old].until.IsZero() && now.After(pe.queue[old].until) {
		old++
	}
	if old > 0 {
		pe.noteGivenUp(pe.queue[:old])
		j.reportUndeliveredLocked(pe, countMessages(pe.queue[:old]), pe.whyWaiting())
		pe.queue = pe.queue[old:]
		j.progress.notify()
	}
}

// noteGivenUp notes what isn't sent any more. An introduction among it is made again, when the peer is heard of next.
func (pe *jsonPeer) noteGivenUp(gone []outgoing) {
	if slices.ContainsFunc(gone, func(o outgoing) bool { return o.object == nil }) {
		pe.introducedAt = time.Time{}
	}
}

// whyWaiting returns why messages to the peer were given up that waited.
func (pe *jsonPeer) whyWaiting() error {
	if pe.unlike {
		return ErrUnlike
	}
	return errWaiting
}

// countMessages returns how many messages are in a queue, without the rest of one that was begun.
func countMessages(queue []outgoing) (n int) {
	for _, o := range queue {
		if o.starts {
			n++
		}
	}
	return n
}

// reportUndeliveredLocked reports once that a peer can't be reached.
func (j *jsonPeers) reportUndeliveredLocked(pe *jsonPeer, messages int, err error) {
	if messages == 0 || pe.failing {
		return
	}
	pe.failing = true
	to := pe.Peer
	j.group.Go("plain/undelivered", func(context.Context) { j.cfg.Handler.Undelivered(to, messages, err) })
}

// route is how a peer is sent to.
type route struct {
	addr     netip.AddrPort
	unproven bool // the address must be probed first
	byMDNS   bool // it is known by mDNS
	readsAll bool // see jsonPeer
}

// deliver sends one object over a connection of its own, in one write. It waits until the other side has
// read it and closed, so that the next object can't overtake it. A nil object is an introduction. A program
// that reads once should close first, since the side that does keeps the connection's port for a minute, and
// we would run out of ports. For a program that reads until the end we close first: readsAll, which
// deliver returns as it turned out.
func (j *jsonPeers) deliver(ctx context.Context, to route, object []byte) (readsAll bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, deliverFor)
	defer cancel()
	var conn net.Conn
	if to.unproven {
		conn, err = j.dialUnproven(ctx, to.addr, to.byMDNS)
	} else {
		conn, err = j.dial(ctx, to.addr.String())
	}
	readsAll = to.readsAll
	if err != nil {
		return readsAll, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if object == nil {
		if object, err = j.introduction(conn.LocalAddr()); err != nil {
			return readsAll, err
		}
	}
	if _, err := conn.Write(object); err != nil {
		if to.unproven {
			err = fmt.Errorf("%w: %w", ErrUnlike, err)
		}
		return readsAll, err
	}
	if !readsAll {
		_ = conn.SetReadDeadline(time.Now().Add(closesWithin))
		if _, err := io.Copy(io.Discard, io.LimitReader(conn, maxObject)); err == nil {
			return false, nil
		}
	}
	if c, ok := conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		_ = conn.SetReadDeadline(time.Now().Add(closeWithin))
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, maxObject))
	}
	return true, nil
}

// dial connects, and tries again while it is refused at once: a program that takes one connection at a
// time may be busy with the one before.
func (j *jsonPeers) dial(ctx context.Context, addr string) (net.Conn, error) {
	for wait := 250 * time.Millisecond; ; wait *= 2 {
		conn, err := j.cfg.Dial(ctx, "tcp", addr)
		if until, ok := ctx.Deadline(); err == nil || ok && time.Until(until) < wait || !group.Sleep(ctx, wait, nil) {
			return conn, err
		}
	}
}
