package votes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/vote"
)

// Vote records are kept as small values of the store, each under its id, and so is the dispute set.

// saveWait is how long Propose, Vote and Cancel wait for the disk before they leave the rest to the background.
const saveWait = 300 * time.Millisecond

var errEnding = errors.New("the program is ending")

// bucket returns the name of a kind of small values of this room in the store.
func (v *Votes) bucket(kind string) string { return kind + "/" + v.cfg.Room.String() }

// Load reads what is on disk. Call it once, before anything else.
func (v *Votes) Load(ctx context.Context) error {
	values, err := v.cfg.Store.ListValues(ctx, v.bucket("votes"))
	if err != nil {
		return err
	}
	var recs []*record.Record
	for _, value := range values {
		r, err := store.DecodeRecord(value.Value)
		if err != nil {
			v.cfg.Log.Warn("a vote record on disk is not what was signed", "error", err)
			continue
		}
		recs = append(recs, r)
	}
	if values, err = v.cfg.Store.ListValues(ctx, v.bucket("disputes")); err != nil {
		return err
	}
	var disputes []vote.ID
	for _, value := range values {
		if len(value.Key) == len(vote.ID{}) {
			disputes = append(disputes, vote.ID(value.Key))
		}
	}
	if refused := v.records.Restore(recs, disputes); refused > 0 {
		v.cfg.Log.Warn("vote records on disk were refused", "count", refused)
	}
	return nil
}

// saveAccepted saves the records that were accepted and deletes those that were dropped.
func (v *Votes) saveAccepted(out Change) {
	for _, r := range out.Accepted {
		v.logError(v.put(r))
	}
	for _, id := range out.Dropped {
		v.logError(v.cfg.Store.Delete(v.bucket("votes"), id[:]))
	}
	if len(out.LeftOut) > 0 {
		v.saveDispute(out.Proposal, true)
	}
}

func (v *Votes) put(r *record.Record) error {
	value, err := store.EncodeRecord(r)
	if err != nil {
		return err
	}
	id := r.ID()
	return v.cfg.Store.Put(v.bucket("votes"), id[:], value)
}

func (v *Votes) saveDispute(id vote.ID, on bool) {
	if on {
		v.logError(v.cfg.Store.Put(v.bucket("disputes"), id[:], nil))
	} else {
		v.logError(v.cfg.Store.Delete(v.bucket("disputes"), id[:]))
	}
}

func (v *Votes) logError(err error) {
	if err != nil {
		v.cfg.Log.Warn("not saved", "error", err)
	}
}

// signSaveSend signs local vote records, saves them, and only then applies and sends them. A ballot is
// final, so it must be on disk before anyone can see it (see package vote). The caller waits for the
// disk for a moment; a later failure is reported by a notice. id is zero until it is known.
func (v *Votes) signSaveSend(own ownVote) (vote.ID, error) {
	var id vote.ID
	done, left := make(chan error), make(chan struct{})
	if !v.cfg.Group.Go("votes/sign", func(ctx context.Context) {
		var err error
		id, err = v.signSaveApply(ctx, own)
		select {
		case done <- err:
		case <-left:
			if err != nil {
				v.cfg.Events.Post(event.Notice{Scope: v.scope, Level: event.Error, Text: err.Error(), Hint: "make room on the disk and do it again"})
			}
		}
	}) {
		return vote.ID{}, errEnding
	}
	select {
	case err := <-done:
		return id, err
	case <-time.After(saveWait):
		close(left)
		return vote.ID{}, nil
	}
}

// signSaveApply does the work of signSaveSend.
func (v *Votes) signSaveApply(ctx context.Context, own ownVote) (id vote.ID, err error) {
	v.signing.Lock()
	defer v.signing.Unlock()
	recs, err := v.sign(own)
	if err != nil {
		return id, err
	}
	for _, r := range recs {
		if err = v.put(r); err != nil {
			break
		}
	}
	if err == nil {
		err = v.cfg.Store.Sync(ctx)
	}
	if err != nil {
		for _, r := range recs {
			id := r.ID()
			v.logError(v.cfg.Store.Delete(v.bucket("votes"), id[:]))
		}
		return id, fmt.Errorf("it could not be saved, so it was not sent: %w", err)
	}
	v.cfg.Lock.Lock()
	defer v.cfg.Lock.Unlock()
	out, err := v.records.ApplyOwn(recs)
	if err != nil {
		return id, err
	}
	v.applyLocked(out, identity.Key{}, false)
	return out.Proposal, nil
}
