package replica

import (
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

// Above its limit for unknown kinds the room keeps only the ids of records (package room). What it can't give itself
// it hands on as a stub, with the record behind it. A peer that takes a stub can't know what it stands for: a liar
// might withhold a message so. Hence every other peer is asked for the bodies (spans.go), and a record that comes
// takes its place whenever it does.

// stubs handles records whose bodies are not kept. The methods that end in Locked need the replica's lock.
type stubs struct{ *Replica }

// places are the stubs of an answer, by the place of the record behind each.
type places map[place]*store.Stub

type place struct {
	key record.FeedKey
	seq uint64
}

// of returns the stub that stands right before a record in an answer, or nil.
func (p places) of(rec *record.Record) *store.Stub {
	s := p[place{rec.FeedKey(), rec.Seq()}]
	if s == nil || s.ID != rec.Prev() {
		return nil
	}
	return s
}

// parse reads the stubs of an answer. Those that are malformed count as refused.
func (r stubs) parse(l Link, in []wire.Stub) places {
	out := places{}
	for _, x := range in {
		s := store.Stub{From: x.From, To: x.Seq, Arrived: time.Now()}
		if s.From == 0 {
			s.From = s.To
		}
		s.Key.Author = x.Author
		if s.Key.Feed.UnmarshalText([]byte(x.Feed)) != nil || s.ID.UnmarshalText([]byte(x.ID)) != nil ||
			s.Key.Feed == 0 || s.From == 0 || s.To > 1<<53 || s.From > s.To || s.To-s.From >= wire.MaxStub {
			r.cfg.Host.Refuse(l.Key(), "malformed stub")
			continue
		}
		out[place{s.Key, s.To + 1}] = &s
	}
	return out
}

// listAwaitedLocked returns the records that waited here for what stubs stand for.
func (r stubs) listAwaitedLocked(stubs places) (out []*record.Record) {
	for at := range stubs {
		if rec := r.room.WaitingAt(at.key, at.seq); rec != nil && stubs.of(rec) != nil {
			out = append(out, rec)
		}
	}
	return out
}

// saveLocked saves a stub that a peer sent.
func (r stubs) saveLocked(s *store.Stub) {
	if err := r.store.Skip(*s); err != nil {
		r.mu.unsaved = true // reconcileLocked has it sent again
		r.cfg.Log.Warn("not saved", "error", err)
		return
	}
	r.size.addBytesLocked(s.Key.Author, store.RecordOverhead)
	r.spans.addLocked(s.Key, s.From, s.To)
}

// encodeStub returns a stub as an answer carries it.
func encodeStub(s *store.Stub) wire.Stub {
	out := wire.Stub{Author: s.Key.Author, Feed: s.Key.Feed.String(), From: s.From, Seq: s.To, ID: s.ID.String()}
	if s.From == s.To {
		out.From = 0
	}
	return out
}

// fill puts a record where the store has a stub, if it fits. It waits for the disk.
func (r stubs) fill(l Link, rec *record.Record) {
	// Two links may bring the record at the same time, and it is shown once.
	r.filling.Lock()
	defer r.filling.Unlock()
	key, seq := rec.FeedKey(), rec.Seq()
	around := r.saver.readStore(room.Gap{Key: key, From: max(seq, 1) - 1, To: seq}, 2*record.MaxBody)
	if len(around) == 0 {
		return
	}
	here := around[len(around)-1].Stub
	if here == nil || here.From > seq || here.To < seq {
		return // it came by another link
	}
	if here.To == seq && here.ID != rec.ID() {
		r.stubs.convict(l, rec, seq+1)
		return
	}
	if around[0].Stub == nil {
		if before, err := around[0].Verify(); err == nil && before.Record.ID() != rec.Prev() {
			r.forks.requestOlder(l, room.Divergence{Key: key, Seq: seq})
			return
		}
	}
	r.memory.lockWith(l.Key(), key)
	defer r.mu.Unlock()
	if r.room.IsCold(room.BlockKeyOf(key)) || !r.size.admitFillLocked(l.Key(), rec) {
		return // it can be had again
	}
	kept := r.room.Fill(rec)
	r.spans.removeLocked(key, seq)
	if !kept {
		return
	}
	name, _ := r.nameOfLocked(rec.Author())
	e := store.Entry{Record: rec, Name: name, Arrived: time.Now()}
	if err := r.store.Fill(e); err != nil {
		r.cfg.Log.Warn("not saved", "error", err)
		return
	}
	r.size.addFilledLocked(rec)
	if named := r.saver.publishLocked(l, e, true); named != nil {
		r.takeNameLocked(named)
	}
}

// convict looks for the record that we hold at seq, and takes the fork that it proves with rec.
func (r stubs) convict(l Link, rec *record.Record, seq uint64) {
	raws := r.saver.readStore(room.Gap{Key: rec.FeedKey(), From: seq, To: seq}, 1)
	if len(raws) == 0 || raws[0].Stub != nil {
		return
	}
	if here, err := raws[0].Verify(); err == nil {
		r.stubs.takeFork(l, rec, here.Record)
	}
}

// compareBelow follows a record that came with a stub for those before it, where this room has others. The author has
// forked the feed. The record proves it with ours before it, or with ours in its place.
func (r stubs) compareBelow(l Link, rec *record.Record) {
	raws := r.saver.readStore(room.Gap{Key: rec.FeedKey(), From: rec.Seq() - 1, To: rec.Seq() - 1}, 1)
	switch {
	case len(raws) == 0:
	case raws[0].Stub == nil:
		r.stubs.convict(l, rec, rec.Seq()-1)
	case raws[0].Stub.To+1 == rec.Seq() && raws[0].Stub.ID != rec.Prev():
		r.stubs.convict(l, rec, rec.Seq())
	}
}

// takeFork ends a feed where two records prove a fork, if they do. It waits for the disk.
func (r stubs) takeFork(l Link, a, b *record.Record) {
	fork, ok := room.ProveFork(a, b)
	if !ok {
		r.cfg.Host.Refuse(l.Key(), "malformed proof of a fork")
		return
	}
	var head record.ID // unknown: reconcileLocked takes it from the store
	if fork.Seq > 0 {
		raws := r.saver.readStore(room.Gap{Key: fork.Key, From: fork.Seq - 1, To: fork.Seq - 1}, 1)
		switch {
		case len(raws) == 0:
		case raws[0].Stub == nil:
			if e, err := raws[0].Verify(); err == nil {
				head = e.Record.ID()
			}
		case raws[0].Stub.To+1 == fork.Seq:
			head = raws[0].Stub.ID
		}
	}
	r.memory.lockWith(l.Key(), fork.Key)
	defer r.mu.Unlock()
	r.forks.handleConflictLocked(l, r.room.TakeFork(fork, head))
}

// takeProof takes a half of the proof of a fork, which comes in two frames: both records may be long.
func (r stubs) takeProof(l Link, recs []*record.Record) {
	r.mu.Lock()
	p := r.peerOfLocked(l)
	if p == nil || len(recs) != 1 {
		r.mu.Unlock()
		return
	}
	first := p.proof
	if p.proof = recs[0]; first != nil {
		p.proof = nil
	}
	r.mu.Unlock()
	if first != nil {
		r.stubs.takeFork(l, first, recs[0])
	}
}

// Bounds of what is reported as unknown: authors, and kinds of each.
const (
	maxUnknown = 1024
	maxKinds   = 16
)

// reportUnknownLocked reports, once for each author and kind, that there is something that can't be shown. The kind is
// empty if only a stub came.
func (r stubs) reportUnknownLocked(author identity.Key, name string, kind record.Kind) {
	first := len(r.mu.unknown[author]) == 0
	if slices.Contains(r.mu.unknown[author], kind) || len(r.mu.unknown[author]) >= maxKinds || author == r.cfg.Identity.Key() ||
		first && len(r.mu.unknown) >= maxUnknown {
		return
	}
	r.mu.unknown[author] = append(r.mu.unknown[author], kind)
	r.cfg.Events.Post(event.Unknown{Scope: r.scope, From: author, FromID: author.ID().String(), FromName: name,
		Kind: string(kind), First: first})
}
