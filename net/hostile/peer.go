package hostile

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"net"
	"sync/atomic"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

const (
	stuckAfter   = 30 * time.Second // a write, before the peer gives up its link
	defaultRoom  = "lobby"
	defaultName  = "Eve"
	defaultAgent = "hostile"
)

// Config says who a peer is. Identity and Group must be set.
type Config struct {
	Identity *identity.Identity
	Group    *group.Group // parent of the peer's goroutines

	Name string // "": Eve
	Room string // the name of an open room; "": lobby
	Port int    // where the peer says that it listens

	Hello   func(h *wire.Hello)             // changes the Hello before it is sent; nil: nothing
	Conduct Conduct                         // how questions are treated
	Receive func(p *Peer, m wire.Message)   // gets each message, in their order; nil: no one
	Pace    func() (bytesPerSecond float64) // how fast a linked peer reads, asked before each read; nil: at full speed
}

// Peer is one link of a hostile peer. Its methods may be called from any goroutine.
type Peer struct {
	cfg   Config
	raw   net.Conn
	tls   *tls.Conn
	room  record.RoomID
	group *group.Group
	hello wire.Hello   // the other side's
	key   identity.Key // the other side's

	writing chan struct{} // capacity 1, full during a write; a mutex would hold up synctest's clock while a write waits
	turn    atomic.Uint64
	linked  atomic.Bool
	ended   chan struct{} // closed when the link is down
	bye     atomic.Pointer[wire.Bye]
	count   atomic.Int64 // messages received
}

// next reads a message. It returns nil for one that can't be read.
func (p *Peer) next() (wire.Message, error) {
	var head [4]byte
	if _, err := io.ReadFull(p.tls, head[:]); err != nil {
		return nil, err
	}
	payload := make([]byte, binary.BigEndian.Uint32(head[:]))
	if _, err := io.ReadFull(p.tls, payload); err != nil {
		return nil, err
	}
	m, err := wire.Decode(payload)
	if err != nil {
		return nil, nil
	}
	return m, nil
}

// read takes messages until the link ends.
func (p *Peer) read(ctx context.Context) {
	defer close(p.ended)
	defer p.group.Stop()
	defer p.raw.Close()
	stop := context.AfterFunc(ctx, func() { p.raw.Close() })
	defer stop()
	for {
		m, err := p.next()
		if err != nil {
			return
		}
		p.count.Add(1)
		if p.cfg.Receive != nil && m != nil {
			p.cfg.Receive(p, m)
		}
		if bye, ok := m.(wire.Bye); ok {
			p.bye.Store(&bye)
			return
		}
		p.cfg.Conduct.react(p, m)
	}
}

// Send sends a message.
func (p *Peer) Send(m wire.Message) error {
	f, err := wire.Encode(m)
	if err != nil {
		return err
	}
	return p.Write(f)
}

// SendPayload sends a frame with any content.
func (p *Peer) SendPayload(payload []byte) error {
	return p.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(payload))), payload...))
}

// Write sends bytes as they are, in place of a frame. It waits while the other side reads nothing, for half a minute.
func (p *Peer) Write(b []byte) error {
	p.writing <- struct{}{}
	defer func() { <-p.writing }()
	if err := p.raw.SetWriteDeadline(time.Now().Add(stuckAfter)); err != nil {
		return err
	}
	_, err := p.tls.Write(b)
	return err
}

// SendAll sends messages until there are no more, or the link is down. It returns how many it sent.
func (p *Peer) SendAll(messages iter.Seq[wire.Message]) (sent int, err error) {
	for m := range messages {
		if err := p.Send(m); err != nil {
			return sent, err
		}
		sent++
	}
	return sent, nil
}

// Close cuts the link without a word, and waits until its goroutines have ended.
func (p *Peer) Close() {
	p.raw.Close()
	p.group.Close()
}

// Bye says goodbye with any reason, and nothing after it.
func (p *Peer) Bye(reason string) error {
	return errors.Join(p.Send(wire.Bye{Reason: reason}), p.tls.CloseWrite())
}

// Ended returns a channel that is closed when the link is down.
func (p *Peer) Ended() <-chan struct{} { return p.ended }

// ByeReason returns the reason that the other side gave for the end, or "".
func (p *Peer) ByeReason() string {
	if bye := p.bye.Load(); bye != nil {
		return bye.Reason
	}
	return ""
}

// Key returns the key of the other side.
func (p *Peer) Key() identity.Key { return p.key }

// Hello returns the Hello of the other side.
func (p *Peer) Hello() wire.Hello { return p.hello }

// Identity returns our own identity.
func (p *Peer) Identity() *identity.Identity { return p.cfg.Identity }

// Room returns the id of the room.
func (p *Peer) Room() record.RoomID { return p.room }

// Received returns how many messages came.
func (p *Peer) Received() int { return int(p.count.Load()) }
