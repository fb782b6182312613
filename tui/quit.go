package tui

import (
	"context"
	"time"
)

const (
	leaveTime = 2 * time.Second // within which a second Ctrl+C leaves
	patience  = 5 * time.Second // for acknowledgements of what was said
)

// leaving is the way out.
type leaving struct {
	until   time.Time // a second Ctrl+C until then leaves
	waiting bool      // for acknowledgements
}

// next is when the offer to leave ends.
func (l *leaving) next() time.Time { return l.until }

// allDelivered says that everything that was said has arrived, or had its time.
type allDelivered struct{}

// quit leaves once what was said before has arrived. The wait is in the queue of orders, so behind
// everything that was typed before it.
func (m *model) quit() {
	if m.leave.waiting {
		return
	}
	m.leave.waiting = true
	m.sign() // who leaves doesn't take it back
	m.queueAction(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_ = m.deps.node.WaitDelivered(ctx) // who has not acknowledged by now will not: leave anyway
		m.deps.post(allDelivered{})
	})
}
