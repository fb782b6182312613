package replica

import (
	"strings"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
)

// Bounds of an answer.
const (
	answerFrames = votes.AnswerFrames
	maxRanges    = 256 // ranges taken from a peer's question
)

// answer sends what a peer wants, as far as its sync queue takes it; the peer asks for the rest. What
// isn't in memory comes from disk, and the peer that asks for it waits on its own link.
func (r *Replica) answer(l Link, m wire.Want) {
	r.mu.Lock()
	p := r.peerOfLocked(l)
	if p == nil {
		r.mu.Unlock()
		return
	}
	if len(m.Ranges) > maxRanges || len(m.Votes) > votes.PageVotes {
		r.cfg.Host.Refuse(l.Key(), "malformed want")
		r.mu.Unlock()
		return
	}
	s, syncMu := p.share, p.syncMu
	voting := r.votes.ListRequestedLocked(m.Votes)
	r.mu.Unlock()
	syncMu.Lock()
	defer syncMu.Unlock()
	to := answer{r: r, link: l, stubs: l.Can(wire.CapStubs) && !m.Bodies, most: min(m.Frames, answerFrames), out: wire.Records{Room: m.Room, N: m.N}}
	for _, rec := range voting {
		if !to.add(rec.Signed(), rec.Signature()) {
			return
		}
	}
	for _, w := range m.Ranges {
		var g room.Gap
		if g.Key.Author, g.From, g.To = w.Author, w.From, w.To; g.Key.Feed.UnmarshalText([]byte(w.Feed)) != nil {
			continue
		}
		r.mu.Lock()
		cold := r.room.IsCold(room.BlockKeyOf(g.Key))
		floor := s.floorLocked(g.Key)
		r.mu.Unlock()
		if cold {
			floor = r.sharing.floors(s, []record.FeedKey{g.Key})[g.Key]
		}
		if g.From = max(g.From, floor); g.From > g.To {
			continue
		}
		r.mu.Lock()
		recs, more := r.room.RangeInMemory(g, wire.MaxRecords*answerFrames)
		r.mu.Unlock()
		for _, rec := range recs {
			if !to.add(rec.Signed(), rec.Signature()) {
				return
			}
		}
		if len(recs) > 0 || !more {
			continue
		}
		if !to.addStored(g) {
			return
		}
	}
	to.send(true)
}

// addStored adds what the store has of a range. When there is no room for more it ends the answer, and returns false.
func (a *answer) addStored(g room.Gap) bool {
	a.run = nil
	// A frame at a time, so that the first is on its way while the next is read.
	for raws := a.r.saver.readStore(g, wire.MaxRecords); len(raws) > 0; raws = a.r.saver.readStore(g, wire.MaxRecords) {
		for _, raw := range raws {
			switch {
			case raw.Stub != nil && !a.link.Can(wire.CapStubs):
				return true // it can't use what is behind
			case raw.Stub != nil:
				a.addStub(raw.Stub)
			case !a.add(raw.Body, raw.Sig[:]):
				return false
			}
		}
		if g.From = raws[len(raws)-1].Key.Seq + 1; g.From > g.To {
			break
		}
	}
	if a.run == nil || !a.stubs {
		return true
	}
	// A stub counts only with the record behind it.
	for _, raw := range a.r.saver.readStore(room.Gap{Key: g.Key, From: a.run.To + 1, To: a.run.To + 1}, 1) {
		if raw.Stub == nil {
			return a.add(raw.Body, raw.Sig[:])
		}
	}
	// It isn't here, but it may wait at the peer.
	if a.size += stubCost; a.size <= wire.MaxRecords {
		a.out.Stubs = append(a.out.Stubs, encodeStub(a.run))
	}
	a.run = nil
	return true
}

// answer packs an answer into frames.
type answer struct {
	r            *Replica
	link         Link
	out          wire.Records
	size, frames int // bytes of the frame that is packed; frames sent so far
	most         int
	stubs        bool        // the peer takes stubs
	run          *store.Stub // waits for the record behind it
}

// addStub notes a stub, which joins the one right before it. It goes out with the next record.
func (a *answer) addStub(s *store.Stub) {
	if a.run != nil && a.run.To+1 == s.From {
		s.From = a.run.From
	}
	a.run = s
}

// add puts a record into the answer. When there is no room for more it ends the answer, and returns false.
func (a *answer) add(body string, sig []byte) bool {
	cost := frameCost(body)
	if a.run != nil && a.stubs {
		cost += stubCost
	}
	if len(a.out.Records) > 0 && a.size+cost > wire.MaxRecords {
		if a.frames+1 >= a.most || a.link.SyncSpace() < 2 {
			a.send(true)
			return false
		}
		if !a.send(false) {
			return false
		}
	}
	a.size += cost
	if a.run != nil && a.stubs {
		a.out.Stubs = append(a.out.Stubs, encodeStub(a.run))
	}
	a.run = nil
	a.out.Records = append(a.out.Records, wire.Record{Body: body, Sig: sig})
	return true
}

func (a *answer) send(end bool) bool {
	a.out.End = end
	f := a.r.encode(a.out)
	a.out.Records, a.out.Stubs, a.size = nil, nil, 0
	a.frames++
	return f != nil && a.link.Sync(f)
}

// stubCost is the most that a stub takes in a frame, in bytes.
const stubCost = 320

// frameCost returns the bytes of a record in a Records frame: in a JSON string quotes and backslashes take two.
func frameCost(body string) int {
	const around = len(`{"body":"","sig":""},`) + 88 // base64 of a signature
	return len(body) + strings.Count(body, `"`) + strings.Count(body, `\`) + around
}
