package node

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/wire"
)

// keysOf returns the keys of people, sorted.
func keysOf(ps ...*person) identity.KeySet {
	var keys []identity.Key
	for _, p := range ps {
		keys = append(keys, p.cfg.Identity.Key())
	}
	return identity.NewKeySet(keys...)
}

// A peer hears all links once and then what has changed. A program of before links2 hears all of them each time.
func TestLinksSayWhatChanged(t *testing.T) {
	inTown(t, 51, func(t *testing.T, w *town) {
		a := w.move(0)
		w.move(1)
		pass(5 * time.Second)
		new, old := w.observe(50, a, wire.Caps()), w.observe(51, a, nil)
		defer new.leave()
		defer old.leave()
		check := func(when string, o *observer, changes bool, before, want identity.KeySet) {
			t.Helper()
			frames := take[wire.Links](o)
			if len(frames) == 0 {
				t.Fatalf("%s: heard of no links", when)
			}
			for _, m := range frames {
				if m.IsChange() != changes {
					t.Errorf("%s: a change: %v, want %v", when, m.IsChange(), changes)
				}
				before, _ = applyLinks(before, m)
			}
			if !slices.Equal(before, want) {
				t.Errorf("%s: heard of %d links, want %d", when, len(before), len(want))
			}
		}
		links := func(keys ...identity.Key) identity.KeySet {
			return identity.NewKeySet(append(keys, new.key, old.key)...)
		}
		pass(time.Second)
		two := links(w.people[1].Self().Key)
		first := take[wire.Links](new)
		if len(first) == 0 || first[0].IsChange() {
			t.Fatalf("heard first %+v", first)
		}
		known, _ := applyLinks(nil, first[0])
		for _, m := range first[1:] {
			known, _ = applyLinks(known, m)
		}
		check("met", old, false, nil, two)
		c := w.move(2)
		pass(3 * time.Second)
		three := links(w.people[1].Self().Key, c.Self().Key)
		check("one more", new, true, known, three)
		check("one more", old, false, nil, three)
		c.leave()
		pass(3 * time.Second)
		check("one less", new, true, three, two)
		check("one less", old, false, nil, two)
		w.move(2)
		pass(3 * time.Second)
	})
}

// gathered is how many links make changes wait for a second round.
const gathered = 16

// What a peer is remembered to be linked to is what it is linked to, whoever comes and goes, in a small room as in one
// whose changes are gathered.
func TestNeighboursAreTrue(t *testing.T) {
	for _, n := range []int{5, gathered + 4} {
		inTown(t, 52, func(t *testing.T, w *town) {
			w.crowd(n)
			for _, i := range []int{2, 4, 2, 0} {
				pass(5 * time.Second)
				w.people[i].leave()
				pass(3 * time.Second)
				for j, p := range w.people {
					checkNeighbours(t, w, i, j, p)
				}
				w.move(i)
			}
			pass(5 * time.Second)
			for j, p := range w.people {
				checkNeighbours(t, w, -1, j, p)
			}
		})
	}
}

// In a room whose changes are gathered, a link that comes between two rounds is told of no other that is gone by the next.
func TestALinkBetweenRounds(t *testing.T) {
	inTown(t, 57, func(t *testing.T, w *town) {
		ps := w.crowd(gathered + 2)
		pass(5*time.Second + 100*time.Millisecond) // rounds are at whole seconds
		brief := w.observe(50, ps[0], wire.Caps())
		pass(60 * time.Millisecond)
		stays := w.observe(51, ps[0], wire.Caps())
		defer stays.leave()
		pass(60 * time.Millisecond)
		brief.leave()
		pass(3 * time.Second)
		var links identity.KeySet
		for _, m := range take[wire.Links](stays) {
			links, _ = applyLinks(links, m)
		}
		if len(links) != gathered+2 || links.Has(brief.key) {
			t.Errorf("takes it to have %d links, one that is gone: %v", len(links), links.Has(brief.key))
		}
	})
}

// checkNeighbours checks what person j remembers of all others while one is away.
func checkNeighbours(t *testing.T, w *town, away, j int, p *person) {
	t.Helper()
	if j == away {
		return
	}
	p.Node.mu.Lock()
	defer p.Node.mu.Unlock()
	for k, q := range w.people {
		if k == j || k == away {
			continue
		}
		var others []*person
		for m, r := range w.people {
			if m != k && m != away {
				others = append(others, r)
			}
		}
		if got := p.Node.mu.peers[q.cfg.Identity.Key()].neighbours; !slices.Equal(got, keysOf(others...)) {
			t.Errorf("with %d away, %d takes %d to have %d links of %d", away, j, k, len(got), len(others))
		}
	}
}

// Where others listen is said to a peer that doesn't name them as its links: at once when it comes, when they come, and
// again after a minute. A peer that has them all hears nothing.
func TestContactsGoToThoseThatLackThem(t *testing.T) {
	inTown(t, 53, func(t *testing.T, w *town) {
		ps := w.crowd(3)
		pass(5 * time.Second)
		o := w.observe(50, ps[0], wire.Caps())
		defer o.leave()
		told := func() identity.KeySet {
			var keys []identity.Key
			for _, m := range take[wire.Peers](o) {
				for _, c := range m.Peers {
					keys = append(keys, c.Key)
				}
			}
			return identity.NewKeySet(keys...)
		}
		o.say(t, wire.Links{Links: []wire.Neighbour{{Key: ps[0].Self().Key}, {Key: ps[1].Self().Key}}})
		pass(time.Second)
		if got := told(); !slices.Equal(got, keysOf(ps[2])) {
			t.Errorf("told of %d at first, want the one that it lacks", len(got))
		}
		pass(50 * time.Second)
		if got := told(); len(got) != 0 {
			t.Errorf("told of %d again within a minute", len(got))
		}
		d := w.move(3)
		pass(2 * time.Second)
		if got := told(); !slices.Equal(got, keysOf(d)) {
			t.Errorf("told of %d when one came, want that one", len(got))
		}
		pass(2 * contactRefresh)
		if got := told(); !slices.Equal(got, keysOf(ps[2], d)) {
			t.Errorf("told of %d after a minute, want both that it lacks", len(got))
		}
		o.say(t, wire.Links{Add: keysOf(ps[2], d)})
		pass(3 * contactRefresh)
		if got := told(); len(got) != 0 {
			t.Errorf("told of %d that it has", len(got))
		}
	})
}

// However a peer says its links, no more of them are remembered than can be said at once, and a frame that changes
// nothing costs nothing.
func TestApplyLinksIsBounded(t *testing.T) {
	key := func(i int) identity.Key {
		var seed [32]byte
		binary.BigEndian.PutUint32(seed[:], uint32(i))
		return identity.FromSeed(seed).Key()
	}
	pool := make([]identity.Key, 3*maxNeighbours)
	for i := range pool {
		pool[i] = key(i)
	}
	rapid.Check(t, func(t *rapid.T) {
		var links identity.KeySet
		for range rapid.IntRange(1, 8).Draw(t, "frames") {
			pick := func(what string) []identity.Key {
				from := rapid.IntRange(0, len(pool)).Draw(t, what+" from")
				return pool[from : from+rapid.IntRange(0, len(pool)-from).Draw(t, what)]
			}
			m := wire.Links{Add: pick("add"), Drop: pick("drop")}
			if rapid.IntRange(0, 9).Draw(t, "full") == 0 {
				m = wire.Links{}
				for _, k := range pick("all") {
					m.Links = append(m.Links, wire.Neighbour{Key: k})
				}
			}
			before := slices.Clone(links)
			after, changed := applyLinks(links, m)
			if !slices.Equal(before, links) {
				t.Fatal("wrote to the links of before")
			}
			if len(after) > maxNeighbours {
				t.Fatalf("%d links are remembered", len(after))
			}
			if !changed && !slices.Equal(before, after) {
				t.Fatal("a change that isn't reported")
			}
			if again, changed := applyLinks(after, wire.Links{Add: after}); len(after) > 0 && (changed || !slices.Equal(after, again)) {
				t.Fatal("the same links again are taken for a change")
			}
			want := map[identity.Key]bool{}
			if m.IsChange() {
				for _, k := range before {
					want[k] = true
				}
			}
			for _, x := range m.Links {
				want[x.Key] = true
			}
			for _, k := range m.Drop {
				delete(want, k)
			}
			for _, k := range m.Add {
				want[k] = true
			}
			if len(want) <= maxNeighbours && !slices.Equal(after, slices.SortedFunc(maps.Keys(want), identity.Key.Compare)) {
				t.Fatalf("%d links, want %d", len(after), len(want))
			}
			links = after
		}
	})
}

// While many come at once each hears of few at first, since all may be finding each other, and of all others with the next
// changes.
func TestContactsWhileManyCome(t *testing.T) {
	inTown(t, 59, func(t *testing.T, w *town) {
		ps := w.crowd(8)
		pass(10 * time.Second)
		come := func(seed int) *observer {
			o := w.observe(seed, ps[0], wire.Caps())
			o.say(t, wire.Links{Links: []wire.Neighbour{{Key: ps[0].Self().Key}}})
			pass(50 * time.Millisecond)
			return o
		}
		told := func(o *observer) (keys []identity.Key) {
			for _, m := range take[wire.Peers](o) {
				for _, c := range m.Peers {
					keys = append(keys, c.Key)
				}
			}
			return keys
		}
		others := keysOf(ps[1:]...)
		first := come(60)
		defer first.leave()
		if left := others.Minus(identity.NewKeySet(told(first)...)); len(left) > 0 {
			t.Errorf("who comes alone isn't told of %d at once", len(left))
		}
		var last *observer
		for i := range manyCame + 1 {
			last = come(61 + i)
			defer last.leave()
		}
		soon := told(last)
		if len(soon) != someContacts {
			t.Errorf("the last of many is told of %d at once, want %d", len(soon), someContacts)
		}
		pass(gatherMost)
		if left := others.Minus(identity.NewKeySet(append(soon, told(last)...)...)); len(left) > 0 {
			t.Errorf("the last of many isn't told of %d in %v", len(left), gatherMost)
		}
	})
}

// Links that come are gathered, and one that has gone is said within a second.
func TestLinksAreGathered(t *testing.T) {
	inTown(t, 58, func(t *testing.T, w *town) {
		ps := w.crowd(20)
		pass(10 * time.Second)
		o := w.observe(50, ps[0], wire.Caps())
		defer o.leave()
		pass(5 * time.Second)
		take[wire.Links](o)
		var come []*observer
		for i := range 30 {
			come = append(come, w.observe(60+i, ps[0], wire.Caps()))
			pass(100 * time.Millisecond)
		}
		pass(3 * time.Second)
		if frames := take[wire.Links](o); len(frames) > 4 {
			t.Errorf("%d changes said in 6 s while 30 links came, want at most 4", len(frames))
		}
		late := w.observe(90, ps[0], wire.Caps())
		defer late.leave()
		for heard := false; !heard; pass(100 * time.Millisecond) { // changes have gone out just now
			heard = len(take[wire.Links](o)) > 0
		}
		gone := come[0]
		gone.leave()
		pass(1200 * time.Millisecond)
		drops := 0
		for _, m := range take[wire.Links](o) {
			if slices.Contains(m.Drop, gone.key) {
				drops++
			}
		}
		if drops != 1 {
			t.Errorf("%d frames say within a second that a link has gone, want 1", drops)
		}
		for _, c := range come[1:] {
			c.leave()
		}
	})
}
