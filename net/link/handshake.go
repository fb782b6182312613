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
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// Protocol is the ALPN name (RFC 7301) that both sides must offer.
const Protocol = "p2pchat/1"

// Limits on the time to open a link.
const (
	handshakeWithin = 5 * time.Second
	helloWithin     = 10 * time.Second
	refuseWithin    = 500 * time.Millisecond // for the peer to read the reason of a refusal
)

// Config is shared by all links of a run. All fields but RefuseReason, RefuseHello, Probes and
// Flow must be set.
type Config struct {
	Identity    *identity.Identity
	Certificate tls.Certificate   // Identity.Certificate(), made once per run
	Hello       func() wire.Hello // returns our present Hello; any goroutine may call it
	Pool        *verify.Pool
	Group       *group.Group // parent of every link's goroutines

	// RefuseReason decides on a peer whose key the TLS handshake has proven, before our Hello is sent. It
	// returns "" to go on. With a reason the peer gets a Bye in place of the Hello, so that for neither side
	// there ever was a link. The goroutine of Client or Server calls it, and it must not block.
	RefuseReason func(key identity.Key) string

	// RefuseHello decides on a peer that dialled us, by its Hello, before ours is sent. Otherwise it is as RefuseReason.
	RefuseHello func(key identity.Key, h wire.Hello) string

	Probes *Probes // ProbeOwnKey needs it
	Pacer  *Pacer  // has readers rest while their peers flood; nil: they never do

	// Flow returns whose work a received record is, by its author and the peer that sent it, and the rank of that
	// (see verify.Job). Without it, each author is a flow. It must not block.
	Flow func(author, via identity.Key) (of fair.Flow, rank int)
}

// Client opens a link over a connection that we dialled. expect is the key that the peer must have; the
// zero key accepts any but our own. Client takes at most 5 s for the handshake and 10 s for the Hello,
// starts no goroutine that outlives the call, and closes conn on error. When ctx ends it returns the cause within
// a second: a peer that has our Hello already gets a Bye before. Like TCP, conn must deliver the
// bytes it accepted even to a peer that reads slowly. The caller must call Start or Refuse.
func Client(ctx context.Context, conn net.Conn, cfg Config, expect identity.Key) (*Link, error) {
	return open(ctx, conn, cfg, expect, true)
}

// Server opens a link over a connection that we accepted. Otherwise it works as Client does.
func Server(ctx context.Context, conn net.Conn, cfg Config) (*Link, error) {
	return open(ctx, conn, cfg, identity.Key{}, false)
}

func open(ctx context.Context, raw net.Conn, cfg Config, expect identity.Key, dialed bool) (*Link, error) {
	l := newLink(raw, cfg, dialed)
	err := l.handshake(ctx, expect)
	if err == nil {
		err = l.refuseUnwanted()
	}
	if err == nil {
		err = l.exchangeHellos(ctx)
	}
	if err != nil {
		if isRefusal(err) {
			l.awaitRefusalRead()
		}
		raw.Close()
		return nil, fmt.Errorf("link: %s: %w", raw.RemoteAddr(), err)
	}
	return l, nil
}

// tlsConfig returns a configuration of TLS 1.3 alone, with the identity's key on both sides. Chains, names
// and dates are ignored: the key is the identity, and checkPeer decides on it. It sets why to reasons that
// the standard library gives as text only.
func (l *Link) tlsConfig(expect identity.Key, why *error) *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{l.cfg.Certificate},
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{Protocol},
		CurvePreferences:       []tls.CurveID{tls.X25519MLKEM768, tls.X25519},
		SessionTicketsDisabled: true,
		InsecureSkipVerify:     true, // checkPeer does it
		// checkPeer refuses a client without a certificate, with our error.
		ClientAuth: tls.RequestClientCert,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			l.cfg.Probes.note(hello.ServerName)
			switch {
			case !slices.Contains(hello.SupportedVersions, tls.VersionTLS13):
				*why = fmt.Errorf("%w: the other side has TLS 1.2 at most", ErrTLS)
			case !slices.Contains(hello.SupportedProtos, Protocol):
				*why = ErrALPN
			}
			return nil, nil // crypto/tls refuses it by itself, with the right alert
		},
		VerifyConnection: func(s tls.ConnectionState) error {
			_, err := l.checkPeer(s, expect)
			return err
		},
	}
}

// checkPeer returns the peer's key, or an error if the peer is refused.
func (l *Link) checkPeer(s tls.ConnectionState, expect identity.Key) (identity.Key, error) {
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
	l.frames = wire.NewReader(l.tls)
	if err := l.tls.HandshakeContext(ctx); err != nil {
		return l.wrapTLSError(ctx, err, why)
	}
	// VerifyConnection ran before the peer had proven that it holds the key. Now it has.
	key, err := l.checkPeer(l.tls.ConnectionState(), expect)
	l.key = key
	return err
}

// wrapTLSError wraps an error of crypto/tls in one of ours.
func (l *Link) wrapTLSError(ctx context.Context, err, why error) error {
	var header tls.RecordHeaderError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case why != nil:
		return why
	case errors.As(err, &header):
		return fmt.Errorf("%w (%w)", ErrNotTLS, err)
	case isAlert(err):
		return fmt.Errorf("%w: %w", ErrRefused, err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the other side closed (%w)", ErrTLS, err)
	case isCheckError(err):
		return err
	}
	return fmt.Errorf("%w: %w", ErrTLS, err)
}

// isAlert reports whether err is a TLS alert from the other side.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// isCheckError reports whether err comes from checkPeer.
func isCheckError(err error) bool {
	return slices.ContainsFunc([]error{
		ErrTLS, ErrALPN, ErrOwnKey, ErrWrongKey,
		identity.ErrCertificateCount, identity.ErrCertificateKey,
		identity.ErrSmallOrder, identity.ErrKeyEncoding, identity.ErrKeyLength,
	}, func(known error) bool { return errors.Is(err, known) })
}

// isRefusal reports whether we refuse the peer and have sent it the reason.
func isRefusal(err error) bool {
	return (isCheckError(err) || errors.Is(err, ErrVersion) || errors.Is(err, ErrUnwanted)) && !errors.Is(err, io.EOF)
}

// awaitRefusalRead keeps the socket open until the peer has read the reason. If we closed at once, with
// the peer's Hello unread, the kernel would send a reset that destroys the reason.
func (l *Link) awaitRefusalRead() {
	if w, ok := l.conn.Conn.(interface{ CloseWrite() error }); ok {
		_ = w.CloseWrite()
	}
	_ = l.conn.SetReadDeadline(time.Now().Add(refuseWithin))
	_, _ = io.Copy(io.Discard, l.conn) // however much: the deadline ends it
}
