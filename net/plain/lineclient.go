package plain

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/event"
)

// lineClients is the connections that lines are written to.
type lineClients struct {
	*shared

	mu  sync.Mutex
	all map[*lineClient]struct{} // that have joined
}

// lineClient is a connection that lines are written to.
type lineClient struct {
	clients *lineClients
	conn    net.Conn
	remote  netip.AddrPort
	named   string // the address that ConnectLine was called with; "" for a connection that came in

	// The rest is guarded by lineClients.mu.
	reportedHeld   bool // Handler.HeldBack was called
	reportedReader bool // Handler.ReadsAlong was, or need not be

	muted   bool      // it got the reason why it isn't heard
	tookAt  time.Time // when something was written last, or writing began
	peer    event.Peer
	queue   [][]byte
	queued  int  // bytes
	writing bool // a goroutine writes the queue
	dropped bool // it doesn't read
	closing bool // nothing more is queued; it ends when the queue is written
}

// join makes a line client of a connection, which has this name until it is gone. named is the address that
// the user gave, if any.
func (l *lineClients) join(conn net.Conn, remote netip.AddrPort, name, named string) (*lineClient, error) {
	now := time.Now()
	c := &lineClient{clients: l, conn: conn, remote: remote, named: named, peer: event.Peer{
		ID: uuid.NewString(), Name: name, Kind: event.KindLine, State: event.Up, Addr: remote, Since: now, Changed: now,
		HeldBack: l.cfg.CheckName(name, remote),
	}}
	l.reporting.Lock()
	defer l.reporting.Unlock()
	l.mu.Lock()
	if l.leaving.Load() {
		l.mu.Unlock()
		return nil, net.ErrClosed
	}
	l.all[c] = struct{}{}
	l.running.Add(1)
	l.mu.Unlock()
	l.cfg.Handler.Peer(c.peer, event.Peer{})
	if why := l.cfg.MuteReason(); why != "" { // Enforce lets the client know when that ends
		c.explainMute(why)
	} else {
		l.reportReader(c)
	}
	return c, nil
}

// reportReader reports once that messages go to a line client that came by itself, which may never send any.
func (l *lineClients) reportReader(c *lineClient) {
	l.mu.Lock()
	again := c.reportedReader || c.named != "" || c.peer.HeldBack
	c.reportedReader = true
	l.mu.Unlock()
	if !again {
		l.cfg.Handler.ReadsAlong(c.remote.Addr().Unmap())
	}
}

// remove takes a line client out: as left if it or we hung up, as lost if the connection broke.
func (l *lineClients) remove(c *lineClient, err error) {
	l.reporting.Lock()
	defer l.reporting.Unlock()
	l.mu.Lock()
	if _, here := l.all[c]; !here {
		l.mu.Unlock()
		return
	}
	delete(l.all, c)
	before := c.peer
	c.peer.State, c.peer.Changed = event.Left, time.Now()
	if c.dropped || err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !c.closing {
		c.peer.State = event.Lost
	}
	c.queue, c.queued = nil, 0
	c.closing = true
	after := c.peer
	l.end()
	l.mu.Unlock()
	l.cfg.Handler.Peer(after, before)
}

// each yields all line clients, under mu.
func (l *lineClients) each(yield func(*lineClient) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.Keys(l.all)(yield)
}

// countReceived adds to the bytes that came from a line client.
func (l *lineClients) countReceived(c *lineClient, n int) {
	l.mu.Lock()
	c.peer.In += int64(n)
	l.mu.Unlock()
}

// onLine passes on what a line client sent: to the Handler, the other line clients and JSON peers.
func (l *lineClients) onLine(c *lineClient, line string) {
	now := time.Now()
	l.mu.Lock()
	from, closing := c.peer, c.closing
	l.mu.Unlock()
	if closing || !l.cfg.Allowed(c.remote.Addr()) || l.dropIfMuted(c.remote.Addr().String(), c) {
		return
	}
	_ = l.WaitSpace(l.group.Context()) // a peer that sends much waits for those that receive it
	l.cfg.Handler.Said(event.Line{
		ID: uuid.NewString(), FromID: from.ID, FromName: from.Name, Text: line,
		Time: now, Arrived: now, Signature: event.Unsigned, Kind: event.KindLine,
	})
	l.writeAll(c, from.Name, line, heldOut)
	l.json.sendAll(chat{id: from.ID, name: from.Name, text: line}, now, heldOut)
}

// writeAll queues a message for all line clients but one, or but those held back too, and returns for how many. All
// share its bytes.
func (l *lineClients) writeAll(but *lineClient, name, text string, held heldPeers) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == 0 {
		return 0
	}
	rows := formatLine(name, text)
	count := 0
	for c := range l.all {
		if c == but || c.closing {
			continue
		}
		if c.peer.HeldBack && !bool(held) {
			if !c.reportedHeld {
				c.reportedHeld = true
				l.reportHeldBack(c.peer)
			}
			continue
		}
		if c.queued+len(rows) > maxLineQueue {
			c.dropLocked() // it would cost memory for ever
			continue
		}
		c.queueLocked(rows)
		count++
	}
	return count
}

func (c *lineClient) queueLocked(rows []byte) {
	c.queue = append(c.queue, rows)
	c.queued += len(rows)
	c.writeQueueLocked()
}

// dropLocked closes the connection of a line client that reads too slowly; its reader removes it.
func (c *lineClient) dropLocked() {
	const reason = "a guest that doesn't read"
	c.closing, c.dropped = true, true
	c.queue, c.queued = nil, 0
	c.conn.Close()
	c.clients.cfg.Log.Info("dropped a line client", "addr", c.remote, "reason", reason)
	c.clients.group.Go("plain/refused", func(context.Context) { c.clients.refuse(c.remote, reason) })
}

// hangUp ends a line client once its queue is written.
func (c *lineClient) hangUp() {
	c.clients.mu.Lock()
	defer c.clients.mu.Unlock()
	c.closing = true
	c.writeQueueLocked()
}

// writeQueueLocked has the queue written, by a goroutine that lives as long as something is in it: a
// silent line client costs only the goroutine that reads.
func (c *lineClient) writeQueueLocked() {
	if !c.writing && c.clients.group.Go("plain/write", c.writeQueue) {
		c.writing, c.tookAt = true, time.Now()
		c.clients.running.Add(1)
	}
}

// writeQueue writes the queue until it is empty.
func (c *lineClient) writeQueue(context.Context) {
	l := c.clients
	for {
		l.mu.Lock()
		batch, closing := c.queue, c.closing
		c.queue, c.queued = nil, 0
		if len(batch) == 0 {
			c.writing = false
			l.end()
			l.mu.Unlock()
			if closing {
				c.closeWrite()
			}
			return
		}
		l.mu.Unlock()
		_ = c.conn.SetWriteDeadline(time.Now().Add(writeWithin))
		n, err := writeBuffers(c.conn, batch)
		l.mu.Lock()
		c.peer.Out += n
		c.tookAt = time.Now()
		l.progress.notify()
		switch {
		case err == nil || c.closing:
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.dropLocked()
		default: // it is gone, as its reader will find
			c.closing, c.dropped = true, true
			c.conn.Close()
		}
		l.mu.Unlock()
	}
}

// writeBuffers writes many buffers with few calls of the system. A net.Buffers alone does so only on the system's own
// connections, which an accepted one hides.
func writeBuffers(conn net.Conn, batch net.Buffers) (int64, error) {
	if accepted, ok := conn.(*accept.Conn); ok {
		return accepted.WriteBuffers(batch)
	}
	return batch.WriteTo(conn)
}

// closeWrite ends the connection from our side. Its reader takes what is still on the way, until the
// other side has ended too.
func (c *lineClient) closeWrite() {
	if w, ok := c.conn.(interface{ CloseWrite() error }); ok && w.CloseWrite() == nil {
		_ = c.conn.SetReadDeadline(time.Now().Add(closeWithin))
		return
	}
	c.conn.Close()
}
