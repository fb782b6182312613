package replica

import (
	"context"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/store"
)

// slowStore is a store that needs a while to know what its authors use.
type slowStore struct {
	*store.Mem
	known chan struct{} // closed once it knows
}

func (s *slowStore) Sizes() (map[identity.Key]int, bool) {
	select {
	case <-s.known:
		return s.Mem.Sizes()
	default:
		return nil, false
	}
}

func (s *slowStore) WaitSizes(ctx context.Context) error {
	select {
	case <-s.known:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lose has a member's store lose all but the first records of a feed, as a damaged file does.
func (m *member) lose(t *testing.T, kept *store.Mem) {
	t.Helper()
	m.Replica.mu.Lock()
	defer m.Replica.mu.Unlock()
	m.store, m.saver.Replica.store = kept, kept
}

// Records that the store lost and a peer gives again count once. So a full room deletes no more than it must.
func TestLostRecordsCountOnce(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		b := n.members[0]
		const size = 200_000
		a := n.add(func(c *Config) { c.Window = 1; c.Size = size })
		mallory := testID(98).Key()
		recs := strangerOf(t, 98, 7, 30, 1000)
		a.give(recs...)
		b.give(recs...)
		n.link(a, b)
		pass(time.Second)
		before := a.use(mallory)
		kept := store.NewMem(lobby, 0)
		for _, rec := range recs[:5] {
			if err := kept.Append(store.Entry{Record: rec, Name: "mallory", Arrived: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		a.lose(t, kept)
		pass(reconcileEvery + time.Second)
		if got := a.Status().Records; got != 5 {
			t.Fatalf("%d records are held after the loss", got)
		}
		if got := a.use(mallory); got > before/3 {
			t.Errorf("%d bytes are counted after the loss, %d before", got, before)
		}
		for range 2 {
			b.ping(a)
		}
		pass(2 * time.Second)
		if got := a.use(mallory); inStore(t, a) != 30 || got != before {
			t.Errorf("%d records are here again, of %d bytes; want 30 of %d", inStore(t, a), got, before)
		}
		a.live(b, strangerOf(t, 99, 1, 5, 1000)...) // some more of another stranger, which doesn't fill the room
		pass(10 * time.Second)
		if got := inStore(t, a); got < 30 {
			t.Errorf("%d records are left after another spoke", got)
		}
	})
}

// What was counted and isn't in the store, for whatever reason, is found out by the first deletion that finds less.
func TestPhantomBytesAreFoundOut(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		const size = 100_000
		a, b := n.add(sized(size)), n.add()
		n.link(a, b)
		mallory := testID(50).Key()
		a.live(b, strangerOf(t, 50, 1, 10, 1000)...)
		a.Replica.mu.Lock()
		a.size.addBytesLocked(mallory, 10*size)
		a.Replica.mu.Unlock()
		pass(5 * time.Second)
		for i, rec := range strangerOf(t, 50, 2, 10, 1000) {
			a.live(b, rec)
			pass(time.Second)
			if records, _ := a.countOf(mallory); records < i+1 {
				t.Errorf("%d records are left of %d that came since", records, i+1)
			}
		}
		stored, _ := a.store.Sizes()
		if got := a.use(mallory); got != stored[mallory]+2*endSize {
			t.Errorf("%d bytes are counted, the store has %d", got, stored[mallory])
		}
	})
}

// What the store deletes while it counts what was there from before doesn't count any more afterwards.
func TestDeletedWhileSizesAreCounted(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		a, b := n.add(), n.add()
		n.link(a, b)
		mallory := testID(50).Key()
		recs := strangerOf(t, 50, 1, 30, 1000)
		a.live(b, recs...)
		pass(time.Second)
		slow := &slowStore{Mem: a.store.(*store.Mem), known: make(chan struct{})}
		a = n.restart(0, func(c *Config) { c.Store = slow })
		slow.Mem.DropOldest(mallory, 20_000)
		pass(3 * time.Second)
		close(slow.known)
		pass(3 * time.Second)
		stored, _ := slow.Mem.Sizes()
		if got := a.use(mallory); stored[mallory] == 0 || got != stored[mallory]+endSize {
			t.Errorf("%d bytes are counted, the store has %d", got, stored[mallory])
		}
	})
}
