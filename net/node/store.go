package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
)

// How often the store is looked after: what it has lost, and what is older than Config.Keep.
const (
	lookAfter = 30 * time.Second
	expireAt  = 24 * time.Hour
)

// under is the name of a kind of small values of this room in the store.
func (n *Node) under(kind string) string { return kind + "/" + n.room.ID().String() }

// load begins with what the store has: the ends of all feeds, not the records. Called before anything
// else runs.
func (n *Node) load(ctx context.Context) error {
	forks, err := n.loadForks(ctx)
	if err != nil {
		return err
	}
	feeds := n.store.Frontier()
	for _, f := range feeds {
		if f.Name != "" && f.Time.Compare(n.names[f.Key.Author].at) >= 0 {
			n.names[f.Key.Author] = lastName{f.Name, f.Time}
		}
	}
	n.room.Restore(feeds, forks)
	if err := n.loadMet(ctx); err != nil {
		return err
	}
	return n.loadVotes(ctx)
}

// remembered tells of the proposals and of the disk's troubles, as they were found at the start.
func (n *Node) remembered() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range n.box.Proposals() {
		n.state(id, true)
	}
	n.saving()
}

// save queues what took its place in the room for the disk. Nobody waits for that. Called with mu held.
func (n *Node) save(e store.Entry, live bool) {
	e.Arrived, e.Live = time.Now(), live
	err := n.store.Append(e)
	if err != nil && !errors.Is(err, store.ErrClosed) {
		n.unsaved = true // reconcile does it later
		n.cfg.Log.Warn("not saved", "error", err)
	}
}

// lookAfterStore is the store's part of the clock. Called with mu held.
func (n *Node) lookAfterStore() {
	n.saving()
	if now := time.Now(); n.unsaved || now.Sub(n.lookedAfter) >= lookAfter {
		n.lookedAfter = now
		n.reconcile()
	}
}

// reconcile brings the room and its store in line. What the store lost, or had no room for, goes into it
// again from memory, or else comes again from others; what it has let go of nobody is told to have.
// Called with mu held.
func (n *Node) reconcile() {
	if n.store.Status().NotSaved != nil {
		return // it would lose it again
	}
	n.unsaved = false
	stored := map[record.FeedKey]store.Feed{}
	floors := map[record.FeedKey]uint64{}
	for _, f := range n.store.Frontier() {
		stored[f.Key], floors[f.Key] = f, f.Floor
	}
	n.room.DropBelow(floors)
	own, _, _ := n.room.OwnFeed()
	for _, h := range n.room.Frontier() {
		f, any := stored[h.Key]
		if !any {
			f.Next = h.Floor
		}
		if f.Next > h.Seq {
			continue
		}
		for _, e := range n.room.ResaveOrTruncate(h.Key, f.Next, f.Head) {
			n.save(e, false)
		}
	}
	if now, _, any := n.room.OwnFeed(); own.Feed != 0 && (!any || now != own) {
		for _, p := range n.peers { // they count places of a feed that is left
			p.has, p.due = 0, 0
		}
	}
	for _, p := range n.here {
		n.ask(p)
	}
}

// saving tells when there is something else to say of the disk. Called with mu held.
func (n *Node) saving() {
	now := savingOf(n.store.Status())
	if now.Unreadable != n.saved.Unreadable {
		n.unsaved = true // the frontier may end earlier now
	}
	told := now
	told.Waiting = n.saved.Waiting // a number that changes all the time: only with something else
	if told != n.saved {
		n.saved = now
		n.events.Post(now)
	}
}

func savingOf(s store.Status) event.Saving {
	out := event.Saving{Waiting: s.Waiting, Dropped: s.Dropped, Unreadable: s.Unreadable, Aside: s.Aside, Recovered: s.Recovered}
	if s.NotSaved != nil {
		out.NotSaved = s.NotSaved.Error()
	}
	return out
}

// expire deletes what is older than Config.Keep, at the start and every day.
func (n *Node) expire(ctx context.Context) {
	<-n.ready
	for ctx.Err() == nil {
		deleted, err := n.store.Expire(ctx, time.Now().Add(-n.cfg.Keep))
		if err != nil && ctx.Err() == nil {
			n.notice(event.Warning, fmt.Sprintf("what is older than %v could not be deleted: %v", n.cfg.Keep, err), "it is tried again tomorrow, and at the next start")
		}
		n.cfg.Log.Info("expired", "records", deleted, "keep", n.cfg.Keep)
		n.mu.Lock()
		n.reconcile()
		n.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(expireAt):
		}
	}
}

// frontierFor is what a peer hears that we have: to one that was a stranger only so much (strangers.go).
// Called with mu held.
func (n *Node) frontierFor(p *peer) []room.Holding {
	held := n.room.Frontier()
	for i := range held {
		held[i].Floor = min(max(held[i].Floor, p.limit[held[i].Key]), held[i].Seq+1)
	}
	return held
}

// fromStore is part of a feed that isn't in memory any more. Called without mu: it waits for the disk.
func (n *Node) fromStore(g room.Gap, maxBytes int) []store.RawEntry {
	raws, err := n.store.ReadRange(n.group.Context(), g.Key, g.From, g.To, maxBytes)
	if err != nil && n.group.Context().Err() == nil {
		n.cfg.Log.Warn("read the store", "error", err)
	}
	// Without a gap, whatever is on disk: a receiver could use nothing behind one.
	for i := range raws {
		if raws[i].Key.Seq != raws[0].Key.Seq+uint64(i) {
			return slices.Clip(raws[:i])
		}
	}
	return raws
}
