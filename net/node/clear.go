package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// What is said without a signature: by /unsigned, and by the guests of a neighbour.

// maxSenders bounds the senders in clear whose refused lines are counted apart.
const maxSenders = 1024

// Unsigned says something that anybody could have said, to everybody. Under secure-only it is refused.
func (n *Node) Unsigned(text string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.mayClear(); err != nil {
		return err
	}
	if len(text) > maxClear {
		return fmt.Errorf("%d bytes are too many for one unsigned message: the limit is %d", len(text), maxClear)
	}
	n.spoken++
	line := event.Line{
		ID: fmt.Sprintf("unsigned-%s-%d", n.inst, n.spoken), From: n.cfg.Identity.Key(), FromID: n.cfg.Identity.Key().ID().String(), FromName: n.name,
		Text: printable(text), Own: true, Time: time.Now(), Arrived: time.Now(), Signature: event.Unsigned, Kind: event.KindNative,
	}
	n.events.Post(event.Sent{Line: line, Peers: n.clearToLinks(line, nil) + n.plain.Send(line.Text, false)})
	return nil
}

// Bounds of waitClear.
const (
	clearRoom     = 128 // frames of a control queue that are left for what is not chat
	clearPatience = 2 * time.Second
)

// maxGuestName is the longest name of a neighbour's guest, in bytes.
const maxGuestName = 64

// maxClear is the longest unsigned text, in bytes: a Chat frame holds it however it is escaped.
const maxClear = 8 << 10

// clearToLinks hands a line in clear to the native peers, as a Chat. Called with mu held.
func (n *Node) clearToLinks(l event.Line, via *identity.Key) (sent int) {
	f, err := wire.Encode(wire.Chat{FromID: l.FromID, FromName: l.FromName, Content: l.Text, Timestamp: uint64(l.Time.Unix()), Via: via})
	if err != nil {
		n.cfg.Log.Error("encode", "error", err)
		return 0
	}
	for _, p := range n.peers {
		if p.link != nil && p.link.Control(f) {
			sent++
		}
	}
	return sent
}

// waitClear waits until the links have room for lines in clear, which no peer can ask for again. Who takes
// nothing for clearPatience isn't waited for until he does. Called without mu.
func (n *Node) waitClear() {
	for _, l := range n.mesh.Links() {
		room := l.ControlSpace() >= clearRoom
		n.mu.Lock()
		p := n.up(l)
		stuck := p == nil || p.stuck
		if room && p != nil {
			p.stuck = false
		}
		n.mu.Unlock()
		if room || stuck {
			continue
		}
		ctx, cancel := context.WithTimeout(n.group.Context(), clearPatience)
		err := l.WaitControl(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			n.mu.Lock()
			p.stuck = true
			n.mu.Unlock()
		}
	}
}

// chatted is a Chat from a native peer: its own /unsigned, or what its guest said. It is shown, and
// never handed on as a record. Called with mu held.
func (n *Node) chatted(p *peer, m wire.Chat) {
	if n.box.Policy().SecureOnly {
		n.refuseClear(p.Name)
		return
	}
	n.spoken++
	line := event.Line{
		ID: fmt.Sprintf("unsigned-%s-%d", n.inst, n.spoken), From: p.Key, FromID: p.ID, FromName: p.Name, Text: m.Content,
		Time: time.Unix(int64(m.Timestamp), 0), Arrived: time.Now(), Signature: event.Unsigned, Kind: event.KindNative,
	}
	if m.Via != nil {
		name := m.FromName[:min(len(m.FromName), maxGuestName)]
		line.From, line.FromID, line.FromName, line.Kind, line.Via = identity.Key{}, n.alias(m.FromID), name, event.KindLine, p.ID
	}
	n.events.Post(event.Said{Line: line})
	n.overhear(line)
}

// refuseClear counts a line in clear that secure-only drops. Called with mu held.
func (n *Node) refuseClear(from string) {
	if len(n.clearCounts) >= maxSenders {
		clear(n.clearCounts)
	}
	n.clearCounts[from]++
	n.refused["unsigned line under secure-only"]++
	n.events.Post(event.Refused{From: from, Reason: "unsigned · policy " + n.policy().Label, Count: n.clearCounts[from]})
}
