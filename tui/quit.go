package tui

import (
	"context"
	"time"
)

const (
	quitOffer   = 2 * time.Second // within which a second Ctrl+C quits
	quitTimeout = 5 * time.Second // for acknowledgements of what was sent
)

// quitting is the way out of the program.
type quitting struct {
	offeredUntil time.Time // a second Ctrl+C until then quits
	waiting      bool      // for acknowledgements; no key but Ctrl+C counts any more
}

// allDelivered is posted once all messages were acknowledged, or had their time.
type allDelivered struct{}

// start quits once all messages were acknowledged. The wait stands in the queue behind everything that
// was typed before.
func (q *quitting) start(m *model) {
	if q.waiting {
		return
	}
	q.waiting = true
	for _, c := range m.conversations {
		c.Voting.Sign() // a person that quits doesn't undo it
	}
	m.deps.queueAction(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, quitTimeout)
		defer cancel()
		_ = m.deps.node.WaitDelivered(ctx) // a peer that hasn't acknowledged by now won't: quit anyway
		m.deps.post(allDelivered{})
	})
}
