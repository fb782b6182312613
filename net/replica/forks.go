package replica

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

// A feed with two records for one place was forked on purpose. Both records are kept and handed on as evidence, to
// every linked peer and to any that turns out to have more of that feed. So the feed ends below the fork for all.

// olderAtOnce is how many records are asked for at once on the way down to where two chains part.
const olderAtOnce = 200

// nearestFirst is how many of them come first: of long records an answer has space for few more.
const nearestFirst = 8

// forks handles equivocation in one room: the methods that end in Locked need the replica's lock.
type forks struct{ *Replica }

func (r forks) loadForks(ctx context.Context) ([]*room.Fork, error) {
	values, err := r.store.ListValues(ctx, r.bucket("forks"))
	var out []*room.Fork
	for _, v := range values {
		var pair [2]store.SignedRecord
		if json.Unmarshal(v.Value, &pair) != nil {
			continue
		}
		x, bad := pair[0].Verify()
		y, worse := pair[1].Verify()
		if errors.Join(bad, worse) != nil {
			continue
		}
		if fork, ok := room.ProveFork(x, y); ok {
			out = append(out, fork)
		}
	}
	return out, err
}

// saveAndSendForkLocked reports a fork, saves its evidence and sends it to every peer.
func (r forks) saveAndSendForkLocked(f *room.Fork) {
	name, _ := r.nameOfLocked(f.Key.Author)
	r.notice(event.Warning, fmt.Sprintf("%s signed two different lines for one place: nothing more of that run is shown", name), "")
	if stored, _, known := r.store.State(f.Key); known && stored.Next > f.Seq {
		var before record.ID
		if f.HasCommonPrev() {
			before = f.A.Prev()
		}
		r.store.EndFeedAt(stored.Key, f.Seq, before)
	}
	value, err := json.Marshal([2]store.SignedRecord{store.SignedRecordOf(f.A), store.SignedRecordOf(f.B)})
	if err == nil {
		err = r.store.Put(r.bucket("forks"), forkKey(f.Key), value)
	}
	if err != nil {
		r.cfg.Log.Warn("not saved", "error", err)
	}
	r.size.addForkLocked(f)
	for _, p := range r.mu.linked {
		r.forks.sendForkProof(p.link, *f)
	}
}

// sendForkProof sends a peer both records of a fork.
func (r forks) sendForkProof(l Link, f room.Fork) {
	for _, rec := range []*record.Record{f.A, f.B} {
		x := wire.Record{Body: rec.Signed(), Sig: rec.Signature()}
		switch {
		case f.HasCommonPrev():
			r.send(l, x)
		case l.Can(wire.CapStubs): // it couldn't tell from the records alone where the feed ends
			r.send(l, wire.Records{Room: r.id, Records: []wire.Record{x}, Fork: true})
		}
	}
}

// requestOlder asks a peer for records below one of another chain than ours, down to where the two part.
func (r forks) requestOlder(l Link, d room.Divergence) {
	if d.Seq == 0 {
		return
	}
	nearest, from := d.Seq-min(d.Seq, nearestFirst), d.Seq-min(d.Seq, olderAtOnce)
	w := wire.Want{Room: r.id, Frames: answerFrames}
	w.Ranges = append(w.Ranges, wire.Range{Author: d.Key.Author, Feed: d.Key.Feed.String(), From: nearest, To: d.Seq - 1})
	if from < nearest {
		w.Ranges = append(w.Ranges, wire.Range{Author: d.Key.Author, Feed: d.Key.Feed.String(), From: from, To: nearest - 1})
	}
	r.send(l, w)
}

// compareWithStore compares records with those that the store has in their places. stubs are what came with them.
// It waits for the disk.
func (r forks) compareWithStore(l Link, recs []*record.Record, stubs places) {
	for _, rec := range recs {
		raws := r.saver.readStore(room.Gap{Key: rec.FeedKey(), From: rec.Seq(), To: rec.Seq()}, 1)
		if len(raws) == 0 {
			continue
		}
		if raws[0].Stub != nil {
			r.stubs.fill(l, rec)
			continue
		}
		here, err := raws[0].Verify()
		if err != nil {
			continue // the store drops it, and it is asked for again
		}
		r.memory.lockWith(l.Key(), rec.FeedKey())
		out := r.room.CompareStored(rec, here.Record)
		broken := out.Diverged != nil && stubs.of(rec) != nil
		if !broken {
			r.forks.handleConflictLocked(l, out)
		}
		r.mu.Unlock()
		if broken {
			r.stubs.compareBelow(l, rec)
		}
		if out.Diverged != nil {
			return // the records behind it are of the same chain
		}
	}
}

// handleConflictLocked follows a fork, or a record of another chain.
func (r forks) handleConflictLocked(l Link, out room.Outcome) {
	if out.Fork != nil {
		if out.Fork.Key.Author == r.cfg.Identity.Key() {
			r.own.forgetAcksLocked()
		}
		r.forks.saveAndSendForkLocked(out.Fork)
	}
	if out.Diverged != nil {
		r.forks.requestOlder(l, *out.Diverged)
	}
}
