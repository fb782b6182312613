package link

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// Probes knows which probes for our own key are under way. So we recognize one that comes back to us: at an address of
// ours that we don't know, or through a program that passes it on. It is safe for concurrent use.
type Probes struct {
	mu      sync.Mutex
	pending map[string]bool // by the server name that the probe asks for: it came to us
}

func (p *Probes) begin(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending == nil {
		p.pending = map[string]bool{}
	}
	p.pending[name] = false
}

// end ends a probe, and reports whether it came to us.
func (p *Probes) end(name string) (came bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	came = p.pending[name]
	delete(p.pending, name)
	return came
}

// note notes that somebody asks for a server name here.
func (p *Probes) note(name string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ours := p.pending[name]; ours {
		p.pending[name] = true
	}
}

// ErrSelf is what ProbeOwnKey returns when it is ourselves that it reached.
var ErrSelf = errors.New("that is this program itself")

// ProbeOwnKey finds out whether another program that has our own key is at the other end of a connection that we
// dialled: a copy of our profile. It returns nil once that program has proven it, within 5 s. It closes conn. A beacon
// with our key proves nothing: anyone can send ours again.
func ProbeOwnKey(ctx context.Context, conn net.Conn, cfg Config) error {
	defer conn.Close()
	ctx, cancel := context.WithTimeout(ctx, handshakeWithin)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	l := newLink(conn, cfg, true)
	var why error
	config := l.tlsConfig(identity.Key{}, &why)
	config.ServerName = "probe-" + rand.Text()
	config.VerifyConnection = func(s tls.ConnectionState) error {
		if _, err := l.checkPeer(s, identity.Key{}); !errors.Is(err, ErrOwnKey) {
			return fmt.Errorf("%w: not our own", ErrWrongKey)
		}
		return nil
	}
	cfg.Probes.begin(config.ServerName)
	err := tls.Client(conn, config).HandshakeContext(ctx)
	if came := cfg.Probes.end(config.ServerName); came {
		return ErrSelf
	}
	return err
}
