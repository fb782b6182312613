package replica

import (
	"context"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

// Of a room with many thousand feeds, only those in use are in memory; the others are cold (package room). What takes
// or compares records of cold blocks reads these first, before it holds the lock.

// Bounds of what is cold.
const (
	coolEvery = 200 * time.Millisecond
	maxFlat   = 1 << 16 // feeds in a Frontier to an older peer, the newest
)

// memory moves blocks between the room and its store. The methods that end in Locked need the replica's lock.
type memory struct{ *Replica }

// restore gives the room what the store holds.
func (r memory) restore(ctx context.Context, forks []*room.Fork) error {
	err := r.store.Blocks(ctx, func(b store.Block) error {
		r.size.addFeedsLocked(b.Key.Author, len(b.Feeds))
		for _, f := range b.Feeds {
			if f.Name != "" {
				r.noteNameLocked(f.Key.Author, lastName{f.Name, f.Time})
			}
		}
		key := room.BlockKey{Author: b.Key.Author, Block: room.Block(b.Key.Block)}
		if b.Cold && !r.room.KeepsWarm(key) {
			r.room.RestoreCold(key, b.Feeds)
			return nil
		}
		if b.Cold { // the store takes no records of a block that is cold there
			var err error
			if b.Feeds, err = r.store.ReadBlock(ctx, b.Key); err != nil {
				return err
			}
		}
		r.room.Restore(b.Feeds, nil)
		return nil
	})
	if err != nil {
		return err
	}
	r.room.Restore(nil, forks)
	for _, f := range forks {
		r.size.addForkLocked(f)
	}
	r.room.MakeSpace(r.memory.coolBlockLocked)
	return nil
}

// lockWith locks the replica with the blocks of some feeds in memory, and notes the link that brings or names them. It
// waits for the disk. Blocks that can't be read stay cold.
func (r memory) lockWith(via identity.Key, feeds ...record.FeedKey) {
	r.mu.Lock()
	for _, key := range r.room.ColdBlocks(feeds) {
		r.mu.Unlock()
		r.memory.warm(via, key)
		r.mu.Lock()
	}
	r.mu.size.via = via
}

// warm brings a block back into memory for a link; the zero key stands for none. It waits for the disk.
func (r memory) warm(via identity.Key, key room.BlockKey) {
	ctx := r.cfg.Group.Context()
	r.mu.Lock()
	r.mu.size.via = via
	begun := r.room.BeginWarm(key)
	r.mu.Unlock()
	if !begun {
		return
	}
	feeds, err := r.store.ReadBlock(ctx, key.StoreKey())
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.room.EndWarm(key)
	if err != nil {
		if ctx.Err() == nil {
			r.cfg.Log.Warn("read the store", "error", err)
		}
		return
	}
	keys := keysOf(feeds)
	for s := range r.mu.shares { // before the feeds can be served
		r.mu.Unlock()
		floors := r.sharing.floors(s, keys)
		r.mu.Lock()
		s.add(floors)
	}
	if len(keys) > 0 {
		if _, cold, _ := r.store.State(keys[0]); cold {
			return // the block was cooled again meanwhile, so these feeds may be old
		}
	}
	r.mu.size.via = via // others held the lock meanwhile
	r.room.Warm(key, feeds)
}

func keysOf(feeds []store.Feed) []record.FeedKey {
	out := make([]record.FeedKey, 0, len(feeds))
	for _, f := range feeds {
		out = append(out, f.Key)
	}
	return out
}

// coolLocked drops blocks from memory that don't change any more, if there are too many feeds.
func (r memory) coolLocked() {
	if !r.room.HasManyWarm() || time.Since(r.mu.cooled) < coolEvery {
		return
	}
	r.mu.cooled = time.Now()
	for _, key := range r.room.CoolableBlocks(r.planner.ClaimedBlocks) {
		r.memory.coolBlockLocked(key)
	}
	r.room.MakeSpace(r.memory.coolBlockLocked)
}

// coolBlockLocked drops a block from memory if the store has all of it, and reports whether it did. Records that wait in
// the block are dropped with it.
func (r memory) coolBlockLocked(key room.BlockKey) bool {
	ends := r.room.BlockFeeds(key)
	if len(ends) > 0 && !r.store.CoolBlock(key.StoreKey(), ends) {
		return false
	}
	r.room.Cool(key)
	return true
}

// recheckLocked looks, in a goroutine of its own, at cold blocks that lost records. Those that end earlier now come
// back into memory, so that the records are asked for again.
func (r memory) recheckLocked() {
	changed := r.store.TakeChanged()
	if len(changed) == 0 {
		return
	}
	r.cfg.Group.Go("replica/recheck", func(ctx context.Context) {
		for _, k := range changed {
			key := room.BlockKey{Author: k.Author, Block: room.Block(k.Block)}
			feeds, err := r.store.PeekBlock(ctx, k)
			if err != nil {
				if ctx.Err() != nil {
					return
				}
				r.cfg.Log.Warn("read the store", "error", err)
				continue
			}
			r.mu.Lock()
			right, cold := r.room.Recheck(key, feeds), r.room.IsCold(key)
			r.mu.Unlock()
			if !cold {
				_, err = r.store.ReadBlock(ctx, k) // the room may append to it
			} else if !right {
				r.memory.warm(identity.Key{}, key)
			}
			if err != nil && ctx.Err() == nil {
				r.cfg.Log.Warn("read the store", "error", err)
			}
		}
		r.mu.Lock()
		r.mu.unsaved = true // feeds that are in memory again may end earlier in the store
		r.mu.Unlock()
	})
}

// warmPage locks the replica, with the cold blocks in memory in which a peer has more than the store.
func (r frontiers) warmPage(l Link, m wire.Frontier) {
	var theirs []room.Holding
	r.mu.Lock()
	if p := r.peerOfLocked(l); p != nil && r.room.HasCold() {
		if p.pageSeq == m.Turn {
			theirs = slices.Clone(p.page)
		}
		for _, h := range m.Feeds {
			if held, ok := holdingOf(h); ok {
				theirs = append(theirs, held)
			}
		}
	}
	r.mu.Unlock()
	var feeds []record.FeedKey
	for _, h := range r.memory.withoutKnown(theirs) {
		feeds = append(feeds, h.Key)
	}
	r.memory.lockWith(l.Key(), feeds...)
	p := r.peerOfLocked(l)
	if p == nil {
		return
	}
	p.unread = nil
	for _, key := range feeds {
		if r.room.IsCold(room.BlockKeyOf(key)) {
			if p.unread == nil {
				p.unread = map[record.FeedKey]bool{}
			}
			p.unread[key] = true
		}
	}
}

// withoutKnown leaves out of a peer's frontier what the store has of cold blocks. It waits for the disk.
func (r memory) withoutKnown(theirs []room.Holding) []room.Holding {
	r.mu.Lock()
	keys := make([]record.FeedKey, 0, len(theirs))
	for _, h := range theirs {
		keys = append(keys, h.Key)
	}
	cold := r.room.ColdBlocks(keys)
	r.mu.Unlock()
	if len(cold) == 0 {
		return theirs
	}
	held := map[record.FeedKey]store.Feed{}
	isCold := map[room.BlockKey]bool{}
	for _, key := range cold {
		feeds, err := r.store.PeekBlock(r.cfg.Group.Context(), key.StoreKey())
		if err != nil {
			continue
		}
		isCold[key] = true
		for _, h := range theirs {
			if room.BlockKeyOf(h.Key) != key {
				continue
			}
			if i, found := slices.BinarySearchFunc(feeds, h.Key, func(f store.Feed, key record.FeedKey) int { return f.Key.Compare(key) }); found {
				held[h.Key] = feeds[i]
			}
		}
	}
	return slices.DeleteFunc(theirs, func(h room.Holding) bool {
		f, known := held[h.Key]
		return isCold[room.BlockKeyOf(h.Key)] && known && (h.Seq+1 < f.Next || h.Seq+1 == f.Next && h.Head == f.Head.Head())
	})
}

// flatFrontier returns what an older peer hears that we have, the newest feeds. It waits for the disk.
func (r memory) flatFrontier(ctx context.Context, p *peer, s *share) []room.Holding {
	r.mu.Lock()
	out := slices.DeleteFunc(r.room.Frontier(), func(h room.Holding) bool { return p.refusesAuthor(h.Key.Author) })
	for i := range out {
		out[i] = s.limitLocked(out[i])
	}
	r.mu.Unlock()
	err := r.store.Blocks(ctx, func(b store.Block) error {
		r.mu.Lock()
		leaveOut := !b.Cold || p.refusesAuthor(b.Key.Author)
		r.mu.Unlock()
		if leaveOut {
			return nil
		}
		floors := r.sharing.floors(s, keysOf(b.Feeds))
		for _, f := range b.Feeds {
			if f.Next > 0 {
				h := storedHolding(f)
				h.Floor = min(max(h.Floor, floors[f.Key]), h.Seq+1)
				out = append(out, h)
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		r.cfg.Log.Warn("read the store", "error", err)
	}
	if len(out) > maxFlat {
		slices.SortFunc(out, func(a, b room.Holding) int { return int(room.BlockOf(b.Key.Feed)) - int(room.BlockOf(a.Key.Feed)) })
		out = out[:maxFlat]
	}
	return out
}

// storedHolding returns what the store has of a feed.
func storedHolding(f store.Feed) room.Holding {
	h := room.Holding{Key: f.Key, Floor: min(f.Floor, f.Next), Seq: f.Next - 1}
	h.SetHead(f.Head)
	return h
}
