package profile

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"
)

func at(n int) standing.Source {
	return standing.SourceOf(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), nil)
}

// A hundred thousand strangers of 16 addresses, who come and go under names of their own and of others, push out
// no one who was there before them, whatever their standing. If they stay long enough to be met, they still push out
// no one whom we met before. What they cost is bounded.
func TestStrangersPushNobodyOut(t *testing.T) {
	for _, strangers := range []standing.Level{standing.Heard, standing.Met} {
		dir := t.TempDir()
		k := newKnown(dir)
		levels := map[string]standing.Level{}
		keys := map[string]identity.Key{}
		var people []string
		for n := range 60 {
			name := fmt.Sprint("person ", n)
			people = append(people, name)
			levels[name], keys[name] = []standing.Level{standing.Known, standing.Met, standing.Heard}[n%3], key(n)
			k.NoteName(name, keys[name], levels[name], at(100+n))
		}
		var stranger identity.Key
		for n := range 100_000 {
			if n%5 == 0 {
				stranger = key(1000 + n/5)
			}
			k.NoteName(fmt.Sprintf("%060d", n), stranger, strangers, at(n%16))
			k.NoteName(people[n%len(people)], stranger, strangers, at(n%16))
		}
		for _, name := range people {
			before, known := k.NoteName(name, key(999), standing.Heard, at(99))
			if kept := known && before == keys[name]; !kept && levels[name] >= strangers {
				t.Errorf("%s, %v, was forgotten for strangers who are %v", name, levels[name], strangers)
			}
		}
		if n := len(k.names.first); n > maxKnown {
			t.Errorf("%d names are remembered", n)
		}
		if err := k.save(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(dir, knownName)); err != nil || info.Size() > 1<<20 {
			t.Errorf("known.json has %d bytes, %v", info.Size(), err)
		}
	}
}

// A newcomer finds a place in a table full of a flood's names.
func TestNewcomerBesideAFloodOfNames(t *testing.T) {
	k := newKnown(t.TempDir())
	for n := range 2 * maxKnown {
		k.NoteName(fmt.Sprint("flood ", n), key(1000+n), standing.Heard, at(n%16))
	}
	k.NoteName("Zoe", key(1), standing.Heard, at(50))
	for n := range 2 * maxKnown {
		k.NoteName(fmt.Sprint("more ", n), key(20_000+n), standing.Heard, at(n%16))
	}
	if before, known := k.NoteName("Zoe", key(2), standing.Heard, at(51)); !known || before != key(1) {
		t.Error("the newcomer was forgotten")
	}
}

// A key takes five names a day. The first of others stay theirs, and the day after it may take five more.
func TestNamesADay(t *testing.T) {
	k := newKnown(t.TempDir())
	for n := range 100 {
		k.NoteName(fmt.Sprint("mask ", n), key(1), standing.Known, at(1))
	}
	if n := len(k.names.first); n != maxNamesADay {
		t.Errorf("%d names of one key in a day", n)
	}
	k.NoteName("Bob", key(2), standing.Heard, at(2))
	if before, known := k.NoteName("Bob", key(1), standing.Known, at(1)); !known || before != key(2) {
		t.Errorf("a sixth name that is another's: %v, %v", before, known)
	}
	for name, f := range k.names.first {
		f.came -= (24 * time.Hour).Milliseconds()
		k.names.first[name] = f
	}
	for n := range 100 {
		k.NoteName(fmt.Sprint("new mask ", n), key(1), standing.Known, at(1))
	}
	if n := len(k.names.first); n != 2*maxNamesADay+1 {
		t.Errorf("%d names a day later", n)
	}
}

// Names that look alike lead to all keys that are remembered under them, also after a start.
func TestLookalikes(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	k := p.Known()
	k.NoteName("Bob", key(1), standing.Met, at(1))
	k.NoteName("b0b", key(2), standing.Met, at(2))
	k.NoteName("carol", key(3), standing.Met, at(3))
	check := func(name string, want map[identity.Key]string) {
		t.Helper()
		if got := k.Lookalikes(name); !maps.Equal(got, want) {
			t.Errorf("%q looks like the name of %v, want %v", name, got, want)
		}
	}
	check("ВОВ", map[identity.Key]string{key(1): "bob", key(2): "b0b"}) // Cyrillic
	check("dave", nil)
	k.names.remove("bob")
	check("bob·91c0", map[identity.Key]string{key(2): "b0b"})
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	k = open(t, dir).Known()
	check("BOB", map[identity.Key]string{key(2): "b0b"})
	k.names.remove("b0b")
	check("bob", nil)
	if len(k.names.claims) != 1 || len(k.names.of) != 1 {
		t.Errorf("names of %d keys are left", len(k.names.of))
	}
}

// A verified key takes its name over from a stranger who had it first, but not from another verified key.
func TestVerifiedKeyTakesItsName(t *testing.T) {
	k := newKnown(t.TempDir())
	for _, n := range []int{2, 3} {
		if err := k.SetVerified(key(n), true); err != nil {
			t.Fatal(err)
		}
	}
	for i, step := range []struct{ key, before int }{{1, 0}, {2, 0}, {1, 2}, {3, 0}, {2, 0}} {
		before, known := k.NoteName("Bob", key(step.key), standing.Met, at(step.key))
		if known != (step.before != 0) || known && before != key(step.before) {
			t.Errorf("step %d: before it was %v, %v", i, before, known)
		}
	}
	if got := k.Lookalikes("bob"); !maps.Equal(got, map[identity.Key]string{key(2): "bob"}) {
		t.Errorf("the name is that of %v", got)
	}
}

// What is known of keys outlives a start. The file of an earlier version opens, and its names count as those of
// people that were met.
func TestStandingOutlivesAStart(t *testing.T) {
	dir := t.TempDir()
	p := open(t, dir)
	k := p.Known()
	ms := func(n int64) time.Time { return time.UnixMilli(n) }
	links := map[identity.Key]standing.Links{
		key(1): {InAll: time.Hour, First: ms(1000), Seen: ms(2000), Source: at(1), KnownSince: ms(1500)},
		key(2): {InAll: time.Minute, First: ms(1000), Seen: ms(2000), WasOver: true},
		key(3): {InAll: time.Minute, First: ms(1000), Seen: ms(2000), Source: standing.Machine},
	}
	k.RememberLinks(links)
	for n, on := range map[int]bool{4: true, 5: false} {
		if err := k.SetTrusted(key(n), on); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.SetVerified(key(5), true); err != nil {
		t.Fatal(err)
	}
	if err := k.SetVerified(key(6), true); err != nil {
		t.Fatal(err)
	}
	if err := k.SetIgnored(key(6).ID().String(), true); err != nil {
		t.Fatal(err)
	}
	if err := k.SetVerified(key(7), true); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	k = open(t, dir).Known()
	if d := cmp.Diff(links, k.Links(), cmp.Comparer(func(a, b standing.Source) bool { return a == b })); d != "" {
		t.Error(d)
	}
	for n, want := range map[int]standing.Mark{
		1: standing.Unmarked, 4: standing.Trusted, 5: standing.Distrusted, 6: standing.Distrusted, 7: standing.Trusted,
	} {
		if got := k.Mark(key(n)); got != want {
			t.Errorf("mark of key %d: %v, want %v", n, got, want)
		}
	}

	old := knownFile{V: knownVersion, Names: []nameEntry{{Name: "bob", Key: key(1).String(), Last: 1}}}
	text, err := json.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	k = newKnown(t.TempDir())
	if bad, err := k.load(text); bad != 0 || err != nil {
		t.Fatal(bad, err)
	}
	for n := range 2 * maxKnown {
		k.NoteName(fmt.Sprint("flood ", n), key(1000+n), standing.Heard, at(n))
	}
	if before, known := k.NoteName("bob", key(2), standing.Heard, at(2)); !known || before != key(1) {
		t.Error("a name of an earlier version was pushed out by strangers")
	}
}
