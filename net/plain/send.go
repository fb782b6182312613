package plain

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// outgoing is an object that waits for a JSON peer.
type outgoing struct {
	object []byte    // nil: an introduction, which names the address that the connection has here
	line   bool      // the first object of a line
	until  time.Time // when to give up, of one that waits until the peer may be spoken to; zero: it may
}

var (
	errQueue   = errors.New("too many lines wait for it")
	errWaiting = errors.New("it was not heard of again")
)

// sendAll queues a line for all JSON peers and returns for how many.
func (p *Plain) sendAll(c chat, now time.Time) int {
	p.mu.Lock()
	none := len(p.peers) == 0 || p.leaving
	p.mu.Unlock()
	if none || c.text == "" {
		return 0
	}
	encoded := c.encode(now.Unix()) // once for all; a signature costs
	p.mu.Lock()
	defer p.mu.Unlock()
	count := 0
	for _, pe := range p.peers {
		if p.leaving {
			break
		}
		if len(pe.queue)+len(encoded) > maxQueue {
			p.failed(pe, 1, errQueue)
			continue
		}
		var until time.Time
		if !pe.speakable() {
			until = now.Add(holdFor)
		}
		for i, object := range encoded {
			pe.queue = append(pe.queue, outgoing{object: object, line: i == 0, until: until})
		}
		p.start(pe)
		count++
	}
	return count
}

// queueIntroduction has a peer told who we are, before anything else. Called with mu held.
func (p *Plain) queueIntroduction(pe *peer) {
	if p.leaving {
		return
	}
	pe.introduced = time.Now()
	pe.queue = append([]outgoing{{}}, pe.queue...)
	p.start(pe)
}

// sayExit queues the Exit for all that were told anything. Called with mu held.
func (p *Plain) sayExit(id string) {
	object, err := wire.EncodeSeed(wire.Exit(id))
	if err != nil {
		return
	}
	for _, pe := range p.peers {
		if pe.speakable() {
			pe.queue = append(pe.queue, outgoing{object: object})
			p.start(pe)
		} else {
			pe.queue = nil
		}
	}
}

// start has a peer's queue sent, by a goroutine that lives as long as there is something in it. Called
// with mu held.
func (p *Plain) start(pe *peer) {
	if pe.sending || len(pe.queue) == 0 || !pe.speakable() {
		return
	}
	if p.group.Go("plain/send", func(ctx context.Context) { p.send(ctx, pe) }) {
		pe.sending = true
		if !pe.failing {
			pe.taken = time.Now()
		}
		p.busy++
	}
}

// send delivers a peer's queue in order, one object at a time. What fails takes the rest of the queue
// with it: the address is dead, and the lines would only grow old.
func (p *Plain) send(ctx context.Context, pe *peer) {
	for {
		allowed := p.allowed(pe) && p.cfg.MuteReason() == ""
		p.mu.Lock()
		if !allowed || ctx.Err() != nil {
			p.silence(pe)
		}
		if len(pe.queue) == 0 || !pe.speakable() { // it may have moved to where it may not be spoken to yet
			pe.sending = false
			p.moved()
			p.release()
			p.mu.Unlock()
			return
		}
		next, addr := pe.queue[0], pe.Addr
		pe.queue = pe.queue[1:]
		if !next.until.IsZero() && time.Now().After(next.until) {
			p.failed(pe, next.lines(), errWaiting)
			p.mu.Unlock()
			continue
		}
		readsAll := pe.readsAll
		p.mu.Unlock()
		readsAll, err := p.deliver(ctx, addr, next.object, readsAll)
		if err != nil {
			p.mu.Lock()
			lost := next.lines() + pe.waiting()
			pe.queue = nil
			if ctx.Err() == nil {
				p.failed(pe, lost, err)
			}
			p.moved()
			p.mu.Unlock()
			continue
		}
		p.change(pe, func() {
			pe.alive(time.Now())
			pe.Out += int64(len(next.object))
			pe.failing, pe.taken, pe.readsAll = false, time.Now(), readsAll
			p.moved()
		})
	}
}

// expire gives up lines that have waited for too long until the peer may be spoken to. Called with mu held.
func (p *Plain) expire(pe *peer, now time.Time) {
	old := 0
	for old < len(pe.queue) && !pe.speakable() && !pe.queue[old].until.IsZero() && now.After(pe.queue[old].until) {
		old++
	}
	gone := peer{queue: pe.queue[:old]}
	pe.queue = pe.queue[old:]
	p.failed(pe, gone.waiting(), errWaiting)
}

// waiting is how many lines are in the queue, the rest of one that was begun left out.
func (pe *peer) waiting() (n int) {
	for _, o := range pe.queue {
		n += o.lines()
	}
	return n
}

// lines is 1 for the first object of each line.
func (o outgoing) lines() int {
	if o.line {
		return 1
	}
	return 0
}

// failed tells once that a peer can't be reached. Called with mu held.
func (p *Plain) failed(pe *peer, n int, err error) {
	if n == 0 || pe.failing {
		return
	}
	pe.failing = true
	who := pe.Peer
	p.group.Go("plain/undelivered", func(context.Context) { p.cfg.Handler.Undelivered(who, n, err) })
}

// deliver sends one object over a connection of its own, in one write, and waits until the other side
// has read it and closed: so that the next object can't overtake it. A nil object is an introduction.
// A program that reads once closes by itself, and should: whoever closes first keeps the connection's
// port for a minute, and a program that says much would run out of them. One that reads on until it is
// told the end is told (readsAll, which is returned as it turned out).
func (p *Plain) deliver(ctx context.Context, addr netip.AddrPort, object []byte, readsAll bool) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, deliverFor)
	defer cancel()
	conn, err := p.dial(ctx, addr.String())
	if err != nil {
		return readsAll, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if object == nil {
		if object, err = p.introduction(conn.LocalAddr()); err != nil {
			return readsAll, err
		}
	}
	if _, err := conn.Write(object); err != nil {
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
func (p *Plain) dial(ctx context.Context, addr string) (net.Conn, error) {
	for wait := 250 * time.Millisecond; ; wait *= 2 {
		conn, err := p.cfg.Dial(ctx, "tcp", addr)
		if err == nil || !pause(ctx, wait) {
			return conn, err
		}
	}
}

// pause waits for d. It reports false if ctx ends first, and at once if ctx has a deadline before that.
func pause(ctx context.Context, d time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return (!ok || time.Until(deadline) >= d) && group.Sleep(ctx, d, nil)
}
