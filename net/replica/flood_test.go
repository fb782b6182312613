package replica

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// floodEvents returns who was named as a flooder.
func (m *member) floodEvents() (out []event.Flood) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ev := range m.events {
		if f, ok := ev.(event.Flood); ok {
			out = append(out, f)
		}
	}
	return out
}

// A peer that is too slow for a flood that we hand on still gets all others' messages at once.
func TestSlowForOneAuthorOnly(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		flooder, hub, far := n.members[0], n.members[1], n.members[2]
		n.link(flooder, hub)
		n.link(hub, far)
		pass(time.Second)
		n.say(flooder, "hello")
		n.say(hub, "hello too")
		pass(time.Second)
		l := hub.links[far.key()]
		l.share(map[identity.Key]int{flooder.key(): 20})
		l.hold(true)
		texts := n.say(flooder, numbered("flood", 300)...)
		pass(time.Second)
		if !hub.isSlow(far) {
			t.Fatal("the flood fits the queue")
		}
		l.reset()
		n.say(hub, "beside it")
		pass(time.Second)
		if got := sent[wire.Record](l); len(got) != 1 || !strings.Contains(got[0].Body, "beside it") {
			t.Errorf("%d records were pushed, want the honest one", len(got))
		}
		l.hold(false)
		pass(time.Second)
		got := far.heard()
		if at := slices.Index(got, "beside it"); at < 0 || at > 22 {
			t.Errorf("the honest message came as number %d", at)
		}
		flood := slices.DeleteFunc(got, func(text string) bool { return !strings.HasPrefix(text, "flood") })
		if diff := cmp.Diff(texts, flood); diff != "" {
			t.Errorf("the flood (-want +got)\n%s", diff)
		}
		if hub.isSlow(far) {
			t.Error("it has everything and is slow")
		}
		n.expectLevel()
	})
}

// Who floods is named once, and again after some minutes: not one whose flood no one else's messages pass, nor one who
// sends long texts now and then.
func TestFloodersAreNamed(t *testing.T) {
	large := strings.Repeat("flood ", 8192/6)
	inBubble(t, 3, func(t *testing.T, n *net) {
		flooder, a, b := n.members[0], n.members[1], n.members[2]
		for _, pair := range [][2]*member{{flooder, a}, {flooder, b}, {a, b}} {
			n.link(pair[0], pair[1])
		}
		second := func(floods bool, talks bool) {
			for range 200 {
				if floods {
					n.say(flooder, large)
				}
				pass(5 * time.Millisecond)
			}
			if talks {
				n.say(b, "hello")
			}
			for _, m := range n.members {
				m.Tick()
			}
			pass(0)
		}
		for range 6 {
			second(true, false)
		}
		if got := a.floodEvents(); len(got) != 0 {
			t.Errorf("named although nobody else speaks: %v", got)
		}
		for range 6 {
			second(true, true)
		}
		for _, m := range []*member{a, b} {
			if got := m.floodEvents(); len(got) != 1 || got[0].Name != "p0" || got[0].Others != 0 || got[0].InRoom() == "" {
				t.Errorf("%s: named as %+v", m.host.mu.name, got)
			}
		}
		if got := flooder.floodEvents(); len(got) != 0 {
			t.Errorf("it names itself: %v", got)
		}
		for range 10 {
			second(false, true)
		}
		pass(floodAgain)
		n.say(flooder, large, large, large)
		for range 3 {
			second(false, true)
		}
		if got := a.floodEvents(); len(got) != 1 {
			t.Errorf("some long texts are a flood: %v", got)
		}
		for range 6 {
			second(true, true)
		}
		if got := a.floodEvents(); len(got) != 2 {
			t.Errorf("not named again after some minutes: %v", got)
		}
	})
}

// Many keys are named in one notice, by the one that sends most.
func TestManyFloodersAreFolded(t *testing.T) {
	f := floods{bytes: map[identity.Key]int{}, named: map[identity.Key]time.Time{}}
	now := time.Now()
	var named [][]identity.Key
	for range 120 {
		for i := range 100 {
			f.count(testID(i).Key(), 64<<10+i)
		}
		f.count(testID(100).Key(), 200)
		if who := f.tick(now, testID(200).Key(), noOne); who != nil {
			named = append(named, who)
		}
		now = now.Add(time.Second)
	}
	if len(named) != 1 || len(named[0]) != 100 || named[0][0] != testID(99).Key() {
		t.Errorf("%d notices", len(named))
	}
	for i := range 3 * maxFlooders {
		f.count(testID(i).Key(), 1000)
	}
	if f.tick(now, testID(0).Key(), noOne); len(f.bytes) > maxFlooders || len(f.named) > maxFlooders {
		t.Errorf("%d keys are counted, %d named", len(f.bytes), len(f.named))
	}
}

// Records that somebody sends again and again name no one: their author says nothing.
func TestReplaysNameNobody(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		recs := chain(t, 7, "long "+strings.Repeat("x", 8000), 20)
		stranger := deadLink(testID(97).Key())
		for range 12 {
			n.say(b, "hello")
			for range 30 {
				for _, rec := range recs {
					a.Record(stranger, rec)
				}
			}
			pass(time.Second)
			a.Tick()
			b.Tick()
		}
		if got := a.floodEvents(); len(got) != 0 {
			t.Errorf("named: %v", got)
		}
	})
}

func noOne(identity.Key) bool { return false }

// A known person who talks beside a thousand flooding keys isn't one of them, and is the one whose messages go before
// theirs. One who floods is named all the same.
func TestKnownPersonBesideManyFlooders(t *testing.T) {
	known := testID(1000).Key()
	for name, c := range map[string]struct {
		isKnown bool
		bytes   int
		want    int // flooders
	}{
		"a known person talks":  {true, 10 << 10, 1000},
		"a stranger does":       {false, 10 << 10, 0}, // no one's messages go before the flood
		"a known person floods": {true, 10 * floodBytes, 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := floods{bytes: map[identity.Key]int{}, named: map[identity.Key]time.Time{}}
			for i := range 1000 {
				f.count(testID(i).Key(), 4<<10)
			}
			f.count(known, c.bytes)
			who := f.tick(time.Now(), testID(2000).Key(), func(key identity.Key) bool { return c.isKnown && key == known })
			if len(who) != c.want || slices.Contains(who, known) != (c.want == 1) {
				t.Errorf("%d are named, want %d", len(who), c.want)
			}
		})
	}
}

// A known author isn't named for what others send. One that was only met is named with them.
func TestNamingFollowsStanding(t *testing.T) {
	for level, want := range map[standing.Level]int{standing.Heard: 0, standing.Met: 0, standing.Known: 1} {
		inBubble(t, 1, func(t *testing.T, n *net) {
			a := n.members[0]
			talks := testID(1000).Key()
			a.rank(talks, level, standing.Source{})
			a.Replica.mu.Lock()
			for i := range 300 {
				a.Replica.mu.floods.count(testID(i+100).Key(), 16<<10)
			}
			a.Replica.mu.floods.count(talks, 20<<10)
			a.Replica.mu.Unlock()
			a.Tick()
			pass(0)
			if got := a.floodEvents(); len(got) != want {
				t.Errorf("level %v: %d notices, want %d", level, len(got), want)
			}
		})
	}
}
