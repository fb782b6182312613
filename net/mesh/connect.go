package mesh

import (
	"context"
	"errors"
	"net"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
)

// steady is how long a link must have lasted for the wait after it to be short.
const steady = 10 * time.Second

// Connect reaches whoever listens at addr (host:port), and comes back to it for ever. What is in the
// way is told to Handler.Trouble. It undoes an earlier Block of the peer there; a later one ends it,
// and so does that peer's word that this profile runs elsewhere. A peer that is linked already stays
// linked as it is. A second call for an address begins anew.
func (m *Mesh) Connect(addr string) {
	ctx, cancel := context.WithCancel(m.ctx)
	m.mu.Lock()
	if before := m.named[addr]; before != nil {
		before()
	}
	m.named[addr] = cancel
	m.orders++
	order := m.orders
	m.mu.Unlock()
	m.group.Go("mesh/connect", func(context.Context) {
		defer cancel()
		m.connect(ctx, addr, order)
	})
}

// CancelConnect ends what Connect does for an address, until Connect. A link that there is stays: Block ends
// it. It reports whether there was anything to end.
func (m *Mesh) CancelConnect(addr string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	cancel := m.named[addr]
	if cancel == nil {
		return false
	}
	delete(m.named, addr)
	cancel()
	return true
}

func (m *Mesh) connect(ctx context.Context, addr string, order uint64) {
	told := ""
	for try := 0; ; try++ {
		d := dial{m: m, ctx: ctx, addr: addr, gate: m.ordered, order: order}
		err := d.run()
		began := time.Now()
		switch {
		case ctx.Err() != nil, errors.Is(err, errBlocked), errors.Is(err, errReplaced):
			d.done()
			return
		case err == nil || errors.Is(err, errLinked):
			told = ""
			if m.cfg.Reached != nil {
				m.cfg.Reached(addr, d.peer.key)
			}
			if !m.awaitDown(ctx, d.peer) {
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
		if !group.Sleep(ctx, backoff(try), nil) {
			return
		}
	}
}

// awaitDown waits while p is linked. It reports false when ctx ends.
func (m *Mesh) awaitDown(ctx context.Context, p *peer) bool {
	m.mu.Lock()
	up, down := p.up, p.down
	m.mu.Unlock()
	if !up {
		return true
	}
	select {
	case <-down:
		return true
	case <-ctx.Done():
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
