package replica

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

func sourceAt(addr string) standing.Source { return standing.SourceOf(netip.MustParseAddr(addr), nil) }

// sized sets a room's size.
func sized(n int) func(*Config) { return func(c *Config) { c.Size = n } }

// strangerOf signs a feed of n records with texts of size bytes, by an invented key.
func strangerOf(t *testing.T, who int, feed record.Feed, n, size int) (out []*record.Record) {
	t.Helper()
	for seq := range n {
		body := record.Body{Room: lobby, Feed: feed, Seq: uint64(seq), Time: record.Time{Ms: time.Now().UnixMilli(), N: int64(seq)}}
		if body.Kind, body.Data = record.KindOpen, []byte(`{"name":"mallory"}`); seq > 0 {
			body.Kind, body.Data = record.KindChat, fmt.Appendf(nil, `{"text":"%s"}`, strings.Repeat("x", size))
			body.Prev = out[seq-1].ID()
		}
		r, err := record.Sign(testID(who), body)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// live has a member get records live from another one, whoever wrote them.
func (m *member) live(from *member, recs ...*record.Record) {
	for _, rec := range recs {
		m.Record(m.links[from.key()], rec)
	}
}

// use returns what an author uses.
func (m *member) use(key identity.Key) int {
	m.Replica.mu.Lock()
	defer m.Replica.mu.Unlock()
	return m.Replica.mu.size.budget.UsedBy(key)
}

// countOf returns how many records of an author a member's store has, and how many feeds.
func (m *member) countOf(key identity.Key) (records, feeds int) {
	for _, f := range m.store.Frontier() {
		if f.Key.Author == key {
			records += int(f.Next - f.Floor)
			feeds++
		}
	}
	return records, feeds
}

// A stranger's flood takes a quarter of the room and no more: its beginning goes. What honest peers say is kept, and the
// flood's end stays, so that the hashes of peers don't move apart.
func TestFloodTakesAQuarter(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		const size = 400_000
		a, b := n.add(sized(size)), n.add()
		n.link(a, b)
		a.rank(b.key(), standing.Known, sourceAt("10.0.0.2"))
		mallory := testID(50).Key()
		flood := strangerOf(t, 50, 1, 400, 1000)
		for i := 0; i < len(flood); i += 20 {
			a.live(b, flood[i:i+20]...)
			n.say(b, fmt.Sprint("hello ", i))
			pass(2 * time.Second)
		}
		if used := a.use(mallory); used > size/4 || used < size/5 {
			t.Errorf("the flood uses %d of %d", used, size)
		}
		stored, _ := a.store.Sizes()
		if stored[mallory] > size/4 || stored[mallory] < size/5 || stored[b.key()] != a.use(b.key())-endSize {
			t.Errorf("the store has %d bytes of the flood, %d of bob, who uses %d", stored[mallory], stored[b.key()], a.use(b.key()))
		}
		if records, _ := a.countOf(b.key()); records != 21 {
			t.Errorf("%d records of bob are kept, want 21", records)
		}
		if got := len(a.heard()); got != len(flood)-1+20 {
			t.Errorf("%d messages were heard, want all %d", got, len(flood)-1+20)
		}
		if a.Hash() == n.add().Hash() || a.Status().Size.Used != int64(a.use(mallory)+a.use(b.key())) {
			t.Errorf("status says %+v", a.Status().Size)
		}
		all := received[event.NotKept](a)
		if len(all) == 0 || !all[0].Deleted || all[0].Via != nil || all[0].People != 1 || all[0].Authors[0].Key != mallory || all[0].Limit != size {
			t.Errorf("reported %+v", all)
		}
		if len(all) > 2 { // 40 s
			t.Errorf("%d reports in 40 s", len(all))
		}
		if !slices.Contains(a.host.mu.over, mallory) {
			t.Error("the flood's author may still become known by its links")
		}
	})
}

// A stranger who has stayed for a minute floods. The flood gives way to what one says who has just come.
func TestFloodOfAMetKey(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		const size = 400_000
		a, b, c := n.add(sized(size)), n.add(), n.add()
		n.link(a, b)
		n.link(a, c)
		mallory := testID(50).Key()
		a.rank(b.key(), standing.Met, sourceAt("10.0.0.2"))
		a.rank(mallory, standing.Met, sourceAt("10.0.0.2"))
		a.rank(c.key(), standing.Heard, sourceAt("10.0.0.3"))
		flood := strangerOf(t, 50, 1, 400, 1000)
		for i := 0; i < len(flood); i += 20 {
			a.live(b, flood[i:i+20]...)
			n.say(c, fmt.Sprint("hello ", i))
			pass(2 * time.Second)
		}
		if used := a.use(mallory); used > size/4 || used < size/5 {
			t.Errorf("the flood uses %d of %d", used, size)
		}
		if records, _ := a.countOf(c.key()); records != 21 {
			t.Errorf("%d records of who has just come are kept, want 21", records)
		}
	})
}

// Invented keys with a record each: those that fit stay, later ones are refused before they are handed on, and honest
// peers are heard.
func TestFloodOfKeys(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		a, b, c := n.add(sized(200_000)), n.add(), n.add()
		n.link(a, b)
		n.link(a, c)
		a.rank(b.key(), standing.Met, sourceAt("10.0.0.2"))
		a.rank(c.key(), standing.Heard, sourceAt("10.0.0.3"))
		for i := range 300 {
			a.live(b, strangerOf(t, 100+i, 1, 1, 0)...)
		}
		pass(2 * time.Second)
		authors := len(a.Replica.mu.size.authors)
		if used := a.Status().Size.Used; used > 50_000 || used < 45_000 || authors > 130 {
			t.Errorf("%d authors use %d", authors, used)
		}
		if got := sent[wire.Record](a.links[c.key()]); len(got) != authors {
			t.Errorf("%d of the flood were handed on, %d were kept", len(got), authors)
		}
		// c comes from another address and uses less: it pushes out, though it is heard of only.
		n.say(c, "hello")
		pass(time.Second)
		n.expectHeard(a, "hello")
		n.expectHeard(b, "hello")
		if records, _ := a.countOf(c.key()); records != 2 {
			t.Errorf("%d records of the honest stranger are kept, want 2", records)
		}
		all := received[event.NotKept](a)
		var refused *event.NotKept
		for i := range all {
			if !all[i].Deleted {
				refused = &all[i]
			}
		}
		if refused == nil || refused.Via == nil || refused.Via.Key != b.key() || !refused.Strangers || refused.Messages != refused.People || refused.People < 150 {
			t.Errorf("reported %+v", refused)
		}
	})
}

// An author whose ends are too many goes as a whole, and is refused for some minutes. Then it is tried again.
func TestEndsAboveTheRoom(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		a, b := n.add(sized(80_000)), n.add()
		n.link(a, b)
		mallory := testID(50).Key()
		for feed := range record.Feed(150) {
			a.live(b, strangerOf(t, 50, feed+1, 1, 0)...)
			pass(100 * time.Millisecond)
		}
		if records, feeds := a.countOf(mallory); records != 0 || feeds != 0 || a.use(mallory) != 0 {
			t.Fatalf("%d records in %d feeds are left, %d bytes", records, feeds, a.use(mallory))
		}
		a.live(b, strangerOf(t, 50, 500, 1, 0)...)
		if a.use(mallory) != 0 {
			t.Error("it is taken again at once")
		}
		pass(refuseFor + time.Second)
		a.live(b, strangerOf(t, 50, 500, 1, 0)...)
		if records, feeds := a.countOf(mallory); records != 1 || feeds != 1 {
			t.Error("it isn't taken again after that time")
		}
	})
}

// A start counts what is there, and a smaller room makes it smaller.
func TestSizeAtStart(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		a, b := n.add(), n.add()
		n.link(a, b)
		mallory := testID(50).Key()
		a.live(b, strangerOf(t, 50, 1, 200, 1000)...)
		n.say(b, "hello")
		pass(time.Second)
		before := a.use(mallory)
		a = n.restart(0)
		pass(time.Second)
		if got := a.use(mallory); got != before || a.use(b.key()) == 0 {
			t.Errorf("%d bytes are counted after a restart, %d before", got, before)
		}
		a = n.restart(0, sized(200_000))
		pass(2 * time.Second)
		records, _ := a.countOf(mallory)
		if used := a.use(mallory) + a.use(b.key()); used > 50_000 || records < 20 || records > 45 {
			t.Errorf("%d bytes, %d records are left in a smaller room", used, records)
		}
	})
}

// Known authors fill the room; one with more than an eighth of it gives its own beginning, the local one included.
func TestKnownAuthorsFillTheRoom(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		const size = 100_000
		a, b := n.add(sized(size)), n.add()
		n.link(a, b)
		friend := testID(51).Key()
		a.rank(friend, standing.Known, sourceAt("10.0.0.5"))
		a.live(b, strangerOf(t, 51, 1, 300, 1000)...)
		n.say(a, strings.Repeat("y", 8000))
		pass(2 * time.Second)
		if used := a.use(friend); used > size || used < size*3/4 {
			t.Errorf("a friend uses %d of %d", used, size)
		}
		if records, _ := a.countOf(a.key()); records != 2 {
			t.Errorf("%d own records are left", records)
		}
		for range 30 {
			n.say(a, strings.Repeat("y", 8000))
		}
		pass(2 * time.Second)
		if used := a.Status().Size.Used; used > size {
			t.Errorf("%d of %d are used", used, size)
		}
		if own := a.use(a.key()); own == 0 || a.use(friend) == 0 {
			t.Errorf("we use %d, the friend %d", own, a.use(friend))
		}
	})
}

// What a linked author holds counts for the standing that it has by now, within a second.
func TestSizeFollowsStanding(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		n.say(b, strings.Repeat("x", 1000))
		pass(time.Second)
		hasFree := func() bool {
			a.Tick()
			a.Replica.mu.Lock()
			defer a.Replica.mu.Unlock()
			budget := a.Replica.mu.size.budget
			return budget.HasFree(standing.Heard, budget.Limit()/4) // all that strangers may use
		}
		if hasFree() {
			t.Error("what a stranger holds isn't counted among strangers")
		}
		a.rank(b.key(), standing.Known, sourceAt("10.0.0.7"))
		if !hasFree() {
			t.Error("what a known author holds is still counted among strangers")
		}
	})
}
