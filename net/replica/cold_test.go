package replica

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

// fewWarm is how many feeds the members of these tests have in memory.
const fewWarm = 600

// onDisk opens a store on disk for a member.
func (n *net) onDisk(path string) *store.Disk {
	n.t.Helper()
	g := group.New(context.Background(), func(p *group.Panic) { n.t.Errorf("%v\n%s", p, p.Stack) })
	d, err := store.Open(store.Config{Path: path, Room: lobby, Group: g, WarmFeeds: fewWarm})
	if err != nil {
		n.t.Fatal(err)
	}
	n.disks = append(n.disks, func() { d.Close(); g.Close() })
	return d
}

// closeDisks ends the members and closes their stores.
func (n *net) closeDisks() {
	n.root.Close()
	for _, f := range n.disks {
		f()
	}
}

// cold returns a change that gives a member little memory and a store on disk.
func (n *net) cold(path string) func(*Config) {
	d := n.onDisk(path)
	return func(c *Config) { c.Store, c.WarmFeeds = d, fewWarm }
}

// warmFeeds returns how many feeds a member has in memory.
func (m *member) warmFeeds() int {
	m.Replica.mu.Lock()
	defer m.Replica.mu.Unlock()
	return len(m.room.Frontier())
}

// minute returns so many records of a minute's feed, the same each time.
func (n *net) minute(minute, records int) []*record.Record {
	if n.minutes == nil {
		n.minutes = map[int][]*record.Record{}
	}
	if had := n.minutes[minute]; len(had) < records {
		n.minutes[minute] = chain(n.t, minuteFeed(minute), "said", records, had...)
	}
	return n.minutes[minute][:records]
}

// giveMinutes has a member take the feeds of so many minutes, but for those that lacks names, a block at a time.
func (n *net) giveMinutes(m *member, minutes int, lacks func(int) bool) {
	for minute := range minutes {
		if lacks == nil || !lacks(minute) {
			m.give(n.minute(minute, 2)...)
		}
		if minute%1000 == 999 {
			pass(2 * time.Second)
		}
	}
	pass(5 * time.Second)
}

// Members with more feeds than memory for them hold few of them in memory, restart, and become level with a newcomer,
// with each other and with an older peer. Records that come late take their place in cold blocks.
func TestColdRoom(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		const minutes = 2600
		late := func(minute int) bool { return minute == 700 || minute == 2000 }
		a := n.add(n.cold(filepath.Join(dir, "a")))
		n.giveMinutes(a, minutes, late)
		if got := a.warmFeeds(); got > fewWarm+1200 || !a.room.HasCold() {
			t.Fatalf("%d feeds in memory", got)
		}
		count := a.Status().Records
		if count != 2*(minutes-2) {
			t.Errorf("%d records", count)
		}
		before := a.HashFor(deadSums{})

		a = n.restartCold(0, filepath.Join(dir, "a"))
		if got := a.HashFor(deadSums{}); got != before || a.Status().Records != count || a.warmFeeds() > fewWarm {
			t.Errorf("after a restart: hash %s, want %s; %d records; %d in memory", got, before, a.Status().Records, a.warmFeeds())
		}
		b := n.add(n.cold(filepath.Join(dir, "b")))
		n.link(a, b)
		pass(time.Minute)
		if b.HashFor(deadSums{}) != before || b.warmFeeds() > fewWarm+1200 {
			t.Errorf("a newcomer has %d records, %d feeds in memory", b.Status().Records, b.warmFeeds())
		}
		old := n.add()
		old.caps = nil
		n.link(b, old)
		pass(time.Minute)
		if got := old.Status().Records; got != count {
			t.Errorf("an older peer has %d records", got)
		}

		a.give(n.minute(700, 2)...) // behind the links' back
		c := n.add()
		n.link(b, c)
		c.give(n.minute(2000, 2)...)
		for range 40 {
			pass(5 * time.Second)
			a.ping(b)
			b.ping(c)
			b.ping(old)
		}
		for _, m := range n.members {
			if got := m.Status().Records; got != 2*minutes {
				t.Errorf("%s has %d records of %d", m.host.mu.name, got, 2*minutes)
			}
		}
		if a.HashFor(deadSums{}) != b.HashFor(deadSums{}) || a.HashFor(deadSums{}) != c.HashFor(deadSums{}) {
			t.Error("not level")
		}
		for _, m := range n.members {
			if got := m.host.refusals(); len(got) > 0 {
				t.Errorf("%s refused %q", m.host.mu.name, got)
			}
		}
	})
}

// deadSums is a link to nobody that understands sums.
type deadSums struct{ deadLink }

func (deadSums) Can(string) bool { return true }

// restartCold ends a member and starts it with the store at path, opened again.
func (n *net) restartCold(i int, path string, more ...func(*Config)) *member {
	n.members[i].group.Close()
	if err := n.members[i].store.Close(); err != nil {
		n.t.Fatal(err)
	}
	return n.restart(i, append(more, n.cold(path))...)
}

// A stranger gets nothing of cold blocks that came before, asks for none of it, and is told so; also when such a block
// comes back into memory. It gets what comes later in the same block.
func TestColdStranger(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		const minutes = 1800
		a := n.add(n.cold(filepath.Join(dir, "a")), func(c *Config) { c.Share = ShareNone })
		n.giveMinutes(a, minutes, nil)
		pass(time.Hour)
		b := n.add()
		n.link(a, b)
		pass(time.Minute)
		if got := b.Status().Records; got != 0 {
			t.Errorf("a stranger has %d records", got)
		}
		if len(b.notices("hands on only a part")) != 1 || len(a.notices("was never here before")) != 1 {
			t.Error("nobody is told")
		}
		// A record in a feed of a cold block, and a question for all of that feed.
		whole := n.minute(100, 3)
		a.Record(deadLink(testID(97).Key()), whole[2])
		pass(time.Minute)
		ask := func(minute int) {
			a.Message(a.links[b.key()], wire.Want{Room: a.ID(), N: 9, Frames: 8, Ranges: []wire.Range{
				{Author: testID(98).Key(), Feed: minuteFeed(minute).String(), To: 9}}})
		}
		ask(100)
		ask(101)
		ask(200)
		pass(time.Minute)
		for range 30 {
			a.ping(b)
			pass(5 * time.Second)
		}
		if got := b.Status().Records; got != 1 {
			t.Errorf("a stranger has %d records, want the late one", got)
		}
	})
}

// A record of a cold feed that is found damaged is fetched again.
func TestColdDamage(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		const minutes = 1800
		a, b := n.add(n.cold(filepath.Join(dir, "a"))), n.add(n.cold(filepath.Join(dir, "b")))
		n.giveMinutes(a, minutes, nil)
		n.giveMinutes(b, minutes, nil)
		n.link(a, b)
		pass(time.Minute)
		key := record.FeedKey{Author: testID(98).Key(), Feed: minuteFeed(42)}
		if !a.room.IsCold(room.BlockKeyOf(key)) {
			t.Fatal("not cold")
		}
		a.group.Close()
		if err := a.store.Close(); err != nil {
			t.Fatal(err)
		}
		damageRecord(t, filepath.Join(dir, "a"), key)
		a = n.restart(0, n.cold(filepath.Join(dir, "a")))
		n.link(a, b)
		if raws, err := a.store.ReadRange(t.Context(), key, 0, 9, 1<<20); err != nil || len(raws) != 1 {
			t.Fatalf("%d records, %v", len(raws), err)
		}
		for range 30 {
			pass(5 * time.Second)
			a.ping(b)
		}
		n.expectSums()
		raws, err := a.store.ReadRange(t.Context(), key, 0, 9, 1<<20)
		if err != nil || len(raws) != 2 {
			t.Errorf("%d records, %v", len(raws), err)
		}
		if s := a.store.Status(); s.Unreadable != 1 {
			t.Errorf("status %+v", s)
		}
	})
}

// damageRecord changes a bit of the second record of a feed in a store's file.
func damageRecord(t *testing.T, path string, key record.FeedKey) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bolt.Tx) error {
		records := tx.Bucket(append([]byte{'r'}, lobby[:]...))
		return records.ForEach(func(k, v []byte) error {
			if !bytes.Contains(v, fmt.Appendf(nil, `"feed":"%s","seq":1,`, key.Feed)) {
				return nil
			}
			changed := bytes.Clone(v)
			changed[len(changed)-5] ^= 1
			return records.Put(bytes.Clone(k), changed)
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// expectSums checks that all members have the same sums.
func (n *net) expectSums() {
	n.t.Helper()
	for _, m := range n.members {
		if m.HashFor(deadSums{}) != n.members[0].HashFor(deadSums{}) {
			n.t.Errorf("%s holds other records than p0: %d and %d", m.host.mu.name, m.Status().Records, n.members[0].Status().Records)
		}
	}
}

// Records that are deleted for their age leave cold blocks without a change of the room's sums.
func TestColdExpiry(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		const minutes = 1800
		a := n.add(n.cold(filepath.Join(dir, "a")), func(c *Config) { c.Keep = time.Hour })
		n.giveMinutes(a, minutes, nil)
		before := a.HashFor(deadSums{})
		if got := a.Status().Records; got != 2*minutes {
			t.Fatalf("%d records", got)
		}
		pass(24*time.Hour + time.Minute)
		if got := a.Status().Records; got != 0 {
			t.Errorf("%d records are left", got)
		}
		if a.HashFor(deadSums{}) != before {
			t.Error("the sum has changed")
		}
	})
}

// A fork in a cold block ends the feed there, and its evidence outlives being cold.
func TestColdFork(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		const minutes = 1800
		a := n.add(n.cold(filepath.Join(dir, "a")))
		n.giveMinutes(a, minutes, nil)
		other := chain(t, minuteFeed(42), "something else", 2, n.minute(42, 1)...)
		l := deadLink(testID(97).Key())
		a.Record(l, other[1])
		pass(time.Minute)
		key := record.FeedKey{Author: testID(98).Key(), Feed: minuteFeed(42)}
		if !a.room.IsCold(room.BlockKeyOf(key)) {
			n.giveMinutes(a, minutes, nil)
			pass(time.Minute)
		}
		if got := len(a.notices("signed two different lines")); got != 1 {
			t.Errorf("%d notices of a fork", got)
		}
		a.memory.lockWith(identity.Key{}, key)
		defer a.Replica.mu.Unlock()
		forks := a.room.ForksUnknownTo([]room.Holding{{Key: key, Seq: 5}})
		if h, ok := a.room.HoldingOf(key); !ok || h.Seq != 0 || len(forks) != 1 || forks[0].Seq != 1 {
			t.Errorf("%+v, forks %+v", h, forks)
		}
	})
}

// Our own feed of today is in a block that is cold when the program starts, since the file has many feeds. What is said
// then is saved all the same, and the next run goes on with it.
func TestOwnMessagesAreSavedInALargeRoom(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		path := filepath.Join(dir, "a")
		a := n.add(n.cold(path))
		n.say(a, "one")
		n.giveMinutes(a, 2*fewWarm, nil)
		for i, text := range []string{"two", "three"} {
			end := a.lastEnd(t)
			a = n.restartCold(0, path, func(c *Config) { c.Continue = end })
			if !a.room.HasCold() {
				t.Fatal("nothing is cold")
			}
			n.say(a, text)
			pass(5 * time.Second)
			now := a.lastEnd(t)
			key := record.FeedKey{Author: a.key(), Feed: now.Feed}
			if f, cold, known := a.Replica.store.State(key); !known || cold || f.Next != now.Seq+1 || now.Feed != end.Feed || now.Seq != uint64(i+2) {
				t.Errorf("%q: the store ends at %d, cold: %v; the feed at %+v, before %+v", text, f.Next, cold, now, end)
			}
		}
	})
}

// What a peer says of a block that can't be read isn't said back: the peer would take its message for delivered.
func TestUnreadBlockIsNotAcknowledged(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, 0, func(t *testing.T, n *net) {
		defer n.closeDisks()
		path := filepath.Join(dir, "a")
		a := n.add(n.cold(path))
		n.giveMinutes(a, 2*fewWarm, nil)
		a = n.restartCold(0, path)
		b := n.add()
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		ask := func(seq uint64) (said int) {
			l.reset()
			first := n.minute(0, 2)[0]
			a.Message(l, wire.Frontier{Room: a.ID(), Turn: 1000 + seq, Last: true, Part: true, Ask: true, Feeds: []wire.Holding{
				{Author: first.Author(), Feed: first.Feed().String(), Seq: seq, Head: "0123456789abcdef"}}})
			pass(time.Second)
			for _, f := range sent[wire.Frontier](l) {
				for _, h := range f.Feeds {
					if h.Feed == first.Feed().String() {
						said++
					}
				}
			}
			return said
		}
		if ask(0) == 0 {
			t.Error("says nothing of what it has")
		}
		if err := a.store.Close(); err != nil {
			t.Fatal(err)
		}
		if ask(7) > 0 {
			t.Error("says what it can't read")
		}
	})
}
