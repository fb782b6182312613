package replica

import (
	"context"
	"encoding/binary"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// span is a run of records of a feed that stubs of other peers stand for.
type span struct {
	key      record.FeedKey
	from, to uint64
	number   int  // greater than those of all before it
	closed   bool // filled, parted or gone
}

// spans are the runs whose bodies every peer is asked for in each link (bodies.go), as long as they don't come. They
// outlive a restart. What they guard stands under the replica's lock. A span costs less than the record that a peer
// had to send behind its stub.
type spans struct{ *Replica }

// openSpans are the spans of a room.
type openSpans struct {
	byFeed map[record.FeedKey][]*span               // by from
	feeds  map[identity.Key]map[record.FeedKey]bool // each author's feeds in byFeed
	queue  []*span                                  // by number; at most half of them are closed
	last   int                                      // the greatest number so far
	closed int                                      // how many spans in queue are closed
}

func (r spans) bucketName() string { return r.bucket("stubs") }

func spanKey(key record.FeedKey, to uint64) []byte {
	b := binary.BigEndian.AppendUint64(key.Author.Bytes(), uint64(key.Feed))
	return binary.BigEndian.AppendUint64(b, to)
}

// load reads the spans of earlier runs.
func (r spans) load(ctx context.Context) error {
	r.mu.spans.byFeed, r.mu.spans.feeds = map[record.FeedKey][]*span{}, map[identity.Key]map[record.FeedKey]bool{}
	values, err := r.store.ListValues(ctx, r.spans.bucketName())
	for _, v := range values {
		if len(v.Key) != 48 || len(v.Value) != 8 {
			continue
		}
		author, bad := identity.KeyFromBytes(v.Key[:32])
		if bad != nil {
			continue
		}
		key := record.FeedKey{Author: author, Feed: record.Feed(binary.BigEndian.Uint64(v.Key[32:]))}
		r.spans.queueLocked(&span{key: key, from: binary.BigEndian.Uint64(v.Value), to: binary.BigEndian.Uint64(v.Key[40:])})
	}
	return err
}

// indexLocked returns where in its feed's spans the first one with a greater beginning is.
func (r spans) indexLocked(key record.FeedKey, from uint64) int {
	i, _ := slices.BinarySearchFunc(r.mu.spans.byFeed[key], from, func(s *span, from uint64) int {
		if s.from <= from {
			return -1
		}
		return 1
	})
	return i
}

// findLocked returns a span with a record of from … to, or nil. Spans don't overlap.
func (r spans) findLocked(key record.FeedKey, from, to uint64) *span {
	of, i := r.mu.spans.byFeed[key], r.spans.indexLocked(key, to)
	if i == 0 || of[i-1].to < from {
		return nil
	}
	return of[i-1]
}

func (r spans) queueLocked(s *span) {
	m := &r.mu.spans
	if m.feeds[s.key.Author] == nil {
		m.feeds[s.key.Author] = map[record.FeedKey]bool{}
	}
	m.feeds[s.key.Author][s.key] = true
	m.byFeed[s.key] = slices.Insert(m.byFeed[s.key], r.spans.indexLocked(s.key, s.from), s)
	m.last++
	s.number = m.last
	m.queue = append(m.queue, s)
}

// addLocked notes a span that peers must be asked for.
func (r spans) addLocked(key record.FeedKey, from, to uint64) {
	if from > to {
		return
	}
	for s := r.spans.findLocked(key, from, to); s != nil; s = r.spans.findLocked(key, from, to) {
		r.spans.closeLocked(s) // what it stood for was lost, and came again
	}
	r.spans.queueLocked(&span{key: key, from: from, to: to})
	if err := r.store.Put(r.spans.bucketName(), spanKey(key, to), binary.BigEndian.AppendUint64(nil, from)); err != nil {
		r.cfg.Log.Warn("not saved", "error", err)
	}
}

// closeLocked ends with a span.
func (r spans) closeLocked(s *span) {
	m := &r.mu.spans
	s.closed = true
	i := r.spans.indexLocked(s.key, s.from)
	if m.byFeed[s.key] = slices.Delete(m.byFeed[s.key], i-1, i); len(m.byFeed[s.key]) == 0 {
		delete(m.byFeed, s.key)
		if delete(m.feeds[s.key.Author], s.key); len(m.feeds[s.key.Author]) == 0 {
			delete(m.feeds, s.key.Author)
		}
	}
	if m.closed++; 2*m.closed > len(m.queue) {
		// A copy, so that the memory of a queue that was long is free.
		open := make([]*span, 0, len(m.queue)-m.closed)
		for _, s := range m.queue {
			if !s.closed {
				open = append(open, s)
			}
		}
		m.queue, m.closed = open, 0
	}
	if err := r.store.Delete(r.spans.bucketName(), spanKey(s.key, s.to)); err != nil {
		r.cfg.Log.Warn("not saved", "error", err)
	}
}

// removeLocked notes that the record at seq came. The rest of its span is asked for anew, also of peers whose answers
// had no space for it.
func (r spans) removeLocked(key record.FeedKey, seq uint64) {
	if s := r.spans.findLocked(key, seq, seq); s != nil {
		r.spans.closeLocked(s)
		r.spans.addLocked(key, s.from, seq-1)
		r.spans.addLocked(key, seq+1, s.to)
	}
}

// removeAuthorLocked forgets the spans of an author.
func (r spans) removeAuthorLocked(author identity.Key) {
	for key := range r.mu.spans.feeds[author] {
		for _, s := range slices.Clone(r.mu.spans.byFeed[key]) {
			r.spans.closeLocked(s)
		}
	}
}
