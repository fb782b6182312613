package standing

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// place is what a budget knows of a key.
type place struct {
	Level        Level
	Source       Source
	Used         int
	Joined       uint64
	OfPool, Sums int // used by its source, by its level
	PoolJoined   uint64
}

// placesIn returns where each key is, and checks what the heaps say.
func placesIn(t interface{ Errorf(string, ...any) }, b *Budget[string]) map[string]place {
	out, pools := map[string]place{}, 0
	for key, u := range b.users {
		p := u.pool
		out[key] = place{u.level, p.source, u.used, u.joined, p.used, b.levels[u.level].used, p.joined}
		if u.aside || p.aside != 0 || p.users[u.index] != u || b.levels[u.level].sources[p.source] != p {
			t.Errorf("%s isn't in its pool: %+v", key, u)
		}
	}
	for i := range b.levels {
		l := &b.levels[i]
		pools += len(l.sources)
		if len(l.others)+len(l.linkLocal) != len(l.sources) {
			t.Errorf("level %d: %d pools are in heaps, of %d", i, len(l.others)+len(l.linkLocal), len(l.sources))
		}
		for _, p := range l.sources {
			if len(p.users) == 0 || (*l.heapOf(p.source))[p.index] != p {
				t.Errorf("the pool of %v is empty or not in its heap", p.source)
			}
		}
	}
	out["all"] = place{Used: b.used, Sums: pools}
	return out
}

// A key that can't give units is passed over, and no other gives way for what it uses. Afterwards it is where it was:
// before those that came later.
func TestMakeSpacePassesOver(t *testing.T) {
	one := sourceAt("10.0.0.1")
	b := NewBudget[string](10, 10)
	b.Add("gone", Heard, one, 1)
	b.Add("first", Heard, one, 6)
	b.Add("second", Heard, one, 6)
	b.Take("gone", 1)
	b.Add("other", Heard, sourceAt("10.0.0.2"), 12)
	before := placesIn(t, b)
	var asked []string
	b.MakeSpace(func(key string) bool {
		asked = append(asked, key)
		return true
	})
	if want := []string{"other", "second"}; !slices.Equal(asked, want) {
		t.Errorf("%q had to give way, want %q: the rest is within the limit", asked, want)
	}
	if diff := cmp.Diff(before, placesIn(t, b), cmp.Comparer(func(a, b Source) bool { return a == b })); diff != "" {
		t.Errorf("keys that were passed over moved:\n%s", diff)
	}
	asked = nil
	b.MakeSpace(func(key string) bool {
		asked = append(asked, key)
		if key == "second" {
			b.Take(key, 4)
		}
		return true
	})
	if want := []string{"other", "second"}; !slices.Equal(asked, want) || b.UsedBy("second") != 2 {
		t.Errorf("%q had to give way, want %q", asked, want)
	}
	asked = nil
	b.Add("second", Heard, one, 4)
	b.MakeSpace(func(key string) bool {
		asked = append(asked, key)
		return false
	})
	if want := []string{"other"}; !slices.Equal(asked, want) {
		t.Errorf("%q had to give way after the end", asked)
	}
}

// A key that is passed over may use more or less meanwhile, and counts again.
func TestMakeSpaceWhileKeysChange(t *testing.T) {
	b := NewBudget[string](4, 4)
	for i, key := range []string{"a", "b", "c"} {
		b.Add(key, Heard, sourceAt(fmt.Sprintf("10.0.0.%d", i+1)), 4)
	}
	var asked []string
	b.MakeSpace(func(key string) bool {
		switch asked = append(asked, key); len(asked) {
		case 2:
			b.Add("c", Met, Source{}, 1)
		case 3:
			b.Take("b", 5)
		case 4:
			b.Take("c", 5)
		}
		return true
	})
	if want := []string{"c", "b", "a", "c"}; !slices.Equal(asked, want) || b.UsedBy("a") != 4 || len(b.users) != 1 {
		t.Errorf("%q had to give way, want %q; %d keys are left", asked, want, len(b.users))
	}
	placesIn(t, b)
}

// A key that would use as much as a later one of its source stays before it.
func TestWouldGiveWayBySeniority(t *testing.T) {
	one := sourceAt("10.0.0.1")
	b := NewBudget[string](10, 10)
	b.Add("first", Heard, one, 5)
	b.Add("second", Heard, one, 6)
	if b.WouldGiveWay("first", Heard, one, 1, "") || !b.WouldGiveWay("first", Heard, one, 2, "") || !b.WouldGiveWay("third", Heard, one, 6, "") {
		t.Error("the order of equals is wrong")
	}
}

// WouldGiveWay says of any key what Victim says after Add, and leaves all keys where they were.
func TestWouldGiveWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit, strangers := rapid.IntRange(1, 40).Draw(t, "limit"), rapid.IntRange(1, 40).Draw(t, "strangers")
		b := NewBudget[string](limit, strangers)
		sources := []string{"10.0.0.1", "10.0.0.2", "fe80::1", "fe80::2"}
		draw := func() (key string, l Level, from Source, n int) {
			key = rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "key")
			l = Level(rapid.IntRange(0, levels-1).Draw(t, "level"))
			if rapid.IntRange(0, 4).Draw(t, "source known") > 0 {
				from = sourceAt(rapid.SampledFrom(sources).Draw(t, "from"))
			}
			return key, l, from, rapid.IntRange(1, 9).Draw(t, "n")
		}
		for range rapid.IntRange(1, 20).Draw(t, "steps") {
			key, l, from, n := draw()
			b.Add(key, l, from, n)
			if rapid.Bool().Draw(t, "less") {
				b.Take(key, 1)
			}
		}
		key, l, from, n := draw()
		newcomer := rapid.SampledFrom([]string{"", key}).Draw(t, "newcomer")
		before := placesIn(t, b)
		got := b.WouldGiveWay(key, l, from, n, newcomer)
		if diff := cmp.Diff(before, placesIn(t, b), cmp.Comparer(func(a, b Source) bool { return a == b })); diff != "" {
			t.Errorf("a question moved a key:\n%s", diff)
		}
		joined := b.joined
		b.Add(key, l, from, n)
		victim, over := b.Victim(newcomer)
		if want := over && victim == key; got != want {
			t.Errorf("%v, want %v: %q gives way of %v", got, want, victim, slices.Collect(maps.Keys(b.users)))
		}
		if b.users[key].joined > joined+1 {
			t.Error("a question took a place")
		}
	})
}
