package hostile

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

const (
	alpn       = "p2pchat/1"
	openWithin = 20 * time.Second // TLS and both Hellos
)

// Dialer opens connections: a *net.Dialer, or a host of package memnet.
type Dialer interface {
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

// Dial links to the program at addr.
func Dial(ctx context.Context, d Dialer, addr string, cfg Config) (*Peer, error) {
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return open(ctx, conn, cfg, true)
}

// Accept links to a program that dialled us.
func Accept(ctx context.Context, conn net.Conn, cfg Config) (*Peer, error) {
	return open(ctx, conn, cfg, false)
}

// Serve accepts every connection, until the listener is closed, and calls linked for each link.
func Serve(l net.Listener, cfg Config, linked func(p *Peer)) {
	cfg.Group.Go("hostile/serve", func(ctx context.Context) {
		stop := context.AfterFunc(ctx, func() { l.Close() })
		defer stop()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			cfg.Group.Go("hostile/accept", func(ctx context.Context) {
				if p, err := Accept(ctx, conn, cfg); err == nil {
					linked(p)
				}
			})
		}
	})
}

func open(ctx context.Context, raw net.Conn, cfg Config, dialed bool) (*Peer, error) {
	if cfg.Room == "" {
		cfg.Room = defaultRoom
	}
	if cfg.Name == "" {
		cfg.Name = defaultName
	}
	p := &Peer{cfg: cfg, raw: raw, room: record.OpenRoom(cfg.Room), writing: make(chan struct{}, 1), ended: make(chan struct{})}
	if err := p.open(ctx, dialed); err != nil {
		p.raw.Close()
		return nil, fmt.Errorf("hostile: %w", err)
	}
	p.group = cfg.Group.Child()
	if !p.group.Go("hostile/reader", p.read) {
		p.raw.Close()
		return nil, group.ErrStopped
	}
	return p, nil
}

// open does the handshakes.
func (p *Peer) open(ctx context.Context, dialed bool) error {
	certificate, err := p.cfg.Identity.Certificate()
	if err != nil {
		return err
	}
	cfg := &tls.Config{
		Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13, NextProtos: []string{alpn},
		CurvePreferences: []tls.CurveID{tls.X25519}, InsecureSkipVerify: true, ClientAuth: tls.RequestClientCert,
		SessionTicketsDisabled: true,
	}
	if p.cfg.Pace != nil {
		ctx, end := context.WithCancel(p.cfg.Group.Context())
		p.raw = pacedConn{p.raw, ctx, end, p.cfg.Pace, &p.linked}
	}
	stop := context.AfterFunc(ctx, func() { p.raw.Close() })
	defer stop()
	if err := p.raw.SetDeadline(time.Now().Add(openWithin)); err != nil {
		return err
	}
	p.tls = tls.Server(p.raw, cfg)
	if dialed {
		p.tls = tls.Client(p.raw, cfg)
	}
	if err := p.tls.HandshakeContext(ctx); err != nil {
		return err
	}
	if p.key, err = identity.KeyFromCertificates(p.tls.ConnectionState().PeerCertificates); err != nil {
		return err
	}
	if err := p.Send(p.makeHello()); err != nil {
		return err
	}
	m, err := p.next()
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case wire.Hello:
		p.hello = m
	case wire.Bye:
		return ByeError(m)
	default:
		return fmt.Errorf("the first message is a %T", m)
	}
	p.linked.Store(true)
	return p.raw.SetDeadline(time.Time{})
}

// ByeError is why a link that was refused didn't come up.
type ByeError wire.Bye

// Error names the reason.
func (e ByeError) Error() string { return "refused: " + e.Reason }

func (p *Peer) makeHello() wire.Hello {
	h := wire.Hello{
		Versions: []int{1}, ID: p.cfg.Identity.Key().ID().String(), Name: p.cfg.Name, Started: time.Now().UnixMilli(),
		Inst: record.NewFeed(time.Now().UnixMilli()).String(), Port: p.cfg.Port, Agent: defaultAgent,
		Rooms: []wire.InRoom{{Room: p.room.String(), Frontier: "00000000000000000000000000000000"}},
	}
	if p.cfg.Hello != nil {
		p.cfg.Hello(&h)
	}
	return h
}
