package link

import (
	"errors"
	"fmt"

	"chat.lan/p2pchat/net/wire"
)

// Errors of Client and Server. The errors of identity.KeyFromCertificates (certificate count
// and kind, small-order and non-canonical keys) and of wire.Decode appear as they are, wrapped.
var (
	ErrNotTLS   = errors.New("the other side doesn't speak TLS: no native peer")
	ErrTLS      = errors.New("TLS 1.3 handshake failed")
	ErrALPN     = errors.New("the other side doesn't speak " + Protocol)
	ErrOwnKey   = errors.New("the other side has our own key: it is this program, or a copy of its profile")
	ErrWrongKey = errors.New("the other side is not the peer that was expected")
	ErrRefused  = errors.New("the other side refused us") // wrapped together with the TLS alert
	ErrVersion  = errors.New("no protocol version in common: update the older program")
	ErrNoHello  = errors.New("no Hello from the other side")
	ErrUnwanted = errors.New("this side doesn't want the link") // Config.RefuseReason's reason follows
	ErrHello    = errors.New("the other side's Hello is malformed")
)

// Errors of Handler.Down, beside those of the socket and of package wire.
var (
	ErrLost = errors.New("nothing heard from the peer for too long")
	ErrSlow = errors.New("the peer took nothing for 10 s")
	ErrDown = errors.New("link is down") // returned by the Wait methods
)

// ByeError is returned when the peer has said Bye.
type ByeError struct {
	Reason string         // one of package wire, or of a newer program; at most 64 bytes of UTF-8
	Peers  []wire.Contact // others that we can dial, as the peer says; at most wire.MaxByePeers
}

// Error describes the Bye with its reason.
func (e *ByeError) Error() string { return fmt.Sprintf("the peer said goodbye (%s)", e.Reason) }

// newByeError returns the error of a peer's Bye, within its limits.
func newByeError(m wire.Bye) *ByeError {
	return &ByeError{wire.TruncateUTF8(m.Reason, 64), m.Peers[:min(len(m.Peers), wire.MaxByePeers)]}
}

// The reasons that Handler.Refused is called with: few and fixed, so that they can be counted.
const (
	RefusedSignature = "bad signature"
	RefusedRecord    = "malformed record"
	RefusedUnknown   = "unknown message"
	RefusedHello     = "second Hello"
	RefusedUTF8      = "not UTF-8"       // the link ends
	RefusedFrame     = "malformed"       // the link ends
	RefusedSize      = "oversized frame" // the link ends
)
