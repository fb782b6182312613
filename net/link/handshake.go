package link

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/verify"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// Protocol is the ALPN name (RFC 7301) that both sides must offer.
const Protocol = "p2pchat/1"

// Limits on opening a link (DESIGN.md §4, §10).
const (
	handshakeWithin = 5 * time.Second
	helloWithin     = 10 * time.Second
	refuseWithin    = 500 * time.Millisecond // for the peer to read why it was refused
)

// Config is what all links of a run share. All of it but RefuseReason must be set.
type Config struct {
	Identity    *identity.Identity
	Certificate tls.Certificate   // Identity.Certificate(), made once per run
	Hello       func() wire.Hello // ours at this moment; called by any goroutine
	Pool        *verify.Pool
	Group       *group.Group // parent of every link's goroutines

	// RefuseReason is asked once the TLS handshake has proven the peer's key, before our Hello is sent: a
	// reason refuses the peer with a Bye in place of the Hello, so that for neither side a link ever
	// was; "" goes on. It is called by the goroutine of Client or Server and must not block.
	RefuseReason func(key identity.Key) string
}

// Client opens a link over a connection that we dialled. expect is the key that the peer must have;
// the zero key takes any but our own. It takes at most 5 s for the handshake and 10 s for the Hello,
// starts nothing that outlives the call, and closes conn on error. Conn must deliver what it has
// accepted to a peer that reads slowly, as TCP does. The caller ends the Link: Start, Bye or Abort.
func Client(ctx context.Context, conn net.Conn, cfg Config, expect identity.Key) (*Link, error) {
	return open(ctx, conn, cfg, expect, true)
}

// Server opens a link over a connection that we accepted; otherwise it is Client.
func Server(ctx context.Context, conn net.Conn, cfg Config) (*Link, error) {
	return open(ctx, conn, cfg, identity.Key{}, false)
}

func open(ctx context.Context, raw net.Conn, cfg Config, expect identity.Key, dialed bool) (*Link, error) {
	l := newLink(raw, cfg, dialed)
	err := l.handshake(ctx, expect)
	if err == nil {
		err = l.choose()
	}
	if err == nil {
		err = l.greet(ctx)
	}
	if err != nil {
		if refusal(err) {
			l.explain()
		}
		raw.Close()
		return nil, fmt.Errorf("link: %s: %w", raw.RemoteAddr(), err)
	}
	return l, nil
}

// tlsConfig is TLS 1.3 and nothing else, with the identity's key on both sides. Chains, names and
// dates are not looked at: the key is the identity, and check decides on it. why gets what the
// standard library says in words only.
func (l *Link) tlsConfig(expect identity.Key, why *error) *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{l.cfg.Certificate},
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{Protocol},
		CurvePreferences:       []tls.CurveID{tls.X25519MLKEM768, tls.X25519},
		SessionTicketsDisabled: true,
		InsecureSkipVerify:     true, // check does it
		// A client without a certificate is refused by check too, with our words for it.
		ClientAuth: tls.RequestClientCert,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			switch {
			case !slices.Contains(hello.SupportedVersions, tls.VersionTLS13):
				*why = fmt.Errorf("%w: the other side has TLS 1.2 at most", ErrTLS)
			case !slices.Contains(hello.SupportedProtos, Protocol):
				*why = ErrALPN
			}
			return nil, nil // crypto/tls refuses it by itself, with the right alert
		},
		VerifyConnection: func(s tls.ConnectionState) error {
			_, err := l.check(s, expect)
			return err
		},
	}
}

// check is who the peer is, or why it is refused.
func (l *Link) check(s tls.ConnectionState, expect identity.Key) (identity.Key, error) {
	if s.Version != tls.VersionTLS13 {
		return identity.Key{}, ErrTLS
	}
	if s.NegotiatedProtocol != Protocol {
		return identity.Key{}, ErrALPN
	}
	key, err := identity.KeyFromCertificates(s.PeerCertificates)
	switch {
	case err != nil:
		return identity.Key{}, err
	case key == l.cfg.Identity.Key():
		return identity.Key{}, ErrOwnKey
	case !expect.IsZero() && key != expect:
		return identity.Key{}, fmt.Errorf("%w: it is %s, not %s", ErrWrongKey, key.Short(), expect.Short())
	}
	return key, nil
}

func (l *Link) handshake(ctx context.Context, expect identity.Key) error {
	ctx, cancel := context.WithTimeoutCause(ctx, handshakeWithin,
		fmt.Errorf("%w: not done within %v", ErrTLS, handshakeWithin))
	defer cancel()
	var why error
	config := l.tlsConfig(expect, &why)
	if l.dialed {
		l.tls = tls.Client(l.conn, config)
	} else {
		l.tls = tls.Server(l.conn, config)
	}
	if err := l.tls.HandshakeContext(ctx); err != nil {
		return l.explained(ctx, err, why)
	}
	// VerifyConnection runs before the peer has proven that it holds the key. Now it has.
	key, err := l.check(l.tls.ConnectionState(), expect)
	l.key = key
	return err
}

// explained puts an error of crypto/tls under one of ours.
func (l *Link) explained(ctx context.Context, err, why error) error {
	var header tls.RecordHeaderError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case why != nil:
		return why
	case errors.As(err, &header):
		return fmt.Errorf("%w (%w)", ErrNotTLS, err)
	case alerted(err):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the other side closed (%w)", ErrTLS, err)
	case ours(err):
		return err
	}
	return fmt.Errorf("%w: %w", ErrTLS, err)
}

// alerted reports whether err is a TLS alert from the other side.
func alerted(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// ours reports whether check has refused the peer.
func ours(err error) bool {
	for _, known := range []error{
		ErrTLS, ErrALPN, ErrOwnKey, ErrWrongKey,
		identity.ErrCertificateCount, identity.ErrCertificateKey,
		identity.ErrSmallOrder, identity.ErrKeyEncoding, identity.ErrKeyLength,
	} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// refusal reports whether it is us who refuse, with the reason on its way to the other side.
func refusal(err error) bool {
	return (ours(err) || errors.Is(err, ErrVersion) || errors.Is(err, ErrUnwanted)) && !errors.Is(err, io.EOF)
}

// explain keeps the socket open until the other side has read why it was refused: closed at once,
// with its Hello unread, the kernel would send a reset that destroys the reason.
func (l *Link) explain() {
	if w, ok := l.conn.Conn.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite()
	}
	_ = l.conn.SetReadDeadline(time.Now().Add(refuseWithin))
	_, _ = io.CopyN(io.Discard, l.conn, wire.MaxFrame)
}
