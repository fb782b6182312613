package room

import (
	"time"

	"chat.lan/p2pchat/crypto/record"
)

// maxAhead is how far ahead a peer's time may lie and still move our clock: a wrong clock must not move all others.
const maxAhead = 5 * time.Minute

// clock is the hybrid logical clock that stamps local records.
type clock struct {
	now  func() time.Time
	last record.Time
}

// nextTime returns the time of a new local record: later than all before it and all observed.
func (c *clock) nextTime() record.Time {
	ms := c.now().UnixMilli()
	if ms > c.last.Ms {
		c.last = record.Time{Ms: ms}
	} else {
		c.last.N++
	}
	return c.last
}

// observe moves the clock past the time of a peer's record, unless that lies more than maxAhead ahead.
func (c *clock) observe(t record.Time) {
	if t.Ms-c.now().UnixMilli() <= maxAhead.Milliseconds() && t.Compare(c.last) > 0 {
		c.last = t
	}
}
