package node

import (
	"context"
	"time"

	"chat.lan/p2pchat/net/event"
)

// lostFor is how long a lost peer is looked for eagerly (DESIGN.md §6).
const lostFor = 2 * time.Minute

// soon asks the clock for what is gathered for a moment: acknowledgements, and who is linked to whom.
func (n *Node) soon() {
	select {
	case n.due <- struct{}{}:
	default:
	}
}

// tick is the node's clock. It sleeps while there is nothing to do but the second's round.
func (n *Node) tick(ctx context.Context) {
	<-n.ready
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
			n.second()
			continue
		case <-n.due:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(ackEvery):
			n.gathered()
			n.enforcePlain()
		}
	}
}

func (n *Node) gathered() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.acknowledge()
	if n.news {
		n.news = false
		n.introduce()
	}
}

// second posts the numbers of peers, and retries questions that nobody answered.
func (n *Node) second() {
	if time.Since(n.surveyed) >= surveyEvery {
		n.survey()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.watchVotes()
	n.lookAfterStore()
	lost := false
	for _, p := range n.peers {
		if p.link != nil {
			n.events.Post(event.PeerStats{Peer: p.now()})
			if n.planner.LacksFrom(p.Key) {
				n.ask(p)
			}
		} else if p.State == event.Lost && time.Since(p.lostAt) < lostFor {
			lost = true
		}
	}
	if n.finder != nil {
		n.finder.SetLost(lost)
	}
}
