package identity

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A set holds what a map would, in the order of the keys.
func TestKeySet(t *testing.T) {
	keys := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Key { return FromSeed([32]byte{rapid.Byte().Draw(t, "seed") % 40}).Key() }), 0, 30)
	rapid.Check(t, func(t *rapid.T) {
		in, other := keys.Draw(t, "in"), keys.Draw(t, "other")
		want := map[Key]bool{}
		for _, key := range in {
			want[key] = true
		}
		drawn := slices.Clone(in)
		s, o := NewKeySet(in...), NewKeySet(other...)
		if !slices.Equal(in, drawn) {
			t.Fatal("NewKeySet sorted what it was given")
		}
		if !slices.Equal(s, slices.SortedFunc(maps.Keys(want), Key.Compare)) {
			t.Fatalf("%v of %v", s, in)
		}
		for _, key := range append(in, other...) {
			if s.Has(key) != want[key] {
				t.Fatalf("%v: Has is %t", key, s.Has(key))
			}
		}
		for _, key := range other {
			delete(want, key)
		}
		if got := s.Minus(o); !slices.Equal(got, slices.SortedFunc(maps.Keys(want), Key.Compare)) {
			t.Fatalf("%v minus %v is %v", s, o, got)
		}
	})
}
