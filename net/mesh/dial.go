package mesh

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// Times of dialling (DESIGN.md §4).
const (
	dialWithin     = 5 * time.Second
	yieldFirst     = 1500 * time.Millisecond // the lesser key waits for the greater one's dial
	reconnectFirst = time.Second
	reconnectMost  = time.Minute
	penalty        = 250 * time.Millisecond // a failed dial of a hint holds its place so much longer
)

// ErrFull is why Connect fails while there are MaxLinks links.
var ErrFull = errors.New("there are 128 links already: disconnect from somebody first")

// Why else a dial of ours ends once it has reached the peer.
var (
	errBlocked  = errors.New("disconnected from that peer on purpose")
	errReplaced = errors.New("that peer says that this profile runs elsewhere")
	errLinked   = errors.New("linked to that peer already")
)

// dial is one attempt at an address.
type dial struct {
	m      *Mesh
	ctx    context.Context // ends when it isn't wanted any more
	addr   string
	expect identity.Key // zero: anybody
	gate   *gate
	order  uint64 // of Connect: it overrules what was blocked before; 0: of a hint

	peer     *peer // whom it reached; pinned until done
	reserved bool  // peer.opening is ours, while run runs
}

// done lets go of the peer.
func (d *dial) done() {
	if d.peer != nil {
		d.m.unpin(d.peer)
	}
}

// run dials and makes a link. Without an error the peer is linked, by this dial or by another that
// crossed it. Called once; done must follow.
func (d *dial) run() error {
	m := d.m
	var host netip.Addr // stays invalid for a name: only Connect has those
	if a, err := netip.ParseAddrPort(d.addr); err == nil {
		host = a.Addr().Unmap()
	}
	if !d.gate.enter(d.ctx, host) {
		return context.Cause(d.ctx)
	}
	leave := sync.OnceFunc(func() { d.gate.leave(host) })
	defer leave()
	defer d.release()
	began := time.Now()
	l, err := d.open(leave)
	if err != nil {
		if d.gate == m.hinted && d.peer == nil {
			// Hints that lead nowhere must not make us knock somewhere fast.
			group.Sleep(d.ctx, penalty, nil)
		}
		return err
	}
	return m.adopt(l, began)
}

// open connects and exchanges Hellos; it calls leave when the peer's key is proven.
func (d *dial) open(leave func()) (*link.Link, error) {
	m := d.m
	ctx, cancel := context.WithTimeout(d.ctx, dialWithin)
	defer cancel()
	conn, err := m.cfg.Dial(ctx, "tcp", d.addr)
	if err != nil {
		return nil, err
	}
	var unwanted error
	cfg := m.cfg.Link
	cfg.RefuseReason = func(key identity.Key) (reason string) {
		leave()
		reason, unwanted = d.reserve(key)
		return reason
	}
	l, err := link.Client(m.group.Context(), conn, cfg, d.expect) // as in greet
	if unwanted != nil {
		return nil, unwanted
	}
	return l, err
}

// reserve makes this the one dial that opens a link to key, or says why there shall be none.
func (d *dial) reserve(key identity.Key) (reason string, err error) {
	m := d.m
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peer(key)
	d.peer = p
	p.pins++
	linked := p.up
	if p.blocked != 0 && d.order > p.blocked {
		p.blocked = 0
		linked = p.up && !(p.link != nil && p.link.Ending()) // Block's Bye needn't be waited for
	}
	if d.order > p.replaced {
		p.replaced = 0
	}
	switch {
	case m.closed, d.ctx.Err() != nil:
		return wire.ByeLeaving, context.Canceled
	case p.blocked != 0:
		return wire.ByeLeaving, errBlocked
	case p.replaced != 0:
		return wire.ByeLeaving, errReplaced
	case linked || p.opening:
		return wire.ByeDuplicate, errLinked
	case m.links >= MaxLinks:
		return wire.ByeFull, ErrFull
	}
	p.opening, d.reserved = true, true
	return "", nil
}

// release undoes reserve.
func (d *dial) release() {
	d.m.mu.Lock()
	defer d.m.mu.Unlock()
	if d.reserved {
		d.peer.opening = false
	}
}
