package profile

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/lookalike"
	"chat.lan/p2pchat/net/standing"
)

// maxNamesADay is how many new names a key is remembered under each day. Only a peer that wants to take the names of
// others has more.
const maxNamesADay = 5

// names holds the first key seen under each name. The keys share the places: see package standing.
type names struct {
	first  map[string]firstKey // by folded name
	claims map[string][]string // the names that look alike, by what they claim: see package lookalike
	of     map[identity.Key][]string
	places *standing.Budget[identity.Key]
}

// firstKey is the first key seen under a name.
type firstKey struct {
	key  identity.Key
	last int64 // ms since 1970, in whole days: when the key was last seen
	came int64 // the same, when the name was first seen; 0 in files of earlier versions
}

func newNames() names {
	return names{first: map[string]firstKey{}, claims: map[string][]string{}, of: map[identity.Key][]string{}, places: standing.NewBudget[identity.Key](maxKnown, maxKnown)}
}

// add remembers a name. If there are too many, another goes, which may be this one.
func (n *names) add(name string, f firstKey, level standing.Level, from standing.Source) {
	n.first[name] = f
	claim := lookalike.Claim(name)
	n.claims[claim] = append(n.claims[claim], name)
	n.of[f.key] = append(n.of[f.key], name)
	n.places.Add(f.key, level, from, 1)
	for {
		victim, over := n.places.Victim(f.key)
		if !over {
			return
		}
		n.removeOldest(victim)
	}
}

// removeOldest forgets the name under which a key was seen longest ago, and of equally old ones the last in the
// alphabet.
func (n *names) removeOldest(key identity.Key) {
	oldest := slices.MinFunc(n.of[key], func(a, b string) int {
		return cmp.Or(cmp.Compare(n.first[a].last, n.first[b].last), cmp.Compare(b, a))
	})
	n.remove(oldest)
}

// remove forgets a name.
func (n *names) remove(name string) {
	key := n.first[name].key
	delete(n.first, name)
	without(n.of, key, name)
	without(n.claims, lookalike.Claim(name), name)
	n.places.Take(key, 1)
}

// without removes a name from a list, and an empty list from its map.
func without[K comparable](lists map[K][]string, at K, name string) {
	lists[at] = slices.DeleteFunc(lists[at], func(other string) bool { return other == name })
	if len(lists[at]) == 0 {
		delete(lists, at)
	}
}

// countToday returns how many names of a key are of today.
func (n *names) countToday(key identity.Key, today int64) (count int) {
	for _, name := range n.of[key] {
		if n.first[name].came == today {
			count++
		}
	}
	return count
}

// sorted returns all names in the order of the alphabet.
func (n *names) sorted() []string { return slices.Sorted(maps.Keys(n.first)) }

// NoteName remembers the first key seen under a name. If an earlier, different key is known under
// the name, and this key was never verified, it returns that earlier key and true. The caller then
// warns of a new person. Names are compared without case, format characters and outer space, so
// that no look-alike of that kind passes for another person. level and from are the key's (see package standing): when
// there are too many names they decide which is forgotten. A key's sixth new name of a day isn't remembered. A verified
// key takes its name over from a key that isn't verified, which then counts as the new person. NoteName doesn't wait for
// the disk.
func (k *Known) NoteName(name string, key identity.Key, level standing.Level, from standing.Source) (before identity.Key, known bool) {
	folded := fold(name)
	if folded == "" || key.IsZero() {
		return identity.Key{}, false
	}
	today := time.Now().Truncate(24 * time.Hour).UnixMilli()
	k.mu.Lock()
	defer k.mu.Unlock()
	first, ok := k.names.first[folded]
	_, compared := k.verified[key]
	if _, before := k.verified[first.key]; ok && compared && !before && first.key != key && k.names.countToday(key, today) < maxNamesADay {
		k.names.remove(folded)
		ok = false
	}
	switch {
	case !ok && k.names.countToday(key, today) >= maxNamesADay:
		return identity.Key{}, false
	case !ok:
		k.names.add(folded, firstKey{key: key, last: today, came: today}, level, from)
		k.markDirtyLocked()
		return identity.Key{}, false
	case first.key == key && first.last != today:
		first.last = today
		k.names.first[folded] = first
		k.markDirtyLocked()
	}
	if first.key != key && !compared {
		return first.key, true
	}
	return identity.Key{}, false
}

// Lookalikes returns the keys that are remembered under a name which could be taken for this one, and that name.
func (k *Known) Lookalikes(name string) map[identity.Key]string {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := map[identity.Key]string{}
	for _, other := range k.names.claims[lookalike.Claim(name)] {
		keys[k.names.first[other].key] = other
	}
	return keys
}

// fold returns the form in which names are compared.
func fold(name string) string {
	name = norm.NFKC.String(strings.ToValidUTF8(cutName(name, 4*MaxName), "\uFFFD"))
	name = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cf, unicode.Cc) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
	return strings.Join(strings.Fields(name), " ")
}
