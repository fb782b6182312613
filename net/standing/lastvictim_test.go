package standing

import (
	"slices"
	"testing"
)

// An unknown source, as of a key that no one handed on just now, leaves the one before.
func TestUnknownSourceLeavesTheOneBefore(t *testing.T) {
	b := NewBudget[string](20, 20)
	one, two := sourceAt("10.0.0.1"), sourceAt("10.0.0.2")
	spend(b, "flood1", Heard, one, 6)
	spend(b, "flood2", Heard, one, 6)
	spend(b, "honest", Heard, two, 8)
	b.Add("honest", Heard, Source{}, 0)
	b.Add("flood1", Heard, Source{}, 0)
	b.Add("flood2", Heard, Source{}, -1)
	if gave := spend(b, "new", Heard, sourceAt("10.0.0.3"), 2); !slices.Equal(gave, []string{"flood1"}) {
		t.Errorf("%v gave way, want the larger key of the source that uses most", gave)
	}
	if b.users["honest"].pool.source != two || b.users["flood2"].pool.source != one {
		t.Error("a key is at another source")
	}
	b.Add("unknown", Heard, Source{}, 1) // the first time there is none before
	if b.users["unknown"].pool.source != (Source{}) {
		t.Error("a new key of an unknown source has one")
	}
}

// Known keys of less than an eighth each give way too when all are over and no newcomer is to blame: the largest first,
// those that have nothing to give after all that have, and the last ones after their like.
func TestOnlyKnownKeysAreLeft(t *testing.T) {
	one := sourceAt("10.0.0.1")
	b := NewBudget[string](40, 10) // an eighth is 5
	for _, key := range []string{"own", "a", "b", "c", "d", "e", "f", "ends", "g", "h"} {
		b.Add(key, Known, one, 4)
	}
	for _, key := range []string{"own", "b", "ends"} {
		b.Add(key, Known, sourceAt("10.0.0.2"), 1)
	}
	nothing := map[string]bool{"ends": true}
	b.SetCanGive(func(key string) (can, last bool) { return !nothing[key], key == "own" })
	for _, c := range []struct{ newcomer, want string }{{"a", "a"}, {"own", "b"}, {"ends", "b"}, {"x", "b"}} {
		if victim, over := b.Victim(c.newcomer); !over || victim != c.want {
			t.Errorf("newcomer %s: %q gives way, want %q", c.newcomer, victim, c.want)
		}
	}
	var order []string
	for range 9 { // each gives all that it has to give
		victim, _ := b.Victim("")
		order, nothing[victim] = append(order, victim), true
	}
	if want := []string{"b", "h", "g", "f", "e", "d", "c", "a", "own"}; !slices.Equal(order, want) {
		t.Errorf("%v gave way, want %v", order, want)
	}
	if victim, over := b.Victim(""); !over || victim != "ends" {
		t.Errorf("%q gives way when none has anything to give, want the largest", victim)
	}
	b.Add("own", Known, one, 1) // above an eighth
	delete(nothing, "own")
	delete(nothing, "h")
	if victim, _ := b.Victim("h"); victim != "own" {
		t.Errorf("%q gives way before a key with more than an eighth", victim)
	}
}
