package replica

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/store"
)

// rule is how many feeds the members of these tests have in memory by rule, and perBlock how many a block of blocksOf has.
const (
	rule     = 10
	perBlock = 12
)

func byRule(c *Config) { c.WarmFeeds = rule }

// blocksOf gives a member so many blocks of one author with perBlock feeds each, and lets them come to rest.
func (n *net) blocksOf(m *member, author, blocks int) (firsts []*record.Record) {
	n.t.Helper()
	for block := range blocks {
		for feed := range perBlock {
			rec, err := record.Sign(testID(author), record.Body{Room: lobby, Feed: record.Feed(block+1)<<store.BlockShift | record.Feed(feed+1),
				Time: record.Time{Ms: time.Now().UnixMilli()}, Kind: record.KindOpen, Data: []byte(`{"name":"x"}`)})
			if err != nil {
				n.t.Fatal(err)
			}
			m.Record(deadLink(testID(97).Key()), rec)
			if feed == 0 {
				firsts = append(firsts, rec)
			}
		}
		pass(2 * time.Second)
	}
	pass(10 * time.Second)
	return firsts
}

// readingStore calls a function before each read of a block.
type readingStore struct {
	store.Store
	before *func(store.BlockKey)
}

func (s readingStore) ReadBlock(ctx context.Context, key store.BlockKey) ([]store.Feed, error) {
	if before := *s.before; before != nil {
		before(key)
	}
	return s.Store.ReadBlock(ctx, key)
}

// Blocks that are read at the same time are within the bounds of memory together, not only each by itself.
func TestBlocksReadAtOnceAreBounded(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		before := new(func(store.BlockKey))
		a := n.add(n.cold(filepath.Join(dir, "a")), byRule, func(c *Config) { c.Store = readingStore{c.Store, before} })
		firsts := n.blocksOf(a, 96, 6)
		read := 0
		*before = func(store.BlockKey) {
			if read++; read < len(firsts) { // the next block is asked for while this one is being read
				a.memory.warm(identity.Key{}, room.BlockKeyOf(firsts[read].FeedKey()))
			}
		}
		a.memory.warm(identity.Key{}, room.BlockKeyOf(firsts[0].FeedKey()))
		*before = nil
		if got, most := a.warmFeeds(), 3*rule+perBlock; read != 3 || got != 3*perBlock || got > most {
			t.Errorf("%d blocks of one author were read, %d feeds are in memory; want at most %d", read, got, most)
		}
		pass(20 * time.Second) // all are at rest again
		for _, rec := range firsts[3:] {
			if a.memory.warm(identity.Key{}, room.BlockKeyOf(rec.FeedKey())); a.room.IsCold(room.BlockKeyOf(rec.FeedKey())) {
				t.Error("what was read before still takes space")
			}
		}
	})
}

// A block that is read counts for the link that has it read, not for the one whose record came last.
func TestReadCountsForItsLink(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		before := new(func(store.BlockKey))
		a := n.add(n.cold(filepath.Join(dir, "a")), byRule, func(c *Config) { c.Store = readingStore{c.Store, before} })
		firsts := n.blocksOf(a, 96, 2)
		key, other, reader := firsts[0].FeedKey(), testID(97).Key(), testID(95).Key()
		a.rank(reader, standing.Heard, sourceAt("10.0.0.7"))
		if !a.room.IsCold(room.BlockKeyOf(key)) {
			t.Fatal("not cold")
		}
		*before = func(store.BlockKey) { // another link's record comes meanwhile
			*before = nil
			if via := a.Replica.mu.size.lastRank.via; via != reader {
				t.Errorf("space is reserved for %v", via)
			}
			a.Record(deadLink(other), firsts[1])
			a.Replica.mu.Lock()
			defer a.Replica.mu.Unlock()
			if via := a.Replica.mu.size.via; via != other {
				t.Errorf("the record counts for %v", via)
			}
		}
		a.Replica.mu.Lock()
		a.Replica.mu.size.via = other
		a.Replica.mu.Unlock()
		a.memory.lockWith(reader, key)
		defer a.Replica.mu.Unlock()
		last := a.Replica.mu.size.lastRank
		if a.room.IsCold(room.BlockKeyOf(key)) || last.author != key.Author || last.via != reader || last.source != sourceAt("10.0.0.7") || a.Replica.mu.size.via != reader {
			t.Errorf("the block counts for %v, source %v", last.via, last.source)
		}
		a.Replica.mu.Unlock()
		if a.memory.lockWith(other, key); a.Replica.mu.size.via != other {
			t.Error("what follows counts for the link before")
		}
	})
}

// A program that starts with more feeds in its store's memory than it may have has most of them on disk at once.
func TestStartWithManyFeeds(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		path := filepath.Join(dir, "a")
		a := n.add(n.cold(path))
		n.blocksOf(a, 96, 6)
		before := a.HashFor(deadSums{})
		a.group.Close()
		if err := a.store.Close(); err != nil {
			t.Fatal(err)
		}
		a = n.restart(0, n.cold(path), byRule)
		if got := a.warmFeeds(); got > 3*rule || got == 0 || a.HashFor(deadSums{}) != before {
			t.Errorf("%d feeds are in memory, want at most %d", got, 3*rule)
		}
	})
}
