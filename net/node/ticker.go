package node

import (
	"context"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/replica"
)

// seekLostFor is how long a lost peer is looked for eagerly.
const seekLostFor = 2 * time.Minute

// scheduleFlush has flush called soon: acknowledgements and peer lists are gathered for a moment.
func (n *Node) scheduleFlush() {
	select {
	case n.flushDue <- struct{}{}:
	default:
	}
}

// tick runs the node's clock. It sleeps while there is nothing to do but the second's round.
func (n *Node) tick(ctx context.Context) {
	<-n.ready
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			n.everySecond()
			continue
		case <-n.flushDue:
		}
		if !group.Sleep(ctx, replica.AckEvery, nil) {
			return
		}
		n.flush()
	}
}

func (n *Node) flush() {
	for _, r := range n.rooms {
		r.Flush()
	}
	n.exchange.flush(false)
	if n.cleartext.enforceDue.CompareAndSwap(true, false) {
		n.cleartext.plain.Enforce()
	}
}

// everySecond posts the numbers of peers, and lets each room look after itself.
func (n *Node) everySecond() {
	n.cleartext.refreshNetworks()
	n.standings.count()
	for _, r := range n.rooms {
		r.Tick()
	}
	n.relayed.update()
	n.exchange.flush(true)
	n.mu.Lock()
	defer n.mu.Unlock()
	lost := false
	for _, p := range n.mu.peers {
		if p.link != nil {
			n.postStatsLocked(p)
		} else if p.State == event.Lost && time.Since(p.lostAt) < seekLostFor {
			lost = true
		}
	}
	if n.finder.service != nil {
		n.finder.service.SetLost(lost)
	}
}

// postStatsLocked posts the numbers of a linked peer, if its link has carried anything since they were last posted.
func (n *Node) postStatsLocked(p *peer) {
	in, sent := p.link.Bytes()
	if p.posted != in+sent {
		p.posted = in + sent
		n.events.Post(event.PeerStats{Peer: n.nowLocked(p)})
	}
}
