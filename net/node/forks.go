package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// A feed with two records for one place was forked on purpose. Both are kept and handed on as evidence,
// to everybody who is here and to whoever turns out to have more of that feed, so that it ends below the
// fork for all (DESIGN.md §3).

// perDoubt is how many records are asked for at once on the way down to where two chains part.
const perDoubt = 200

// kept is a record as it lies among the store's small values, and in a fork's evidence.
type kept struct {
	Body string `json:"body"`
	Sig  []byte `json:"sig"`
}

func keep(r *record.Record) kept { return kept{r.Signed(), r.Signature()} }

func (k kept) record() (*record.Record, error) {
	claim, err := record.Parse(k.Body, k.Sig)
	if err != nil {
		return nil, err
	}
	return claim.Verify()
}

func (n *Node) loadForks(ctx context.Context) ([]*room.Fork, error) {
	blobs, err := n.store.ListValues(ctx, n.under("forks"))
	var out []*room.Fork
	for _, b := range blobs {
		var pair [2]kept
		if json.Unmarshal(b.Value, &pair) != nil {
			continue
		}
		x, bad := pair[0].record()
		y, worse := pair[1].record()
		if errors.Join(bad, worse) != nil || x.Author() != y.Author() || x.Feed() != y.Feed() || x.Seq() != y.Seq() || x.ID() == y.ID() {
			continue
		}
		out = append(out, &room.Fork{Key: x.FeedKey(), Seq: x.Seq(), A: x, B: y})
	}
	return out, err
}

// forked tells of a fork, and keeps it. Called with mu held.
func (n *Node) forked(f *room.Fork) {
	n.notice(event.Warning, fmt.Sprintf("%s signed two different lines for one place: nothing more of that run is shown", n.called(f.Key.Author)), "")
	for _, stored := range n.store.Frontier() {
		if stored.Key == f.Key && stored.Next > f.Seq {
			n.store.EndFeedAt(stored.Key, f.Seq)
		}
	}
	value, err := json.Marshal([2]kept{keep(f.A), keep(f.B)})
	if err == nil {
		err = n.store.Put(n.under("forks"), append(f.Key.Author.Bytes(), f.Key.Feed.String()...), value)
	}
	if err != nil {
		n.cfg.Log.Warn("not saved", "error", err)
	}
	for _, p := range n.here {
		n.prove(p, *f)
	}
}

// prove sends a peer both records of a fork.
func (n *Node) prove(p *peer, f room.Fork) {
	for _, r := range []*record.Record{f.A, f.B} {
		n.send(p.link, wire.Record{Body: r.Signed(), Sig: r.Signature()})
	}
}

// doubt asks a peer for what it has of a feed below a record that is of another chain than ours. Its
// answer leads to where the two part, or to another doubt further down.
func (n *Node) doubt(l *link.Link, d room.Divergence) {
	if d.Seq == 0 {
		return
	}
	from := uint64(0)
	if d.Seq > perDoubt {
		from = d.Seq - perDoubt
	}
	n.send(l, wire.Want{Room: n.room.ID().String(), Frames: wantFrames,
		Ranges: []wire.Range{{Author: d.Key.Author, Feed: d.Key.Feed.String(), From: from, To: d.Seq - 1}}})
}

// below compares records with those that the store has in their places. Called without mu: it waits for
// the disk.
func (n *Node) below(l *link.Link, recs []*record.Record) {
	for _, r := range recs {
		key := r.FeedKey()
		raws := n.fromStore(room.Gap{Key: key, From: r.Seq(), To: r.Seq()}, 1)
		if len(raws) == 0 {
			continue
		}
		here, err := raws[0].Verify()
		if err != nil {
			continue // the store drops it, and it is asked for again
		}
		out := n.room.CompareStored(r, here.Record)
		n.mu.Lock()
		n.disagree(l, out)
		n.mu.Unlock()
		if out.Diverged != nil {
			return // those behind it are of the same chain
		}
	}
}

// disagree follows a fork, or a doubt. Called with mu held.
func (n *Node) disagree(l *link.Link, out room.Outcome) {
	if out.Fork != nil {
		n.forked(out.Fork)
	}
	if out.Diverged != nil {
		n.doubt(l, *out.Diverged)
	}
}
