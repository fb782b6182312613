package mesh

import (
	"context"
	"errors"
	"net"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// steady is how long a link must have lasted for the wait after it to be short.
const steady = 10 * time.Second

// Connect reaches whoever listens at addr (host:port), and comes back to it for ever. What is in the
// way is told to Handler.Trouble. It undoes an earlier Block of the peer there; a later one ends it,
// and so does that peer's word that this profile runs elsewhere. A peer that is linked already stays
// linked as it is.
func (m *Mesh) Connect(addr string) {
	m.mu.Lock()
	m.orders++
	order := m.orders
	m.mu.Unlock()
	m.group.Go("mesh/connect", func(context.Context) { m.connect(addr, order) })
}

func (m *Mesh) connect(addr string, order uint64) {
	told := ""
	for try := 0; ; try++ {
		d := dial{m: m, addr: addr, gate: m.ordered, order: order}
		err := d.run()
		began := time.Now()
		switch {
		case m.ctx.Err() != nil, errors.Is(err, errBlocked), errors.Is(err, errReplaced):
			d.done()
			return
		case err == nil || errors.Is(err, errLinked):
			told = ""
			if m.cfg.Reached != nil {
				m.cfg.Reached(addr, d.peer.key)
			}
			if !m.awaitDown(d.peer) {
				d.done()
				return
			}
		default:
			if what := gist(err); what != told {
				told = what
				m.cfg.Handler.Trouble(addr, err)
			}
		}
		d.done()
		if time.Since(began) >= steady {
			try = 0
		}
		if !sleep(m.ctx, backoff(try), nil) {
			return
		}
	}
}

// awaitDown waits while p is linked. It reports false when the mesh ends.
func (m *Mesh) awaitDown(p *peer) bool {
	m.mu.Lock()
	up, down := p.up, p.down
	m.mu.Unlock()
	if !up {
		return true
	}
	select {
	case <-down:
		return true
	case <-m.ctx.Done():
		return false
	}
}

// gist is what two errors that differ only in our own port have in common.
func gist(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

// Block ends the link to key with a Bye and doesn't dial or take that peer again until Connect. It
// reports false if the key was never heard of.
func (m *Mesh) Block(key identity.Key, reason string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.peers[key]
	if p == nil {
		return false
	}
	m.orders++
	p.blocked = m.orders
	p.nudge()
	p.leave(reason)
	return true
}
