package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
)

// A Mem has the states of all feeds in memory: no block is cold.

// State implements Store.
func (m *Mem) State(key record.FeedKey) (f Feed, cold, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.ledger.feeds[key]; f != nil {
		return f.export(key), false, true
	}
	return Feed{Key: key}, false, false
}

// Blocks implements Store.
func (m *Mem) Blocks(ctx context.Context, fn func(Block) error) error {
	blocks := map[BlockKey][]Feed{}
	for _, f := range m.Frontier() {
		blocks[BlockOf(f.Key)] = append(blocks[BlockOf(f.Key)], f)
	}
	for _, key := range slices.SortedFunc(maps.Keys(blocks), BlockKey.Compare) {
		sortFeeds(blocks[key])
		if err := fn(Block{Key: key, Feeds: blocks[key]}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// ReadBlock implements Store.
func (m *Mem) ReadBlock(ctx context.Context, key BlockKey) ([]Feed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.ledger.warmFeeds(key)
	sortFeeds(out)
	return out, ctx.Err()
}

// PeekBlock implements Store.
func (m *Mem) PeekBlock(ctx context.Context, key BlockKey) ([]Feed, error) {
	return m.ReadBlock(ctx, key)
}

// CoolBlock implements Store. A Mem has no disk for it.
func (m *Mem) CoolBlock(BlockKey, map[record.Feed]uint64) bool { return false }

// BlockArrived implements Store.
func (m *Mem) BlockArrived(BlockKey) (last time.Time, cold bool) { return time.Time{}, false }

// TakeChanged implements Store.
func (m *Mem) TakeChanged() []BlockKey { return nil }
