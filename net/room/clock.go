package room

import (
	"time"

	"chat.lan/p2pchat/crypto/record"
)

// maxAhead is how far a stamp may be in the future and still move the own clock (DESIGN.md §3): a peer
// with a wrong clock must not drag everybody's along.
const maxAhead = 5 * time.Minute

// clock is the hybrid logical clock of one's own records, guarded by the room's lock.
type clock struct {
	now  func() time.Time
	last record.Time
}

// tick is the stamp of a new record: later than all before it, and than all that were observed.
func (c *clock) tick() record.Time {
	ms := c.now().UnixMilli()
	if ms > c.last.Ms {
		c.last = record.Time{Ms: ms}
	} else {
		c.last.N++
	}
	return c.last
}

// observe moves the clock past a stamp that was heard, unless it is too far ahead to be true.
func (c *clock) observe(t record.Time) {
	if t.Ms-c.now().UnixMilli() <= maxAhead.Milliseconds() && t.Compare(c.last) > 0 {
		c.last = t
	}
}
