package replica

import (
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// Bounds of the questions about bodies. A peer has one at most to answer, and hears the next a second later or more.
const (
	maxSpans = 64 // spans in a question
	// firstBodies is where the numbers of these questions begin. Those of the planner are below, those for votes above.
	firstBodies   = 1 << 31
	bodiesSilence = 15 * time.Second // without a frame of the answer, until it is asked for again
	maxDoublings  = 6                // each question in a row without an answer doubles that time, up to 16 minutes
)

// bodies is what a link's peer is asked for of the room's spans. An answer has space for a part only. What it left out
// is asked for again.
type bodies struct {
	next       int        // number of the first span that it was never asked for
	asked      []spanPart // the question that it has to answer, behind what came so far
	n          uint64     // number of that question
	brought    bool       // a record that the question names came
	heard      time.Time  // when the last frame of the answer came, or the question was sent
	unanswered int        // questions in a row without a frame of an answer
	again      []spanPart // to be asked for first
}

// spanPart is a span from a place on.
type spanPart struct {
	*span
	from uint64
}

func (s spanPart) contains(rec *record.Record) bool {
	return s.key == rec.FeedKey() && s.from <= rec.Seq() && rec.Seq() <= s.to
}

// askLocked asks a peer for spans: first for those that its answers left out, then for those that it was never asked for.
func (r spans) askLocked(p *peer) {
	q := &p.bodies
	if len(q.asked) > 0 {
		if time.Since(q.heard) < bodiesSilence<<min(q.unanswered, maxDoublings) {
			return
		}
		q.unanswered++
		q.again, q.asked = q.asked, nil
	}
	asked := r.spans.chooseLocked(q)
	if len(asked) == 0 {
		return
	}
	w := wire.Want{Room: r.id, N: max(q.n+1, firstBodies), Frames: answerFrames, Bodies: p.link.Can(wire.CapStubs)}
	for _, s := range asked {
		w.Ranges = append(w.Ranges, wire.Range{Author: s.key.Author, Feed: s.key.Feed.String(), From: s.from, To: s.to})
	}
	if !r.trySend(p.link, w) {
		q.again = asked
		return
	}
	q.asked, q.n, q.brought, q.heard = asked, w.N, false, time.Now()
}

// chooseLocked takes the spans of the next question.
func (r spans) chooseLocked(q *bodies) []spanPart {
	chosen := q.again
	q.again = nil
	queue := r.mu.spans.queue
	at, _ := slices.BinarySearchFunc(queue, q.next, func(s *span, number int) int { return s.number - number })
	for ; at < len(queue) && len(chosen) < maxSpans; at++ {
		q.next = queue[at].number + 1
		chosen = append(chosen, spanPart{queue[at], queue[at].from})
	}
	return slices.DeleteFunc(chosen, func(s spanPart) bool {
		if !s.closed && !r.room.MayHold(s.key, s.to) { // cut off by a fork, or expired
			r.spans.closeLocked(s.span)
		}
		return s.closed || s.from > s.to
	})
}

// takeAnswer follows a frame of an answer, whose records have taken their places. An answer has its records in the
// order of the question. So what is behind the last of them was left out, and an answer without any left out nothing.
func (r spans) takeAnswer(l Link, m wire.Records, recs []*record.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peerOfLocked(l)
	if p == nil || len(p.bodies.asked) == 0 || m.N != p.bodies.n {
		return
	}
	q := &p.bodies
	q.heard, q.unanswered = time.Now(), 0
	for _, rec := range recs {
		if i := slices.IndexFunc(q.asked, func(s spanPart) bool { return s.contains(rec) }); i >= 0 {
			q.brought, q.asked = true, q.asked[i:]
			q.asked[0].from = rec.Seq() + 1
		}
	}
	if m.End {
		if q.brought {
			q.again = q.asked
		}
		q.asked = nil
	}
}
