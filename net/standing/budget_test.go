package standing

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func sourceAt(addr string) Source { return SourceOf(netip.MustParseAddr(addr), nil) }

// spend adds n to a key's use and has keys give way until nothing is over, one unit at a time. It returns them.
func spend(b *Budget[string], key string, l Level, s Source, n int) (gave []string) {
	b.Add(key, l, s, n)
	for {
		victim, over := b.Victim(key)
		if !over {
			return gave
		}
		gave = append(gave, victim)
		b.Take(victim, 1)
	}
}

// While there is room everyone may use it. Then the order of the package comment decides.
func TestVictim(t *testing.T) {
	one, two, three := sourceAt("10.0.0.1"), sourceAt("10.0.0.2"), sourceAt("10.0.0.3")
	type use struct {
		key  string
		l    Level
		from Source
		n    int
	}
	for name, tc := range map[string]struct {
		there []use
		comes use
		want  string // who gives way, "" for none
	}{
		"room": {
			[]use{{"a", Heard, one, 15}}, use{"a", Heard, one, 1}, "",
		},
		"heard before met": {
			[]use{{"a", Met, one, 15}, {"b", Heard, two, 1}}, use{"c", Known, three, 1}, "b",
		},
		"met before known": {
			[]use{{"a", Known, one, 1}, {"b", Met, two, 1}, {"c", Known, three, 14}}, use{"d", Known, three, 1}, "b",
		},
		"the key with the most of the source with the most": {
			[]use{{"a", Heard, one, 7}, {"b", Heard, two, 5}, {"c", Heard, two, 4}}, use{"e", Heard, three, 1}, "b",
		},
		"of equals the one that came last": {
			[]use{{"a", Heard, one, 8}, {"b", Heard, one, 8}}, use{"e", Met, three, 1}, "b",
		},
		"of equal sources the one that came last": {
			[]use{{"a", Heard, one, 8}, {"b", Heard, two, 8}}, use{"e", Met, three, 1}, "b",
		},
		"the newcomer itself": {
			[]use{{"a", Met, one, 16}}, use{"e", Heard, three, 1}, "e",
		},
		"a newcomer of the largest source": {
			[]use{{"a", Met, one, 8}, {"b", Met, two, 8}}, use{"c", Met, two, 1}, "b",
		},
		"a known key above an eighth, before others": {
			[]use{{"a", Known, one, 3}, {"b", Heard, two, 13}}, use{"a", Known, one, 1}, "a",
		},
		"a known key within an eighth isn't pushed out": {
			[]use{{"a", Known, one, 2}, {"b", Known, two, 2}, {"c", Known, two, 2}, {"d", Known, two, 2}, {"e", Known, two, 2},
				{"f", Known, two, 2}, {"g", Known, two, 2}, {"h", Known, two, 2}}, use{"i", Known, three, 1}, "i",
		},
		"the largest known key above an eighth": {
			[]use{{"a", Known, one, 12}, {"b", Known, two, 4}}, use{"i", Known, three, 1}, "a",
		},
	} {
		b := NewBudget[string](16, 16)
		for _, u := range tc.there {
			if gave := spend(b, u.key, u.l, u.from, u.n); len(gave) > 0 {
				t.Fatalf("%s: %v gave way while there was room", name, gave)
			}
		}
		gave := spend(b, tc.comes.key, tc.comes.l, tc.comes.from, tc.comes.n)
		if tc.want == "" && len(gave) > 0 || tc.want != "" && (len(gave) != 1 || gave[0] != tc.want) {
			t.Errorf("%s: %v gave way, want %q", name, gave, tc.want)
		}
	}
}

// Keys that aren't known stay within their part, also while the budget has room.
func TestStrangersHaveAPart(t *testing.T) {
	b := NewBudget[string](16, 4)
	if gave := spend(b, "met", Met, sourceAt("10.0.0.1"), 4); gave != nil {
		t.Errorf("%v gave way", gave)
	}
	if gave := spend(b, "heard", Heard, sourceAt("10.0.0.2"), 1); !slices.Equal(gave, []string{"heard"}) {
		t.Errorf("%v gave way", gave)
	}
	if gave := spend(b, "known", Known, sourceAt("10.0.0.2"), 12); gave != nil {
		t.Errorf("%v gave way", gave)
	}
	if gave := spend(b, "met", Met, sourceAt("10.0.0.1"), 1); !slices.Equal(gave, []string{"met"}) {
		t.Errorf("%v gave way", gave)
	}
}

// KeepForHeard leaves heard keys a part of what strangers use. What they use above it goes first, else what met keys use.
func TestHeardKeepsAPart(t *testing.T) {
	for _, c := range []struct {
		part, heard, met int
		want             string
	}{
		{0, 1, 40, "heard"}, {8, 1, 40, "met"}, {8, 5, 35, "met"}, {8, 6, 35, "heard"}, {8, 0, 41, "met"}, {8, 41, 0, "heard"},
	} {
		b := NewBudget[string](100, 39)
		b.KeepForHeard(c.part)
		b.Add("heard", Heard, sourceAt("10.0.0.1"), c.heard)
		b.Add("met", Met, sourceAt("10.0.0.2"), c.met)
		b.Add("known", Known, sourceAt("10.0.0.3"), 10)
		if victim, over := b.Victim("known"); victim != c.want || !over {
			t.Errorf("one part in %d for heard: of %d heard and %d met, %q gives way (%v), want %q", c.part, c.heard, c.met, victim, over, c.want)
		}
	}
}

// An attacker with a thousand link-local addresses is sixteen sources, though each address alone is small.
func TestLinkLocalAddressesCountAsSixteen(t *testing.T) {
	b := NewBudget[string](1200, 1200)
	for i := range 1000 {
		spend(b, fmt.Sprint(i), Heard, sourceAt(fmt.Sprintf("fe80::%x", i+1)), 1)
	}
	honest := sourceAt("10.0.0.1")
	spend(b, "honest", Heard, honest, 50) // less than 1000/16
	for i := range 500 {
		spend(b, fmt.Sprint("more", i), Heard, sourceAt(fmt.Sprintf("fe80::1:%x", i)), 1)
	}
	if got := b.UsedBy("honest"); got != 50 {
		t.Errorf("the honest key has %d of 50 left", got)
	}
	b = NewBudget[string](100, 100)
	spend(b, "bob", Heard, sourceAt("fe80::b0b"), 5)
	spend(b, "flood", Heard, honest, 200)
	if got := b.UsedBy("bob"); got != 5 {
		t.Errorf("a link-local key has %d of 5 left beside another source's flood", got)
	}
}

// A key that is met by and by isn't where it was: Add moves it with all that it uses.
func TestAddMovesAKey(t *testing.T) {
	b := NewBudget[string](10, 10)
	spend(b, "a", Heard, sourceAt("10.0.0.1"), 5)
	spend(b, "b", Heard, sourceAt("10.0.0.2"), 4)
	b.Add("a", Met, sourceAt("10.0.0.3"), 1)
	if gave := spend(b, "c", Heard, sourceAt("10.0.0.4"), 1); !slices.Equal(gave, []string{"b"}) {
		t.Errorf("%v gave way", gave)
	}
	if b.UsedBy("a") != 6 || b.used != 10 {
		t.Errorf("a uses %d of %d", b.UsedBy("a"), b.used)
	}
	b.Add("a", Heard, Source{}, -100)
	if b.UsedBy("a") != 0 || b.used != 4 || len(b.users) != 2 {
		t.Errorf("a uses %d of %d, %d keys", b.UsedBy("a"), b.used, len(b.users))
	}
}

// The budget does what the rule says, written plainly and without heaps, over random steps.
func TestBudgetAgainstPlainRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		strangers := rapid.IntRange(1, 40).Draw(t, "strangers")
		b := NewBudget[string](limit, strangers)
		var model []plainUse
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			key := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "key")
			l := Level(rapid.IntRange(0, levels-1).Draw(t, "level"))
			from := sourceAt(rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2", "127.0.0.1"}).Draw(t, "from"))
			n := rapid.IntRange(-3, 6).Draw(t, "n")
			stays := b.users[key] == nil || b.users[key].level == l
			free := b.HasFree(l, n)
			if rapid.IntRange(0, 9).Draw(t, "unknown source") == 0 {
				from = Source{}
			}
			b.Add(key, l, from, n)
			if _, over := b.Victim(key); stays && n > 0 && free == over {
				t.Fatalf("HasFree says %v, and %v is over", free, over)
			}
			model = addPlain(model, plainUse{key, l, from, n})
			for {
				got, over := b.Victim(key)
				want := victimPlain(model, key, limit, min(limit, strangers))
				if over != (len(want) > 0) || over && !slices.Contains(want, got) {
					t.Fatalf("%q gives way, want one of %q of %v", got, want, model)
				}
				if !over {
					break
				}
				i := slices.IndexFunc(model, func(u plainUse) bool { return u.key == got })
				v := model[i]
				v.n = -1
				b.Add(got, v.level, v.source, -1)
				model = addPlain(model, v)
			}
		}
	})
}

// plainUse is a key's use. A slice of them is in the order in which the keys came.
type plainUse struct {
	key    string
	level  Level
	source Source
	n      int
}

func addPlain(all []plainUse, u plainUse) []plainUse {
	i := slices.IndexFunc(all, func(v plainUse) bool { return v.key == u.key })
	if i < 0 {
		if u.n > 0 {
			return append(all, u)
		}
		return all
	}
	all[i].n += u.n
	all[i].level = u.level
	if u.source != (Source{}) {
		all[i].source = u.source
	}
	if all[i].n <= 0 {
		return slices.Delete(all, i, i+1)
	}
	return all
}

// victimPlain returns the keys that may give way.
func victimPlain(all []plainUse, newcomer string, limit, strangers int) (may []string) {
	used, ofStrangers, lowest := 0, 0, Known
	own := plainUse{}
	for _, u := range all {
		used += u.n
		if u.level < Known {
			ofStrangers += u.n
		}
		lowest = min(lowest, u.level)
		if u.key == newcomer {
			own = u
		}
	}
	switch {
	case used <= limit && ofStrangers <= strangers:
		return nil
	case own.level == Known && own.n > limit/8 && used > limit:
		return []string{newcomer}
	case lowest < Known:
		bySource := map[Source]int{}
		for _, u := range all {
			if u.level == lowest {
				bySource[u.source] += u.n
			}
		}
		most := 0
		for _, n := range bySource {
			most = max(most, n)
		}
		var of = map[Source]plainUse{}
		for _, u := range all {
			if u.level == lowest && bySource[u.source] == most && u.n >= of[u.source].n {
				of[u.source] = u // the last of equals
			}
		}
		for _, u := range of {
			may = append(may, u.key)
		}
		return may
	}
	large := slices.DeleteFunc(slices.Clone(all), func(u plainUse) bool { return u.n <= limit/8 })
	if len(large) == 0 && own.n > 0 {
		return []string{newcomer}
	}
	if len(large) == 0 {
		large = all
	}
	most := slices.MaxFunc(large, func(a, b plainUse) int { return cmp.Compare(a.n, b.n) }).n
	for _, u := range large {
		if u.n == most {
			may = append(may, u.key)
		}
	}
	return may
}
