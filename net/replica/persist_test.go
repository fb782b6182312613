package replica

import (
	"errors"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/store"
)

// badStore is a store that fails when a test says so.
type badStore struct {
	*store.Mem
	mu sync.Mutex
	st store.Status
}

// set changes what the store reports. While it can't save it drops what it is given.
func (s *badStore) set(st store.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.st = st
}

func (s *badStore) Status() store.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.st
}

func (s *badStore) Append(e store.Entry) error {
	if s.Status().NotSaved != nil {
		return store.ErrFull
	}
	return s.Mem.Append(e)
}

// inStore counts the records that a member's store holds.
func inStore(t *testing.T, m *member) (count int) {
	t.Helper()
	for _, err := range m.store.ReadAll(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		count++
	}
	return count
}

// What the store had no room for is saved again from memory, once it can be, also of other authors.
func TestSavedAgain(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		bad := &badStore{Mem: store.NewMem(lobby, 0)}
		a := n.add(func(c *Config) { c.Store = bad })
		n.link(n.members[0], a)
		n.say(a, "before")
		bad.set(store.Status{NotSaved: errors.New("disk is full")})
		n.say(a, numbered("own", 10)...)
		n.say(n.members[0], numbered("other", 10)...)
		pass(5 * time.Second)
		if got := inStore(t, a); got != 2 || len(a.heard()) != 10 {
			t.Errorf("%d records are saved, %d heard", got, len(a.heard()))
		}
		bad.set(store.Status{})
		pass(5 * time.Second)
		if got := inStore(t, a); got != 23 || a.Status().Records != 23 {
			t.Errorf("%d records are saved, %d held", got, a.Status().Records)
		}
	})
}

// Changes in saving are posted, once each; how many records wait is no change.
func TestSavingEvents(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		bad := &badStore{Mem: store.NewMem(lobby, 0)}
		a := n.add(func(c *Config) { c.Store = bad })
		pass(5 * time.Second)
		if got := received[event.Saving](a); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		bad.set(store.Status{NotSaved: errors.New("disk is full"), Waiting: 3})
		pass(5 * time.Second)
		bad.set(store.Status{NotSaved: errors.New("disk is full"), Waiting: 9})
		pass(5 * time.Second)
		bad.set(store.Status{Dropped: 2})
		pass(5 * time.Second)
		got := received[event.Saving](a)
		if len(got) != 2 || got[0].NotSaved != "disk is full" || got[0].Waiting != 3 || got[1].NotSaved != "" || got[1].Dropped != 2 {
			t.Errorf("%+v", got)
		}
		if got := a.Status().Saving; got.Dropped != 2 {
			t.Errorf("%+v", got)
		}
	})
}

// Records that the store lost, and that memory no longer holds, come again from a peer. The room says no
// longer that it has them.
func TestLostRecordsComeAgain(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		b := n.members[0]
		a := n.add(func(c *Config) { c.Window = 1 })
		recs := chain(t, 7, "message", 20)
		a.give(recs...)
		b.give(recs...)
		n.link(a, b)
		pass(time.Second)
		lost := store.NewMem(lobby, 0)
		for _, rec := range recs[:5] {
			if err := lost.Append(store.Entry{Record: rec, Name: "mallory", Arrived: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		a.Replica.mu.Lock()
		a.store = lost
		a.saver.Replica.store = lost
		a.Replica.mu.Unlock()
		pass(reconcileEvery + time.Second)
		if got := a.Status().Records; got != 5 {
			t.Errorf("%d records are held after the loss", got)
		}
		for range 2 {
			b.ping(a)
		}
		pass(time.Second)
		if got := inStore(t, a); got != 20 || a.Status().Records != 20 {
			t.Errorf("%d records in the store, %d held", got, a.Status().Records)
		}
		n.expectLevel()
	})
}

// Records older than Config.Keep are deleted at the start and every day, and are advertised no longer.
func TestExpire(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		keep := func(c *Config) { c.Keep = 36 * time.Hour }
		a := n.add(keep)
		n.say(a, "old")
		pass(20 * time.Hour)
		n.say(a, "new")
		pass(5 * time.Hour)
		if got := inStore(t, a); got != 3 {
			t.Errorf("%d records after a day", got)
		}
		pass(24 * time.Hour) // the first is 49 hours old, the second 29
		if got := inStore(t, a); got != 1 {
			t.Errorf("%d records after two days", got)
		}
		b := n.add()
		n.link(a, b)
		pass(time.Minute)
		n.expectHeard(b, "new")
		n.expectLevel()
		if got := len(b.notices("hands on only a part")); got != 1 {
			t.Errorf("%d notices that something is missing", got)
		}
		n.unlink(a, b)
		pass(9 * time.Hour)
		a = n.restart(0, keep) // at a start too
		pass(time.Minute)
		if got := inStore(t, a); got != 0 {
			t.Errorf("%d records after a restart", got)
		}
	})
}

// A member that starts again has its messages, and opens a new feed for the next.
func TestRestart(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.say(a, "first run")
		own, _, _ := a.room.OwnFeed()
		a = n.restart(0)
		if _, _, any := a.room.OwnFeed(); any {
			t.Error("it has a feed before it sends anything")
		}
		if got := a.Status().Records; got != 2 {
			t.Errorf("%d records", got)
		}
		n.say(a, "second run")
		if now, _, _ := a.room.OwnFeed(); now == own {
			t.Error("the second run goes on in the feed of the first")
		}
		n.link(a, b)
		pass(time.Second)
		if got := b.heard(); len(got) != 2 {
			t.Errorf("%q", got)
		}
		if got := a.delivered(); got != "1/1" {
			t.Errorf("delivered to %s", got)
		}
		if err := a.Send(record.KindChat, "third"); err != nil {
			t.Error(err)
		}
	})
}
