package identity

import (
	"bytes"
	"slices"
)

// KeySet is a set of keys, sorted and each once. It takes no more memory than its keys. A KeySet never changes, so
// goroutines may share it. The zero KeySet is empty.
type KeySet []Key

// NewKeySet returns the set of keys. It copies them.
func NewKeySet(keys ...Key) KeySet {
	s := slices.Clone(keys)
	slices.SortFunc(s, Key.Compare)
	return slices.Clip(slices.Compact(s))
}

// Has reports whether a key is in the set. It copies no keys, since it runs for each link of each record handed on.
func (s KeySet) Has(key Key) bool {
	for low, high := 0, len(s); low < high; {
		middle := (low + high) / 2
		switch bytes.Compare(s[middle].b[:], key.b[:]) {
		case 0:
			return true
		case -1:
			low = middle + 1
		default:
			high = middle
		}
	}
	return false
}

// Minus returns the keys of s that are not in other.
func (s KeySet) Minus(other KeySet) (rest KeySet) {
	for _, key := range s {
		if !other.Has(key) {
			rest = append(rest, key)
		}
	}
	return rest
}
