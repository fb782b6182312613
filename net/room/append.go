package room

import (
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// AppendText signs a message and appends it to the local feed. The first message of a run opens the feed, so that
// AppendText returns up to two records, in order. The errors are those of package record.
func (r *Room) AppendText(kind record.Kind, text string) ([]store.Entry, error) {
	if err := record.CheckText(text); err != nil {
		return nil, err // no feed is opened for a text that no record takes
	}
	var out []store.Entry
	if r.ownFeed.Feed == 0 {
		opened, err := r.openFeed()
		if err != nil {
			return nil, err
		}
		out = append(out, opened)
	}
	if r.feeds[r.ownFeed].name != r.name { // the run before had another name
		named, err := r.signName(record.KindName)
		if err != nil {
			return out, err
		}
		out = append(out, named)
	}
	said, err := r.signNext(kind, record.TextData(text))
	if err != nil {
		return out, err
	}
	return append(out, said), nil
}

// Rename changes the local name by a record: before the first message of a run, the one that opens the feed.
func (r *Room) Rename(name string) (store.Entry, error) {
	if err := record.CheckName(name); err != nil {
		return store.Entry{}, err
	}
	before := r.name
	r.name = name
	var e store.Entry
	var err error
	if r.ownFeed.Feed == 0 {
		e, err = r.openFeed()
	} else {
		e, err = r.signName(record.KindName)
	}
	if err != nil {
		r.name = before
	}
	return e, err
}

// Name returns the local name.
func (r *Room) Name() string { return r.name }

// OwnFeed returns this run's feed and the seq of its last record; false before the first message.
func (r *Room) OwnFeed() (record.FeedKey, uint64, bool) {
	if r.ownFeed.Feed == 0 {
		return record.FeedKey{}, 0, false
	}
	return r.ownFeed, r.feeds[r.ownFeed].next() - 1, true
}

// openFeed begins this run's feed, with a new number, so that a restored backup never uses a place twice. The clock
// may have gone back: then the random part and the feeds that are held keep numbers apart.
func (r *Room) openFeed() (store.Entry, error) {
	ms := r.clock.now().UnixMilli()
	for r.ownFeed.Feed = record.NewFeed(ms); r.feeds[r.ownFeed] != nil; {
		r.ownFeed.Feed = record.NewFeed(ms)
	}
	for r.isColdFeed(r.ownFeed) { // the clock may have gone back by days: which feeds such a block has is on disk
		r.ownFeed.Feed = record.Feed(rand.Uint64() | 1)
	}
	r.addFeed(r.ownFeed)
	e, err := r.signName(record.KindOpen)
	if err != nil {
		r.deleteFeed(r.ownFeed)
		r.ownFeed.Feed = 0
	}
	return e, err
}

// signName signs and appends a record that names the author.
func (r *Room) signName(kind record.Kind) (store.Entry, error) {
	return r.signNext(kind, record.NamingData(r.name))
}

// signNext signs and appends the next record of the local feed.
func (r *Room) signNext(kind record.Kind, data json.RawMessage) (store.Entry, error) {
	f := r.feeds[r.ownFeed]
	prev := cmp.Or(f.head, r.ownLast) // another run of this profile may have signed records since the head
	rec, err := record.Sign(r.self, record.Body{
		Room: r.id, Feed: r.ownFeed.Feed, Seq: f.next(), Prev: prev,
		Time: r.clock.nextTime(), Kind: kind, Data: data,
	})
	if err != nil {
		return store.Entry{}, err
	}
	e, ok := r.appendRecord(r.ownFeed, f, rec)
	if !ok {
		return store.Entry{}, ErrFull // sent, it would be one of two records in its place, which proves a fork
	}
	r.trimMemory()
	return e, nil
}

// Limits of what a peer's time does to our clock. A wrong clock must not move all others, and a counter near the
// greatest that a record takes (2^53-1) must not leave our next record without a time.
const (
	maxAhead   = 5 * time.Minute
	maxCounter = 1 << 20
)

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
		c.advance(record.Time{Ms: c.last.Ms, N: c.last.N + 1})
	}
	return c.last
}

// observe moves the clock past the time of a peer's record, unless that lies more than maxAhead ahead.
func (c *clock) observe(t record.Time) {
	if t.Ms-c.now().UnixMilli() <= maxAhead.Milliseconds() && t.Compare(c.last) > 0 {
		c.advance(t)
	}
}

// advance moves the clock to t, or behind it to the next millisecond once its counter is exhausted.
func (c *clock) advance(t record.Time) {
	if t.N > maxCounter {
		t = record.Time{Ms: t.Ms + 1}
	}
	c.last = t
}
