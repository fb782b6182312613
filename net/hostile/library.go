package hostile

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// Library holds records that peers answer questions from: their own, and those of others that they hand on, keep back
// or claim to lack. Any number of peers may share one.
type Library struct {
	mu    sync.Mutex
	feeds map[record.FeedKey]map[uint64]*record.Record
}

// Add adds records.
func (l *Library) Add(records ...*record.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.feeds == nil {
		l.feeds = map[record.FeedKey]map[uint64]*record.Record{}
	}
	for _, rec := range records {
		of := l.feeds[rec.FeedKey()]
		if of == nil {
			of = map[uint64]*record.Record{}
			l.feeds[rec.FeedKey()] = of
		}
		of[rec.Seq()] = rec
	}
}

// Take adds what a message brings, if its signatures are right. It can be a Config's Receive.
func (l *Library) Take(_ *Peer, m wire.Message) {
	var records []wire.Record
	switch m := m.(type) {
	case wire.Record:
		records = []wire.Record{m}
	case wire.Records:
		records = m.Records
	}
	for _, r := range records {
		if claim, err := record.Parse(r.Body, r.Sig); err == nil && claim.Body().Feed != 0 && !l.has(claim) {
			if rec, err := claim.Verify(); err == nil {
				l.Add(rec)
			}
		}
	}
}

// has reports whether there is a record in that place: a second signature isn't checked for it.
func (l *Library) has(c *record.Claim) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := c.Body()
	return l.feeds[record.FeedKey{Author: b.Author, Feed: b.Feed}][b.Seq] != nil
}

// Remove takes a feed out.
func (l *Library) Remove(key record.FeedKey) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.feeds, key)
}

// Holdings returns the frontier: all feeds, each up to its first gap.
func (l *Library) Holdings() []wire.Holding {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []wire.Holding
	for _, key := range slices.SortedFunc(maps.Keys(l.feeds), record.FeedKey.Compare) {
		seqs := slices.Sorted(maps.Keys(l.feeds[key]))
		last := 0
		for last+1 < len(seqs) && seqs[last+1] == seqs[last]+1 {
			last++
		}
		rec := l.feeds[key][seqs[last]]
		out = append(out, wire.Holding{Author: key.Author, Feed: key.Feed.String(), Seq: rec.Seq(), Head: rec.ID().String()[:16], Floor: seqs[0]})
	}
	return out
}

// Find returns the records of a range, in order.
func (l *Library) Find(r wire.Range) (out []*record.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var feed record.Feed
	if feed.UnmarshalText([]byte(r.Feed)) != nil {
		return nil
	}
	of := l.feeds[record.FeedKey{Author: r.Author, Feed: feed}]
	for _, seq := range slices.Sorted(maps.Keys(of)) {
		if seq >= r.From && seq <= r.To {
			out = append(out, of[seq])
		}
	}
	return out
}

// Keys returns the authors, sorted.
func (l *Library) Keys() []identity.Key {
	l.mu.Lock()
	defer l.mu.Unlock()
	var keys []identity.Key
	for key := range l.feeds {
		keys = append(keys, key.Author)
	}
	slices.SortFunc(keys, func(a, b identity.Key) int { return cmp.Compare(a.Compare(b), 0) })
	return slices.Compact(keys)
}
