package replica

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
)

// How often the store is compared with the room, and what is older than Config.Keep deleted.
const (
	reconcileEvery = 30 * time.Second
	expireEvery    = 24 * time.Hour
)

// bucket returns the name of a kind of small values of this room in the store.
func (r *Replica) bucket(kind string) string { return kind + "/" + r.id }

// load reads the ends of all feeds, evidence, first meetings and votes.
func (r *Replica) load(ctx context.Context) error {
	forks, err := r.forks.loadForks(ctx)
	if err != nil {
		return err
	}
	if err := r.memory.restore(ctx, forks); err != nil {
		return err
	}
	if r.cfg.Continue.Feed != 0 {
		key := record.FeedKey{Author: r.cfg.Identity.Key(), Feed: r.cfg.Continue.Feed}
		r.memory.warm(identity.Key{}, room.BlockKeyOf(key))
		went := r.room.ContinueFeed(r.cfg.Continue)
		r.cfg.Log.Info("go on with the last feed", "feed", r.cfg.Continue.Feed, "as known", went)
	}
	if err := r.spans.load(ctx); err != nil {
		return err
	}
	if err := r.sharing.loadFirstSeen(ctx); err != nil {
		return err
	}
	return r.votes.Load(ctx)
}

// saver persists one room. What it guards stands under the replica's lock.
type saver struct{ *Replica }

// saveLocked queues an accepted record for the disk. It doesn't wait.
func (r saver) saveLocked(e store.Entry, live bool) {
	e.Arrived, e.Live = time.Now(), live
	var err error
	if e.Skipped {
		err = r.store.Skip(store.StubOf(e))
	} else {
		err = r.store.Append(e)
	}
	if err != nil && !errors.Is(err, store.ErrClosed) {
		r.mu.unsaved = true // reconcileLocked does it later
		r.cfg.Log.Warn("not saved", "error", err)
	}
}

// tendStoreLocked reports changes in saving, and reconciles room and store from time to time.
func (r saver) tendStoreLocked() {
	r.saver.postSavingLocked()
	if now := time.Now(); r.mu.unsaved || now.Sub(r.mu.reconciled) >= reconcileEvery {
		r.mu.reconciled = now
		r.saver.reconcileLocked()
	}
}

// reconcileLocked brings the room and its store in line. What the store lost, or had no room for, goes into it
// again from memory, or else comes again from peers. What it has let go of is advertised no longer.
func (r saver) reconcileLocked() {
	if r.store.Status().NotSaved != nil {
		return // it would lose it again
	}
	r.mu.unsaved = false
	stored := map[record.FeedKey]store.Feed{}
	floors := map[record.FeedKey]uint64{}
	for _, f := range r.store.Frontier() {
		stored[f.Key], floors[f.Key] = f, f.Floor
	}
	r.room.DropBelow(floors)
	own, _, _ := r.room.OwnFeed()
	for _, h := range r.room.Frontier() {
		f, any := stored[h.Key]
		if _, cold, _ := r.store.State(h.Key); cold {
			continue // it is being read
		}
		if !any {
			f.Next = h.Floor
		}
		if f.Next > h.Seq {
			continue
		}
		r.mu.size.recount = true // the room doesn't know how large the lost records were
		for _, e := range r.room.ResaveOrTruncate(h.Key, f.Next, f.Head) {
			r.saver.saveLocked(e, false)
		}
	}
	if now, _, any := r.room.OwnFeed(); own.Feed != 0 && (!any || now != own) {
		r.own.forgetAcksLocked()
	}
	for _, p := range r.mu.linked {
		r.askLocked(p)
	}
}

// postSavingLocked posts a change in saving. How many records wait changes all the time, so that only goes along.
func (r saver) postSavingLocked() {
	now := r.saver.savingNow()
	if now.Unreadable != r.mu.saving.Unreadable {
		r.mu.unsaved = true // the store's frontier may end earlier now
	}
	compared := now
	compared.Waiting = r.mu.saving.Waiting
	if compared != r.mu.saving {
		r.mu.saving = now
		r.cfg.Events.Post(now)
	}
}

func (r saver) savingNow() event.Saving {
	s := r.store.Status()
	out := event.Saving{Scope: r.scope, Waiting: s.Waiting, Dropped: s.Dropped, Unreadable: s.Unreadable, Aside: s.Aside, Recovered: s.Recovered}
	if s.NotSaved != nil {
		out.NotSaved = s.NotSaved.Error()
	}
	return out
}

// expire deletes what is older than Config.Keep, at the start and every day.
func (r saver) expire(ctx context.Context) {
	for ctx.Err() == nil {
		deleted, err := r.store.Expire(ctx, time.Now().Add(-r.cfg.Keep))
		if err != nil && ctx.Err() == nil {
			r.notice(event.Warning, fmt.Sprintf("messages older than %v could not be deleted: %v", r.cfg.Keep, err), "it is tried again tomorrow, and at the next start")
		}
		r.cfg.Log.Info("expired", "records", deleted, "keep", r.cfg.Keep)
		r.mu.Lock()
		r.saver.reconcileLocked()
		r.mu.Unlock()
		group.Sleep(ctx, expireEvery, nil)
	}
}

// readStore reads a part of a feed from disk, and ends before a gap: a receiver could use nothing behind it.
func (r saver) readStore(g room.Gap, maxBytes int) []store.RawEntry {
	ctx := r.cfg.Group.Context()
	raws, err := r.store.ReadRange(ctx, g.Key, g.From, g.To, maxBytes)
	if err != nil && ctx.Err() == nil {
		r.cfg.Log.Warn("read the store", "error", err)
	}
	for i := range raws {
		if i > 0 && raws[i].First() != raws[i-1].Key.Seq+1 {
			return slices.Clip(raws[:i])
		}
	}
	return raws
}
