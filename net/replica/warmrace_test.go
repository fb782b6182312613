package replica

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
)

// racingStore does something once between the read of a block and the use of what was read.
type racingStore struct {
	store.Store
	race *func()
}

func (s racingStore) ReadBlock(ctx context.Context, key store.BlockKey) ([]store.Feed, error) {
	feeds, err := s.Store.ReadBlock(ctx, key)
	if race := *s.race; race != nil {
		*s.race = nil
		race()
	}
	return feeds, err
}

// A block that changes and is cooled again while it is being read isn't taken for new: the room would take the next
// record for one after a gap, and sum up what was.
func TestBlockCooledWhileItIsRead(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		race := new(func())
		a := n.add(n.cold(filepath.Join(dir, "a")), func(c *Config) { c.Store = racingStore{c.Store, race} })
		n.giveMinutes(a, 1800, nil)
		recs := n.minute(100, 4)
		key := recs[0].FeedKey()
		block := room.BlockKeyOf(key)
		if !a.room.IsCold(block) {
			t.Fatal("not cold")
		}
		var after string
		*race = func() {
			a.Record(deadLink(testID(97).Key()), recs[2])
			pass(5 * time.Second)
			a.Replica.mu.Lock()
			if ends := a.room.BlockFeeds(block); !a.room.IsCold(block) && a.store.CoolBlock(block.StoreKey(), ends) {
				a.room.Cool(block)
			}
			if !a.room.IsCold(block) {
				t.Error("not cooled")
			}
			after = a.outlines.sumHashLocked()
			a.Replica.mu.Unlock()
		}
		a.memory.warm(identity.Key{}, block)
		if after == "" {
			t.Fatal("the block wasn't read")
		}
		if got := a.HashFor(deadSums{}); got != after {
			t.Errorf("sums %s, want %s", got, after)
		}
		a.Record(deadLink(testID(97).Key()), recs[3])
		pass(5 * time.Second)
		a.memory.lockWith(identity.Key{}, key)
		seq, ok := a.room.LastSeq(key)
		a.Replica.mu.Unlock()
		if !ok || seq != 3 || len(a.host.refusals()) > 0 {
			t.Errorf("the feed ends at %d, want 3; refused %q", seq, a.host.refusals())
		}
	})
}
