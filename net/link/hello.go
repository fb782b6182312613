package link

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// Version is the protocol version that this package speaks.
const Version = 1

// Limits of a Hello. Its name obeys the rules for names in records.
const (
	maxAgent = 64 // bytes
	maxItems = 64 // rooms, capabilities, versions
)

// refuseUnwanted calls Config.RefuseReason, and sends Bye in place of the Hello to a peer that it refuses.
func (l *Link) refuseUnwanted() error {
	if l.cfg.RefuseReason == nil {
		return nil
	}
	if reason := l.cfg.RefuseReason(l.key); reason != "" {
		l.writeBye(reason)
		return fmt.Errorf("%w (%s)", ErrUnwanted, reason)
	}
	return nil
}

// refuseHello does for Config.RefuseHello what refuseUnwanted does for RefuseReason.
func (l *Link) refuseHello() error {
	if l.cfg.RefuseHello == nil {
		return nil
	}
	if reason := l.cfg.RefuseHello(l.key, l.hello); reason != "" {
		l.writeBye(reason)
		return fmt.Errorf("%w (%s)", ErrUnwanted, reason)
	}
	return nil
}

// writeBye says Bye to a peer to which there is no link, and ends our direction. It may fail: a peer that is
// gone needs no reason.
func (l *Link) writeBye(reason string) {
	cut := time.AfterFunc(refuseWithin, func() { l.conn.Close() })
	defer cut.Stop()
	if bye, err := wire.Encode(wire.Bye{Reason: reason}); err == nil {
		_, _ = l.tls.Write(bye)
		_ = l.tls.CloseWrite()
	}
}

// exchangeHellos sends our Hello and waits at most helloWithin for the peer's. A peer that has read ours counts
// us as linked. So when ctx ends meanwhile, it gets a Bye.
func (l *Link) exchangeHellos(ctx context.Context) error {
	if err := l.conn.SetReadDeadline(time.Now().Add(helloWithin)); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetReadDeadline(time.Unix(1, 0)) })
	err := l.sendAndReadHello()
	if !stop() {
		l.writeBye(wire.ByeLeaving)
		return fmt.Errorf("%w: %w", ErrUnwanted, context.Cause(ctx))
	}
	if err != nil {
		return err
	}
	return l.conn.SetReadDeadline(time.Time{})
}

func (l *Link) sendAndReadHello() error {
	own := l.cfg.Hello()
	hello, err := wire.Encode(own)
	if err != nil {
		return err
	}
	if !l.dialed { // its Hello comes with the end of the handshake, so that reading it first costs no time
		if l.hello, err = l.readHello(); err != nil {
			return err
		}
		if err := l.refuseHello(); err != nil {
			return err
		}
	}
	// If the peer has refused us, its alert says why, and the failed write says nothing.
	_, unsent := l.tls.Write(hello)
	if l.dialed {
		if l.hello, err = l.readHello(); err != nil {
			return err
		}
	}
	if unsent != nil {
		return fmt.Errorf("%w: can't send ours: %w", ErrNoHello, unsent)
	}
	if slices.ContainsFunc(l.hello.Versions, func(v int) bool { return slices.Contains(own.Versions, v) }) {
		return nil
	}
	l.writeBye(wire.ByeVersion)
	return fmt.Errorf("%w (%s has %v, we have %v)", ErrVersion, l.key.Short(), l.hello.Versions, own.Versions)
}

// Can reports whether the peer named a capability in its Hello.
func (l *Link) Can(capability string) bool { return slices.Contains(l.hello.Caps, capability) }

// readHello reads the first frame, which must be a Hello.
func (l *Link) readHello() (wire.Hello, error) {
	payload, err := l.frames.Next()
	switch {
	case err != nil && isAlert(err):
		return wire.Hello{}, fmt.Errorf("%w: %w", ErrRefused, err)
	case errors.Is(err, wire.ErrFrameSize):
		return wire.Hello{}, err
	case err != nil:
		return wire.Hello{}, fmt.Errorf("%w: %w", ErrNoHello, err)
	}
	m, err := wire.Decode(payload)
	if err != nil {
		return wire.Hello{}, err
	}
	switch m := m.(type) {
	case wire.Hello:
		// The id follows from the key, so that no peer can claim another's.
		m.ID = l.key.ID().String()
		return m, checkHello(&m)
	case wire.Bye:
		return wire.Hello{}, newByeError(m)
	}
	return wire.Hello{}, fmt.Errorf("%w: its first frame is something else", ErrNoHello)
}

// checkHello checks that a Hello keeps the limits of package wire.
func checkHello(h *wire.Hello) error {
	// An empty name is no error: the peer is then shown by its key.
	if h.Name != "" {
		if err := record.CheckName(h.Name); err != nil {
			return fmt.Errorf("%w: %w", ErrHello, err)
		}
	}
	if h.Port < 0 || h.Port > 65535 {
		return fmt.Errorf("%w: port %d", ErrHello, h.Port)
	}
	if len(h.Agent) > maxAgent || len(h.Inst) > maxAgent ||
		max(len(h.Versions), len(h.Caps), len(h.Rooms)) > maxItems {
		return fmt.Errorf("%w: too long", ErrHello)
	}
	return nil
}
