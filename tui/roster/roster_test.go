package roster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/tui/sanitize"
)

// key returns 64 hex digits that begin with prefix.
func key(prefix string) string { return prefix + strings.Repeat("7", 64-len(prefix)) }

func wantLabel(t *testing.T, b *Book, id, want string) {
	t.Helper()
	if got := b.Label(id).String(); got != want {
		t.Errorf("label of %.8s is %q, want %q", id, got, want)
	}
}

func TestClash(t *testing.T) {
	var b Book
	b.Set(key("91c0"), "bob")
	wantLabel(t, &b, key("91c0"), "bob")
	b.Set(key("04fe"), "Bob")
	wantLabel(t, &b, key("91c0"), "bob·91c0")
	wantLabel(t, &b, key("04fe"), "Bob·04fe")

	// The suffix stays, whoever goes or is renamed.
	b.Remove(key("04fe"))
	wantLabel(t, &b, key("91c0"), "bob·91c0")
	wantLabel(t, &b, key("04fe"), "Bob·04fe")
	b.Set(key("04fe"), "carol")
	wantLabel(t, &b, key("04fe"), "carol")
	wantLabel(t, &b, key("91c0"), "bob·91c0")
	b.Set(key("91c0"), "bobby")
	wantLabel(t, &b, key("91c0"), "bobby")
	b.Set(key("91c0"), "bob")
	wantLabel(t, &b, key("91c0"), "bob·91c0")
}

func TestTakenOverName(t *testing.T) {
	var b Book
	b.Set(key("91c0"), "bob")
	b.Remove(key("91c0"))
	b.Set(key("04fe"), "bob")
	wantLabel(t, &b, key("04fe"), "bob·04fe")
	wantLabel(t, &b, key("91c0"), "bob·91c0")
}

func TestLongerSuffix(t *testing.T) {
	var b Book
	b.Set(key("91c0aa"), "bob")
	b.Set(key("91c0ab"), "bob")
	b.Set(key("04fe"), "bob")
	wantLabel(t, &b, key("91c0aa"), "bob·91c0aa")
	wantLabel(t, &b, key("91c0ab"), "bob·91c0ab")
	wantLabel(t, &b, key("04fe"), "bob·04fe")
}

func TestOtherIDs(t *testing.T) {
	var b Book
	uuid := "8F3C2a10-0000-8000-8000-000000000001"
	b.Set(uuid, "rusty")
	b.Set("10.0.0.7:5000", "rusty")
	b.Set("10.0.0.7:5001", "rusty")
	wantLabel(t, &b, uuid, "rusty·8f3c")
	one, two := b.Label("10.0.0.7:5000"), b.Label("10.0.0.7:5001")
	if one == two || len(one.String()) != len("rusty·0000") {
		t.Errorf("addresses are labelled %q and %q", one, two)
	}
	// Two ids of the same digits are still two.
	b.Set(strings.ToLower(uuid), "rusty")
	if b.Label(uuid) == b.Label(strings.ToLower(uuid)) {
		t.Errorf("both are %q", b.Label(uuid))
	}
}

func TestHostileNames(t *testing.T) {
	var b Book
	b.Set(key("aaaa"), "bob")
	b.Set(key("bbbb"), "bob·91c0") // imitates our suffix
	wantLabel(t, &b, key("bbbb"), "bob 91c0")
	b.Set(key("cccc"), "\x1b[31mb\u200Bob ✓")
	wantLabel(t, &b, key("cccc"), "bob·cccc")
	b.Set(key("dddd"), "you") // own lines stand under this word
	wantLabel(t, &b, key("dddd"), "you·dddd")
	b.Set(key("eeee"), " ")
	wantLabel(t, &b, key("eeee"), "?·eeee")
	wantLabel(t, &b, key("ffff"), "?·ffff") // never Set
}

func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"bob", "BOB", "b0b", "bоb", "ｂｏｂ", "𝓫𝓸𝓫", "bób"},
		{"alice", "аlісе", "aIice", "a1ice", "Αlice"},
		{"Вова", "вова"}, {"Νίκος", "νίκος", "ΝΊΚΟΣ"}, {"straße", "STRASSE"}, {"ﬁn", "fin"},
		{"modern", "modem"}, {"علی\u200Cرضا", "علیرضا"},
	} {
		for _, s := range same[1:] {
			if Fold(s) != Fold(same[0]) {
				t.Errorf("%q folds to %q, %q to %q", same[0], Fold(same[0]), s, Fold(s))
			}
		}
	}
	for _, s := range [][2]string{{"bob", "rob"}, {"कि", "कु"}, {"李", "王"}, {"anna", "anne"}, {"שרה", "שרי"}} {
		if Fold(s[0]) == Fold(s[1]) {
			t.Errorf("%q and %q both fold to %q", s[0], s[1], Fold(s[0]))
		}
	}
}

func TestLabelWithin(t *testing.T) {
	var b Book
	b.Set(key("91c0"), "bartholomew")
	b.Set(key("04fe"), "bartholomew")
	b.Set(key("1111"), "日本語の名前")
	for _, tc := range []struct {
		id    string
		cells int
		want  string
	}{
		{key("91c0"), 20, "bartholomew·91c0"}, {key("91c0"), 14, "bartholo…·91c0"},
		{key("91c0"), 6, "…·91c0"}, {key("91c0"), 4, "bar…"}, {key("91c0"), 0, ""},
		{key("1111"), 12, "日本語の名前"}, {key("1111"), 6, "日本…"},
	} {
		got := b.LabelWithin(tc.id, tc.cells, sanitize.Trusted("…"))
		if got.String() != tc.want || got.Width() > tc.cells {
			t.Errorf("label in %d cells is %q, want %q", tc.cells, got, tc.want)
		}
	}
}

func TestFind(t *testing.T) {
	var b Book
	bob1, bob2, ann, dead, old := key("91c0"), key("04fe"), key("5555aa"), key("bade"), key("6666")
	b.Set(bob1, "bob")
	b.Set(bob2, "Bob")
	b.Set(ann, "anna")
	b.Set(dead, "Badeline 2.0")
	b.Set(old, "olaf")
	b.Remove(old)
	b.Set("10.0.0.7:5000", "v1.2024")
	both := []string{bob2, bob1} // Bob·04fe before bob·91c0
	for _, tc := range []struct {
		text string
		want []string
	}{
		{"bob", both}, {"@BOB ", both}, {"b0b", both}, {"bo", both},
		{"bob·91c0", []string{bob1}}, {"bob.91C0", []string{bob1}}, {"@bob.04", []string{bob2}},
		{"bob·91c07777", []string{bob1}}, {"bob.ffff", nil}, {"91c0", []string{bob1}}, {"91c", nil},
		{"an", []string{ann}}, {"5555AA", []string{ann}}, {ann, []string{ann}},
		{"Badeline 2.0", []string{dead}}, {"bade", []string{dead}},
		{"v1.2024", []string{"10.0.0.7:5000"}}, {"10.0.0.7", []string{"10.0.0.7:5000"}},
		{"olaf", []string{old}}, {"nobody", nil}, {"", nil}, {"@", nil}, {"·", nil}, {".", nil},
	} {
		if d := cmp.Diff(tc.want, b.Find(tc.text), cmp.Transformer("nil", func(s []string) string { return fmt.Sprint(s) })); d != "" {
			t.Errorf("Find(%q) (-want +got):\n%s", tc.text, d)
		}
	}
}

// TestFindIsNotHijacked takes another's key as a name, and an id that is another's name.
func TestFindIsNotHijacked(t *testing.T) {
	var b Book
	b.Set(key("91c0"), "bob")
	b.Set(key("aaaa"), "91c0")
	b.Set("bob", "mallory")
	if got := b.Find("91c0"); len(got) != 2 {
		t.Errorf("a name like a key: %q", got)
	}
	if got := b.Find("bob"); len(got) != 2 {
		t.Errorf("an id like a name: %q", got)
	}
	b.Set(key("bbbb"), key("91c0"))
	if d := cmp.Diff([]string{key("91c0")}, b.Find(key("91c0"))); d != "" {
		t.Errorf("a whole key (-want +got):\n%s", d)
	}
}

func TestComplete(t *testing.T) {
	var b Book
	b.Set(key("91c0"), "bob")
	b.Set(key("04fe"), "bob")
	b.Set(key("1111"), "Bo")
	b.Set(key("2222"), "Ödön")
	b.Set(key("3333"), "gone")
	b.Remove(key("3333"))
	for _, tc := range []struct {
		prefix string
		want   []string
	}{
		{"b", []string{"Bo", "bob·04fe", "bob·91c0"}}, {"@bob", []string{"@bob·04fe", "@bob·91c0"}},
		{"bob.9", []string{"bob·91c0"}}, {"ö", []string{"Ödön"}}, {"g", nil}, {"b0", nil},
		{"", []string{"Bo", "bob·04fe", "bob·91c0", "Ödön"}},
	} {
		if d := cmp.Diff(tc.want, b.Complete(tc.prefix)); d != "" {
			t.Errorf("Complete(%q) (-want +got):\n%s", tc.prefix, d)
		}
	}
}

// TestBookIsBounded lets a crowd come and go: old ones are forgotten, those here are not.
func TestBookIsBounded(t *testing.T) {
	var b Book
	b.Set(key("91c0"), "bob")
	for i := range 3 * maxGone {
		id := fmt.Sprintf("%08x", i)
		b.Set(id, fmt.Sprintf("guest %d", i))
		b.Set(id, fmt.Sprintf("guest %d", i/2)) // clashes
		b.Remove(id)
	}
	if len(b.peers) > maxGone+2 || len(b.looks) > 2*maxGone {
		t.Errorf("%d peers, %d names are remembered", len(b.peers), len(b.looks))
	}
	wantLabel(t, &b, key("91c0"), "bob")
}

// TestLabelsAreDistinct: whatever people call themselves, no two labels look alike, and a
// label finds its bearer.
func TestLabelsAreDistinct(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var b Book
		ids := map[string]bool{}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			id := rapid.StringMatching(`91c0a[ab]{3}|[ab]{3}|[0-9]{8}`).Draw(rt, "id")
			if rapid.IntRange(0, 5).Draw(rt, "what") == 0 {
				b.Remove(id)
				continue
			}
			b.Set(id, rapid.OneOf(rapid.SampledFrom([]string{"bob", "BOB", "b0b", "bob·91c0", "you", "", "rn", "m"}),
				rapid.StringN(0, 3, 12)).Draw(rt, "name"))
			ids[id] = true
		}
		seen := map[string]string{}
		for id := range ids {
			label := b.Label(id).String()
			if other, ok := seen[Fold(label)]; ok {
				rt.Fatalf("%q and %q both look like %q", id, other, label)
			}
			seen[Fold(label)] = id
			if got := sanitize.Line(label).String(); got != label {
				rt.Fatalf("label %q is not clean", label)
			}
			if e := b.peers[id]; e.gone == 0 && !slices.Contains(b.Find(label), id) {
				rt.Fatalf("Find(%q) = %q, without %q", label, b.Find(label), id)
			}
		}
	})
}

// Whoever is here is meant before somebody of that name who has gone; the latter is found where nobody
// else is.
func TestFindPrefersWhoIsHere(t *testing.T) {
	var b Book
	b.Set(key("aaaa"), "bob")
	b.Remove(key("aaaa"))
	if got := b.Find("bob"); len(got) != 1 || got[0] != key("aaaa") {
		t.Errorf("found %v of one who has gone", got)
	}
	b.Set(key("bbbb"), "bob")
	if got := b.Find("bob"); len(got) != 1 || got[0] != key("bbbb") {
		t.Errorf("found %v, want only the one who is here", got)
	}
}
