package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/vote"
)

// Votes are kept as small values of the store, each under its id, and so is the dispute set. What one
// signs oneself is on disk before anybody hears of it: a ballot is final, and who restarts must not sign
// another (VOTING.md rule 3).

// soonSaved is how long Vote and its like wait for the disk before they leave the rest to the
// background.
const soonSaved = 300 * time.Millisecond

var errEnding = errors.New("the program is ending")

// loadVotes fills the box.
func (n *Node) loadVotes(ctx context.Context) error {
	blobs, err := n.store.ListValues(ctx, n.under("votes"))
	if err != nil {
		return err
	}
	var recs []*record.Record
	for _, b := range blobs {
		var k kept
		if json.Unmarshal(b.Value, &k) != nil {
			continue
		}
		r, err := k.record()
		if err != nil {
			n.cfg.Log.Warn("a vote record on disk is not what was signed", "error", err)
			continue
		}
		recs = append(recs, r)
	}
	if blobs, err = n.store.ListValues(ctx, n.under("disputes")); err != nil {
		return err
	}
	var disputes []vote.ID
	for _, b := range blobs {
		if len(b.Key) == len(vote.ID{}) {
			disputes = append(disputes, vote.ID(b.Key))
		}
	}
	if refused := n.box.Restore(recs, disputes); refused > 0 {
		n.cfg.Log.Warn("vote records on disk were refused", "count", refused)
	}
	return nil
}

// keepVotes follows what the box keeps and drops. Called with mu held.
func (n *Node) keepVotes(out votes.Outcome) {
	for _, r := range out.Accepted {
		n.kept(n.putVote(r))
	}
	for _, id := range out.Dropped {
		n.kept(n.store.Delete(n.under("votes"), id[:]))
	}
	if len(out.LeftOut) > 0 {
		n.keepDispute(out.Proposal, true)
	}
}

func (n *Node) putVote(r *record.Record) error {
	value, err := json.Marshal(keep(r))
	if err != nil {
		return err
	}
	id := r.ID()
	return n.store.Put(n.under("votes"), id[:], value)
}

func (n *Node) keepDispute(id vote.ID, on bool) {
	if on {
		n.kept(n.store.Put(n.under("disputes"), id[:], nil))
	} else {
		n.kept(n.store.Delete(n.under("disputes"), id[:]))
	}
}

func (n *Node) kept(err error) {
	if err != nil {
		n.cfg.Log.Warn("not saved", "error", err)
	}
}

// sign has vote records of one's own signed, puts them on disk, and only then takes them and sends them.
// It waits for that for a moment; what fails later is told by a notice. id is zero until it is known.
func (n *Node) sign(own func() ([]*record.Record, error)) (id vote.ID, err error) {
	type result struct {
		id  vote.ID
		err error
	}
	done, left := make(chan result), make(chan struct{})
	if !n.group.Go("node/sign", func(ctx context.Context) {
		n.signing.Lock() // one at a time, so that nothing is signed twice
		defer n.signing.Unlock()
		id, err := n.signed(ctx, own)
		select {
		case done <- result{id, err}:
		case <-left:
			if err != nil {
				n.notice(event.Error, err.Error(), "make room on the disk and do it again")
			}
		}
	}) {
		return id, errEnding
	}
	select {
	case r := <-done:
		return r.id, r.err
	case <-time.After(soonSaved):
		close(left)
		return id, nil
	}
}

func (n *Node) signed(ctx context.Context, own func() ([]*record.Record, error)) (id vote.ID, err error) {
	recs, err := own()
	if err != nil {
		return id, err
	}
	for _, r := range recs {
		if err = n.putVote(r); err != nil {
			break
		}
	}
	if err == nil {
		err = n.store.Sync(ctx)
	}
	if err != nil {
		for _, r := range recs {
			id := r.ID()
			n.kept(n.store.Delete(n.under("votes"), id[:]))
		}
		return id, fmt.Errorf("it could not be saved, so it was not sent: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	out, err := n.box.ApplyOwn(recs)
	if err != nil {
		return id, err
	}
	n.voted(out, nil, false)
	return out.Proposal, nil
}
