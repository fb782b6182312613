package node

import (
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
)

// renames are the changes of name that p was told of.
func renames(p *person) []string {
	var out []string
	for _, c := range told[event.PeerChanged](&p.ear) {
		if c.Renamed != "" {
			out = append(out, c.Renamed+"→"+c.Peer.Name)
		}
	}
	return out
}

// nameOf is what p calls the peer with that key.
func nameOf(p *person, key identity.Key) string {
	for _, q := range p.Peers() {
		if q.Key == key {
			return q.Name
		}
	}
	return ""
}

// A new name is told at once and says nothing in the room, also before the first line.
func TestNick(t *testing.T) {
	together(t, 6, 2, func(t *testing.T, w *town, p []*person) {
		for _, name := range []string{"ann", "bea", "bea"} {
			if err := p[0].Nick(name); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if err := p[0].Nick("a\x1b[m"); err == nil {
			t.Error("a name with control characters was taken")
		}
		p[0].Say("hello")
		time.Sleep(time.Second)
		if got := renames(p[1]); !slices.Equal(got, []string{"p0→ann", "ann→bea"}) {
			t.Errorf("told of %q", got)
		}
		if got := p[1].lines(); len(got) != 1 || got[0].FromName != "bea" {
			t.Errorf("heard %+v, want one line of bea", got)
		}
	})
}

// Names that changed while two were apart: the last one counts, whichever way it comes, and it is told
// of once.
func TestNickWhileApart(t *testing.T) {
	together(t, 7, 3, func(t *testing.T, w *town, p []*person) {
		p[1].Say("spoken before") // 0 has not
		time.Sleep(time.Second)
		w.net.Partition([]netip.Addr{addr(2)})
		time.Sleep(30 * time.Second)
		for i, name := range []string{"ann", "bea", "cleo"} {
			p[0].Nick(name + "0")
			p[1].Nick(name + "1")
			if i == 1 {
				p[0].Say("in between")
			}
		}
		w.net.Heal()
		time.Sleep(time.Minute)
		got := renames(p[2])
		slices.Sort(got)
		if !slices.Equal(got, []string{"p0→cleo0", "p1→cleo1"}) {
			t.Errorf("told of %q", got)
		}
		if got := p[2].lines(); len(got) != 2 || got[1].FromName != "bea0" {
			t.Errorf("heard %+v, want the line under the name of then", got)
		}
	})
}

// The name of an earlier run, which a newcomer learns by catching up, names no one now.
func TestNameOfAnEarlierRun(t *testing.T) {
	together(t, 8, 2, func(t *testing.T, w *town, p []*person) {
		p[0].Nick("old")
		p[0].Say("said as old")
		time.Sleep(time.Second)
		p[0].leave()
		p0 := w.move(0, func(c *Config) { c.Name = "new" })
		time.Sleep(10 * time.Second)
		w.net.Block(addr(1), addr(2)) // it knows the one who has another name now when it hears of the old one
		p2 := w.move(2)
		time.Sleep(30 * time.Second)
		for i, p := range []*person{p[1], p2} {
			if got := nameOf(p, p0.Self().Key); got != "new" {
				t.Errorf("%d calls it %q", i, got)
			}
		}
		if got := p2.lines(); len(got) != 1 || got[0].FromName != "old" || !got[0].History {
			t.Errorf("the newcomer heard %+v", got)
		}
	})
}

// memory is a Known.
type memory struct {
	mu      sync.Mutex
	names   map[string]identity.Key
	ignored map[string]bool
}

func (m *memory) NoteName(name string, key identity.Key, _ standing.Level, _ standing.Source) (identity.Key, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names == nil {
		m.names, m.ignored = map[string]identity.Key{}, map[string]bool{}
	}
	if _, ok := m.names[name]; !ok {
		m.names[name] = key
	}
	return m.names[name], m.names[name] != key
}
func (m *memory) Lookalikes(name string) map[identity.Key]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if key, ok := m.names[name]; ok {
		return map[identity.Key]string{key: name}
	}
	return nil
}
func (m *memory) Verified(identity.Key) bool                    { return false }
func (m *memory) SetTrusted(identity.Key, bool) error           { return nil }
func (m *memory) Mark(identity.Key) standing.Mark               { return standing.Unmarked }
func (m *memory) Links() map[identity.Key]standing.Links        { return nil }
func (m *memory) RememberLinks(map[identity.Key]standing.Links) {}
func (m *memory) SetVerified(identity.Key, bool) error          { return nil }
func (m *memory) Ignored(id string) bool                        { m.mu.Lock(); defer m.mu.Unlock(); return m.ignored[id] }
func (m *memory) SetIgnored(id string, on bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ignored[id] = on
	return nil
}

// Another key under a name that is known is said loudly, also when somebody takes the name later.
func TestNameOfSomebodyElse(t *testing.T) {
	inTown(t, 9, func(t *testing.T, w *town) {
		p0 := w.move(0, func(c *Config) { c.Known = &memory{} })
		p1, p2 := w.move(1), w.move(2)
		time.Sleep(5 * time.Second)
		if got := told[event.Notice](&p0.ear); len(got) != 0 {
			t.Fatalf("noticed %+v", got)
		}
		p2.Nick("p1")
		time.Sleep(time.Second)
		got := told[event.Notice](&p0.ear)
		if len(got) != 1 || got[0].Level != event.Warning {
			t.Errorf("noticed %+v, want one warning", got)
		}

		if err := p0.Ignore(p1.Self().ID, true); err != nil {
			t.Fatal(err)
		}
		p1.leave()
		p1 = w.move(1)
		time.Sleep(5 * time.Second)
		for _, q := range p0.Peers() {
			if q.Ignored != (q.Key == p1.Self().Key) {
				t.Errorf("%s is ignored: %v", q.Name, q.Ignored)
			}
		}
	})
}

// Disconnect holds against beacons and peer exchange, until Connect.
func TestDisconnect(t *testing.T) {
	together(t, 10, 3, func(t *testing.T, w *town, p []*person) {
		if err := p[0].Disconnect(p[1].Self().ID); err != nil {
			t.Fatal(err)
		}
		if err := p[0].Disconnect("nobody"); err == nil {
			t.Error("nobody was disconnected")
		}
		for range 60 {
			time.Sleep(time.Second)
			if got := p[0].Status().Peers; got != 1 {
				t.Fatalf("%d peers up", got)
			}
		}
		p[1].Say("passed on")
		time.Sleep(2 * time.Second)
		if got := p[0].texts("p1"); len(got) != 1 {
			t.Errorf("heard %q of it through the third", got)
		}
		if err := p[0].Connect(addr(1).String()); err == nil {
			t.Error("an address without a port was taken")
		}
		if err := p[0].Connect(addr(1).String() + ":8080"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if got := p[0].Status().Peers; got != 2 {
			t.Errorf("%d peers up after Connect", got)
		}
	})
}

// Who has gone before one came is called what their records say, in votes too.
func TestWhoHasGoneIsCalledByName(t *testing.T) {
	together(t, 12, 2, func(t *testing.T, w *town, p []*person) {
		p[1].Say("hello")
		p[1].Nick("Robert")
		time.Sleep(time.Second)
		gone := p[1].Self().Key
		propose(t, p[0], wishOn)
		time.Sleep(time.Second)
		p[1].leave()
		time.Sleep(time.Second)
		late := w.move(2)
		time.Sleep(10 * time.Second)
		q := late.last("#1")
		i := slices.IndexFunc(q.Roll, func(v event.Voter) bool { return v.Key == gone })
		if i < 0 || q.Roll[i].Name != "Robert" {
			t.Errorf("%+v", q.Roll)
		}
	})
}
