package plain

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/google/uuid"

	"chat.lan/p2pchat/net/event"
)

// guest is a connection that lines are written to. The fields below conn are guarded by Plain.mu.
type guest struct {
	p      *Plain
	conn   net.Conn
	remote netip.AddrPort

	named   string    // what ConnectLine was called with; "" for one that came by itself
	muted   string    // why it isn't heard, as it was told
	taken   time.Time // when something was written last, or began to be
	peer    event.Peer
	queue   [][]byte
	queued  int  // bytes
	writing bool // a goroutine is at the queue
	dropped bool // it doesn't read
	closing bool // nothing more is queued; it ends when the queue is written
}

// join makes a guest of a connection, called name until it is gone. named is the address that the user
// gave, if it is one of those.
func (p *Plain) join(conn net.Conn, remote netip.AddrPort, name, named string) (*guest, error) {
	now := time.Now()
	g := &guest{p: p, conn: conn, remote: remote, named: named, peer: event.Peer{
		ID: uuid.NewString(), Name: name, Kind: event.KindLine, State: event.Up, Addr: remote, Since: now, Changed: now,
	}}
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	if p.leaving {
		p.mu.Unlock()
		return nil, net.ErrClosed
	}
	p.guests[g] = struct{}{}
	p.busy++
	p.mu.Unlock()
	p.cfg.Handler.Peer(g.peer, event.Peer{})
	if why := p.cfg.MuteReason(); why != "" {
		p.mu.Lock()
		g.explain(why)
		p.mu.Unlock()
	}
	return g, nil
}

// part takes a guest out: left if it hung up, or we did; lost if the connection broke.
func (p *Plain) part(g *guest, err error) {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	if _, here := p.guests[g]; !here {
		p.mu.Unlock()
		return
	}
	delete(p.guests, g)
	before := g.peer
	g.peer.State, g.peer.Changed = event.Left, time.Now()
	if g.dropped || err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !g.closing {
		g.peer.State = event.Lost
	}
	g.queue, g.queued = nil, 0
	g.closing = true
	after := g.peer
	p.moved()
	p.release()
	p.mu.Unlock()
	p.cfg.Handler.Peer(after, before)
}

// received counts bytes.
func (p *Plain) received(g *guest, n int) {
	p.mu.Lock()
	g.peer.In += int64(n)
	p.mu.Unlock()
}

// hear is a line that a guest said: to the caller, to the other guests, and to JSON peers.
func (p *Plain) hear(g *guest, line string) {
	now := time.Now()
	p.mu.Lock()
	from, closing := g.peer, g.closing
	p.mu.Unlock()
	if closing || !p.cfg.Allowed(g.remote.Addr()) || p.hush(g.remote.Addr().String(), g) {
		return // it was hung up on
	}
	_ = p.WaitSpace(p.group.Context()) // whoever says much waits for those who listen
	p.cfg.Handler.Said(event.Line{
		ID: uuid.NewString(), FromID: from.ID, FromName: from.Name, Text: line,
		Time: now, Arrived: now, Signature: event.Unsigned, Kind: event.KindLine,
	})
	p.write(g, from.Name, line)
	p.sendAll(chat{id: from.ID, name: from.Name, text: line}, now)
}

// write queues a line for all guests but one, and returns for how many. All share its bytes.
func (p *Plain) write(but *guest, name, text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.guests) == 0 {
		return 0
	}
	rows := render(name, text)
	count := 0
	for g := range p.guests {
		if g == but || g.closing {
			continue
		}
		if g.queued+len(rows) > maxGuestQueue {
			// It reads nothing, or not fast enough: it would cost memory for ever.
			g.drop("a guest that doesn't read")
			continue
		}
		g.queue = append(g.queue, rows)
		g.queued += len(rows)
		g.start()
		count++
	}
	return count
}

// drop closes a guest's connection; its reader sees to the rest. Called with Plain.mu held.
func (g *guest) drop(reason string) {
	g.closing, g.dropped = true, true
	g.queue, g.queued = nil, 0
	g.conn.Close()
	g.p.log.Info("dropped a guest", "addr", g.remote, "reason", reason)
	g.p.group.Go("plain/refused", func(context.Context) { g.p.refuse(g.remote, reason) })
}

// hangUp ends a guest once its queue is written. Called with Plain.mu held.
func (g *guest) hangUp() {
	g.closing = true
	g.start()
}

// start has the queue written, by a goroutine that lives as long as there is something in it: a silent
// guest costs only the one that reads. Called with Plain.mu held.
func (g *guest) start() {
	if !g.writing && g.p.group.Go("plain/guest", g.run) {
		g.writing, g.taken = true, time.Now()
		g.p.busy++
	}
}

// run writes the queue until it is empty.
func (g *guest) run(context.Context) {
	for {
		g.p.mu.Lock()
		batch, closing := g.queue, g.closing
		g.queue, g.queued = nil, 0
		if len(batch) == 0 {
			g.writing = false
			g.p.moved()
			g.p.release()
			g.p.mu.Unlock()
			if closing {
				g.bow()
			}
			return
		}
		g.p.mu.Unlock()
		_ = g.conn.SetWriteDeadline(time.Now().Add(writeWithin))
		buffers := net.Buffers(batch)
		n, err := buffers.WriteTo(g.conn)
		g.p.mu.Lock()
		g.peer.Out += n
		g.taken = time.Now()
		g.p.moved()
		switch {
		case err == nil || g.closing:
		case errors.Is(err, os.ErrDeadlineExceeded):
			g.drop("a guest that doesn't read")
		default: // it is gone, as its reader will find
			g.closing, g.dropped = true, true
			g.conn.Close()
		}
		g.p.mu.Unlock()
	}
}

// bow ends the connection from our side. Its reader takes what is still on the way, until the other
// side has ended too.
func (g *guest) bow() {
	if c, ok := g.conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		_ = g.conn.SetReadDeadline(time.Now().Add(closeWithin))
		return
	}
	g.conn.Close()
}
