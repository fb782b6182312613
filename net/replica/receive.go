package replica

import (
	"errors"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
)

// Record takes a live record of this room. It waits while the reader of events is slow.
func (r *Replica) Record(l Link, rec *record.Record) {
	size := waitSpace(r.cfg, l, rec)
	inStore := r.takeLive(l, rec)
	r.cfg.Events.Posted(size) // the disk must not keep others waiting
	if inStore {
		r.forks.compareWithStore(l, []*record.Record{rec}, nil)
	}
}

// waitSpace waits until the reader of events has space for records that a link brought, and returns how many
// bytes they take. Links wait in turn.
func waitSpace(cfg Config, l Link, recs ...*record.Record) (size int) {
	for _, rec := range recs {
		size += 2 * len(rec.Signed()) // an event has the text and the body
	}
	cfg.Events.WaitSpace(size, func() (fair.Flow, int) { return cfg.Host.FlowOf(l.Key(), l.Key()) })
	return size
}

// takeLive takes a live record. It reports whether the record in its place is in the store.
func (r *Replica) takeLive(l Link, rec *record.Record) (inStore bool) {
	if votes.IsVoteRecord(rec) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.votes.TakeLocked(l.Key(), []*record.Record{rec}, false)
		return false
	}
	r.memory.lockWith(l.Key(), rec.FeedKey())
	defer r.mu.Unlock()
	p := r.peerOfLocked(l)
	out, ok := r.acceptLocked(l, rec, nil, p != nil)
	if !ok {
		return false
	}
	switch {
	case out.Gap == nil:
		r.queueAckLocked(p, rec) // also when it was known: the peer may have missed our first Have
	case p != nil:
		r.planner.NoteSeq(p.key, out.Gap.Key, rec.Seq())
		r.askSoonLocked(p)
	}
	for _, e := range out.Added { // not for one that was sent again: its author isn't who floods then
		r.mu.floods.count(e.Record.Author(), len(e.Record.Signed()))
		r.forwardLocked(e.Record, l.Key())
		r.mu.late.note(e.Record)
	}
	if name := r.saver.publishAcceptedLocked(l, out, false); name != nil {
		r.takeNameLocked(name)
	}
	r.memory.coolLocked()
	return out.InStore
}

// acceptLocked gives a record to the room, with the stub for those before it, if there is one. If it may begin a
// feed, and no peer that was asked has what is before, the feed begins with it.
func (r *Replica) acceptLocked(l Link, rec *record.Record, stub *store.Stub, mayBegin bool) (out room.Outcome, ok bool) {
	r.mu.received++
	if !r.size.admitLocked(l.Key(), rec) {
		return out, false
	}
	isNew := !r.room.HasFeed(rec.FeedKey())
	defer func() { r.size.addLocked(out.Added, isNew) }()
	first := rec.Seq()
	own, _, _ := r.room.OwnFeed()
	var err error
	if stub != nil {
		first = stub.From
		out, err = r.room.AcceptBehind(*stub, rec)
	} else {
		out, err = r.room.Accept(rec)
	}
	if now, _, _ := r.room.OwnFeed(); now != own {
		r.own.forgetAcksLocked()
	}
	switch {
	case errors.Is(err, room.ErrCold) && r.room.CanWarm(room.BlockKeyOf(rec.FeedKey())):
		r.cfg.Log.Debug("not taken", "error", err) // it can be had again
		return out, false
	case errors.Is(err, room.ErrCold), errors.Is(err, room.ErrFull):
		r.mu.size.notKept.add(l.Key(), rec.Author(), 1)
		return out, false
	case err != nil:
		r.cfg.Host.Refuse(l.Key(), err.Error())
		return out, false
	}
	if g := out.Gap; g != nil && mayBegin && r.planner.IsEarliestStart(l.Key(), g.Key, first) {
		if begun := r.room.StartFeedAt(l.Key(), g.Key, rec.Seq()); len(begun.Added) > 0 {
			r.store.StartFeedAt(g.Key, rec.Seq())
			return begun, true
		}
	}
	return out, true
}

// Records takes a part of an answer. As it can be had again it waits for the disk, unless nothing can be saved.
func (r *Replica) Records(l Link, m wire.Records, recs []*record.Record) {
	if r.store.WaitForSpace(r.cfg.Group.Context()) != nil {
		return
	}
	size := waitSpace(r.cfg, l, recs...)
	ofVotes := votes.IsAnswer(m.N)
	recs = slices.DeleteFunc(slices.Clone(recs), func(rec *record.Record) bool {
		return votes.IsVoteRecord(rec) != ofVotes
	})
	var stubs places
	var inStore, broken []*record.Record
	switch {
	case m.Fork:
		r.stubs.takeProof(l, recs)
	case ofVotes:
		r.takeVotes(l, m, recs)
	default:
		stubs = r.stubs.parse(l, m.Stubs)
		inStore, broken = r.takeAnswer(l, m, recs, stubs)
	}
	r.cfg.Events.Posted(size) // the disk must not keep others waiting
	r.forks.compareWithStore(l, inStore, stubs)
	for _, rec := range broken {
		r.stubs.compareBelow(l, rec)
	}
	r.spans.takeAnswer(l, m, recs)
}

// takeVotes takes a part of an answer about votes.
func (r *Replica) takeVotes(l Link, m wire.Records, recs []*record.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.peerOfLocked(l); p != nil {
		before := r.votes.HashLocked()
		r.votes.TakeAnswerLocked(p.votes, recs, m.End)
		p.comparison.brought = p.comparison.brought || r.votes.HashLocked() != before
		if m.End {
			r.onCaughtUpLocked(p)
		}
	}
}

// takeAnswer takes a part of an answer, and returns the records whose place is in the store, and those that follow
// a stub in another chain than ours.
func (r *Replica) takeAnswer(l Link, m wire.Records, recs []*record.Record, stubs places) (inStore, broken []*record.Record) {
	feeds := make([]record.FeedKey, 0, len(recs))
	for _, rec := range recs {
		feeds = append(feeds, rec.FeedKey())
	}
	r.memory.lockWith(l.Key(), feeds...)
	defer r.mu.Unlock()
	asked := map[record.FeedKey]bool{}         // one question about each divergence is enough
	names := map[identity.Key]*record.Record{} // the last of each author: those before are past already
	p := r.peerOfLocked(l)
	for _, rec := range append(r.stubs.listAwaitedLocked(stubs), recs...) {
		stub := stubs.of(rec)
		out, ok := r.acceptLocked(l, rec, stub, true)
		if !ok {
			continue
		}
		if out.InStore {
			inStore = append(inStore, rec)
		}
		if d := out.Diverged; d != nil {
			if asked[d.Key] || stub != nil {
				out.Diverged = nil
			}
			if stub != nil {
				broken = append(broken, rec)
				continue
			}
			asked[d.Key] = true
		}
		r.queueAckLocked(nil, rec)
		if len(out.Added) > 0 {
			r.mu.newAuthors[rec.Author()] = true
			if p != nil {
				p.comparison.brought = true
			}
		}
		if name := r.saver.publishAcceptedLocked(l, out, true); name != nil {
			names[name.Author()] = name
		}
	}
	for _, name := range names {
		r.takeNameLocked(name)
	}
	r.memory.coolLocked()
	if p != nil {
		switch filled := r.planner.NoteAnswer(p.key, m.N, feeds, m.End); {
		case filled:
			r.askLocked(p)
			r.onCaughtUpLocked(p)
		case m.End:
			r.askSoonLocked(p)
		}
	}
	return inStore, broken
}

// publishAcceptedLocked saves and posts what a record brought, and returns the last of it that names its author.
func (r saver) publishAcceptedLocked(l Link, out room.Outcome, history bool) (name *record.Record) {
	r.forks.handleConflictLocked(l, out)
	if out.Skipped != nil {
		r.heads.noteFeedLocked(out.Skipped.Key)
		r.stubs.saveLocked(out.Skipped)
		name, _ := r.nameOfLocked(out.Skipped.Key.Author)
		r.stubs.reportUnknownLocked(out.Skipped.Key.Author, name, "")
	}
	for _, e := range out.Added {
		r.heads.noteFeedLocked(e.Record.FeedKey())
		r.saver.saveLocked(e, !history)
		if named := r.saver.publishLocked(l, e, history); named != nil {
			name = named
		}
	}
	return name
}

// publishLocked posts a record that took its place, and returns it if it names its author.
func (r saver) publishLocked(l Link, e store.Entry, history bool) (name *record.Record) {
	switch rec := e.Record; {
	case rec.Kind().IsName():
		return rec
	case rec.Kind().IsShown():
		line := r.lineLocked(e)
		line.History = history
		if l.Key() != rec.Author() {
			line.Via = l.Key().ID().String()
		}
		r.cfg.Host.RelayMessage(line) // first: its author may appear by it
		r.cfg.Events.Post(event.Said{Scope: r.scope, Line: line})
	case rec.Kind().CountsAsUnknown():
		r.stubs.reportUnknownLocked(rec.Author(), e.Name, rec.Kind())
	}
	return nil
}

// lineLocked returns a record of text as an event carries it.
func (r *Replica) lineLocked(e store.Entry) event.Line {
	rec := e.Record
	name := e.Name
	if name == "" { // no peer holds the beginning of the feed, which says it, any more
		name, _ = r.nameOfLocked(rec.Author())
	}
	return event.Line{
		ID: rec.ID().String(), From: rec.Author(), FromID: r.mu.lastID.of(rec.Author()), FromName: name,
		Text: rec.Text(), Me: rec.Kind() == record.KindMe, Own: rec.Author() == r.cfg.Identity.Key(),
		Time: time.UnixMilli(rec.Time().Ms), Arrived: time.Now(),
		Signature: event.Verified, Kind: event.KindNative,
		Place: event.Place{Ms: rec.Time().Ms, N: rec.Time().N, Author: rec.Author(), Feed: uint64(rec.Feed()), Seq: rec.Seq()},
		Body:  rec.Signed(), Sig: rec.Signature(),
	}
}

// Message takes a message of this room that is neither a record nor a ping.
func (r *Replica) Message(l Link, m wire.Message) {
	switch m := m.(type) {
	case wire.Want:
		r.answer(l, m)
	case wire.Frontier:
		r.frontiers.takeFrontier(l, m)
	case wire.Heads:
		r.heads.take(l, m)
	case wire.Outline:
		r.outlines.answerOutline(l, m)
	case wire.Sums:
		r.outlines.takeSums(l, m)
	case wire.Have:
		r.mu.Lock()
		defer r.mu.Unlock()
		if p := r.peerOfLocked(l); p != nil {
			r.acks.takeAckLocked(p, m)
		}
	case wire.Refused:
		r.mu.Lock()
		defer r.mu.Unlock()
		if p := r.peerOfLocked(l); p != nil {
			r.refusals.takeRefusedLocked(p, m)
		}
	case wire.Typing:
		if p, known := r.cfg.Host.Peer(l.Key()); known {
			r.cfg.Events.Post(event.Typing{Scope: r.scope, Peer: p, On: m.On})
		}
	}
}
