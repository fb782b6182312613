package mesh

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
)

// silentWithin is how long an accepted connection has for its first byte, and then for its turn at
// the handshake; who dialled it gives up by then too.
const silentWithin = 5 * time.Second

func (m *Mesh) accept(context.Context) {
	stop := context.AfterFunc(m.ctx, func() { m.cfg.Listener.Close() })
	defer stop()
	for {
		conn, err := m.cfg.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || m.ctx.Err() != nil {
				return
			}
			m.cfg.Log.Warn("accept", "error", err) // out of files, perhaps: others will close some
			if !group.Sleep(m.ctx, time.Second, nil) {
				return
			}
			continue
		}
		from := addrOf(conn)
		// Classify keeps a limit of its own, by which the newest isn't the one that goes.
		counted := m.cfg.Classify == nil
		if counted && !m.arrive(conn, from) {
			continue
		}
		if !m.group.Go("mesh/greet", func(context.Context) { m.greet(conn, from) }) {
			if counted {
				m.arrivals.leave(from)
			}
			conn.Close()
		}
	}
}

// arrive counts a connection as an arrival. It closes one too many.
func (m *Mesh) arrive(conn net.Conn, from netip.Addr) bool {
	if !m.arrivals.try(from) {
		m.excess.Add(1)
		conn.Close()
		return false
	}
	return true
}

// greet makes a link of an accepted connection, if it is native.
func (m *Mesh) greet(conn net.Conn, from netip.Addr) {
	classify, ok := m.cfg.Classify, true
	if classify == nil {
		defer m.arrivals.leave(from)
		classify = heard
	}
	if conn, ok = classify(m.ctx, conn); !ok {
		return
	}
	if m.cfg.Classify != nil {
		if !m.arrive(conn, from) {
			return
		}
		defer m.arrivals.leave(from)
	}
	began := time.Now()
	waiting, cancel := context.WithTimeout(m.ctx, silentWithin)
	defer cancel()
	if !m.shaking.enter(waiting, from) {
		m.excess.Add(1)
		conn.Close()
		return
	}
	leave := sync.OnceFunc(func() { m.shaking.leave(from) })
	defer leave()
	cfg := m.cfg.Link
	cfg.RefuseReason = func(key identity.Key) string {
		leave() // the Hello, which may take 10 s, costs nothing
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.refusal(m.peers[key])
	}
	// Not m.ctx: who has our Hello already is told goodbye by adopt after Close.
	l, err := link.Server(m.group.Context(), conn, cfg)
	if err == nil {
		err = m.adopt(l, began)
	}
	if err != nil {
		m.cfg.Log.Info("refused a connection", "error", err)
	}
}

// heard waits for the connection's first byte, and closes it if there is none in time.
func heard(ctx context.Context, conn net.Conn) (net.Conn, bool) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	first := make([]byte, 1)
	err := conn.SetReadDeadline(time.Now().Add(silentWithin))
	if err == nil {
		_, err = io.ReadFull(conn, first)
	}
	if err == nil {
		err = conn.SetReadDeadline(time.Time{})
	}
	if err != nil {
		conn.Close()
		return nil, false
	}
	return &peeked{Conn: conn, first: first}, true
}

// peeked is a connection whose first bytes were read and are read again. One goroutine reads.
type peeked struct {
	net.Conn
	first []byte
}

func (c *peeked) Read(p []byte) (int, error) {
	if len(c.first) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.first)
	c.first = c.first[n:]
	return n, nil
}

// CloseWrite is what link asks of a TCP connection to have a refusal read.
func (c *peeked) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
