package roster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/lookalike"
	"chat.lan/p2pchat/tui/sanitize"
)

// key returns 64 hex digits that begin with prefix.
func key(prefix string) string { return prefix + strings.Repeat("7", 64-len(prefix)) }

// setName gives a peer a name, as its arrival does.
func setName(r *Roster, id, name string) { r.NotePeer(event.Peer{ID: id, Name: name}) }

func wantLabel(t *testing.T, r *Roster, id, want string) {
	t.Helper()
	if got := r.Label(id).String(); got != want {
		t.Errorf("label of %.8s is %q, want %q", id, got, want)
	}
}

func TestClash(t *testing.T) {
	var r Roster
	setName(&r, key("91c0"), "bob")
	wantLabel(t, &r, key("91c0"), "bob")
	setName(&r, key("04fe"), "Bob")
	wantLabel(t, &r, key("91c0"), "bob·91c0")
	wantLabel(t, &r, key("04fe"), "Bob·04fe")

	// The suffix stays when the other peer leaves or takes another name.
	r.Remove(key("04fe"))
	wantLabel(t, &r, key("91c0"), "bob·91c0")
	wantLabel(t, &r, key("04fe"), "Bob·04fe")
	setName(&r, key("04fe"), "carol")
	wantLabel(t, &r, key("04fe"), "carol")
	wantLabel(t, &r, key("91c0"), "bob·91c0")
	setName(&r, key("91c0"), "bobby")
	wantLabel(t, &r, key("91c0"), "bobby")
	setName(&r, key("91c0"), "bob")
	wantLabel(t, &r, key("91c0"), "bob·91c0")
}

func TestTakenOverName(t *testing.T) {
	var r Roster
	setName(&r, key("91c0"), "bob")
	r.Remove(key("91c0"))
	setName(&r, key("04fe"), "bob")
	wantLabel(t, &r, key("04fe"), "bob·04fe")
	wantLabel(t, &r, key("91c0"), "bob·91c0")
}

func TestLongerSuffix(t *testing.T) {
	var r Roster
	setName(&r, key("91c0aa"), "bob")
	setName(&r, key("91c0ab"), "bob")
	setName(&r, key("04fe"), "bob")
	wantLabel(t, &r, key("91c0aa"), "bob·91c0aa")
	wantLabel(t, &r, key("91c0ab"), "bob·91c0ab")
	wantLabel(t, &r, key("04fe"), "bob·04fe")
}

func TestOtherIDs(t *testing.T) {
	var r Roster
	uuid := "8F3C2a10-0000-8000-8000-000000000001"
	setName(&r, uuid, "rusty")
	setName(&r, "10.0.0.7:5000", "rusty")
	setName(&r, "10.0.0.7:5001", "rusty")
	wantLabel(t, &r, uuid, "rusty·8f3c")
	first, second := r.Label("10.0.0.7:5000"), r.Label("10.0.0.7:5001")
	if first == second || len(first.String()) != len("rusty·0000") {
		t.Errorf("addresses are labelled %q and %q", first, second)
	}
	// Two ids of the same digits are still two.
	setName(&r, strings.ToLower(uuid), "rusty")
	if r.Label(uuid) == r.Label(strings.ToLower(uuid)) {
		t.Errorf("both are %q", r.Label(uuid))
	}
}

func TestHostileNames(t *testing.T) {
	var r Roster
	setName(&r, key("aaaa"), "bob")
	setName(&r, key("bbbb"), "bob·91c0") // imitates our suffix
	wantLabel(t, &r, key("bbbb"), "bob 91c0")
	setName(&r, key("cccc"), "\x1b[31mb\u200Bob ✓")
	wantLabel(t, &r, key("cccc"), "bob·cccc")
	setName(&r, key("dddd"), "you") // our own messages stand under this word
	wantLabel(t, &r, key("dddd"), "you·dddd")
	setName(&r, key("eeee"), " ")
	wantLabel(t, &r, key("eeee"), "?·eeee")
	wantLabel(t, &r, key("ffff"), "?·ffff") // never named
}

func TestLabelWithin(t *testing.T) {
	var r Roster
	setName(&r, key("91c0"), "bartholomew")
	setName(&r, key("04fe"), "bartholomew")
	setName(&r, key("1111"), "日本語の名前")
	for _, tc := range []struct {
		id    string
		cells int
		want  string
	}{
		{key("91c0"), 20, "bartholomew·91c0"}, {key("91c0"), 14, "bartholo…·91c0"},
		{key("91c0"), 6, "…·91c0"}, {key("91c0"), 4, "bar…"}, {key("91c0"), 0, ""},
		{key("1111"), 12, "日本語の名前"}, {key("1111"), 6, "日本…"},
	} {
		got := r.LabelWithin(tc.id, tc.cells, sanitize.Trusted("…"))
		if got.String() != tc.want || got.Width() > tc.cells {
			t.Errorf("label in %d cells is %q, want %q", tc.cells, got, tc.want)
		}
	}
}

func TestFind(t *testing.T) {
	var r Roster
	bob1, bob2, ann, dead, old := key("91c0"), key("04fe"), key("5555aa"), key("bade"), key("6666")
	setName(&r, bob1, "bob")
	setName(&r, bob2, "Bob")
	setName(&r, ann, "anna")
	setName(&r, dead, "Badeline 2.0")
	setName(&r, old, "olaf")
	r.Remove(old)
	setName(&r, "10.0.0.7:5000", "v1.2024")
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
		{"olaf", []string{old}}, {"nemo", nil}, {"", nil}, {"@", nil}, {"·", nil}, {".", nil},
	} {
		if d := cmp.Diff(tc.want, r.Find(tc.text), cmp.Transformer("nil", func(s []string) string { return fmt.Sprint(s) })); d != "" {
			t.Errorf("Find(%q) (-want +got):\n%s", tc.text, d)
		}
	}
}

// A peer takes another's key as its name, and another an id that is a name.
func TestFindIsNotHijacked(t *testing.T) {
	var r Roster
	setName(&r, key("91c0"), "bob")
	setName(&r, key("aaaa"), "91c0")
	setName(&r, "bob", "mallory")
	if got := r.Find("91c0"); len(got) != 2 {
		t.Errorf("a name like a key: %q", got)
	}
	if got := r.Find("bob"); len(got) != 2 {
		t.Errorf("an id like a name: %q", got)
	}
	setName(&r, key("bbbb"), key("91c0"))
	if d := cmp.Diff([]string{key("91c0")}, r.Find(key("91c0"))); d != "" {
		t.Errorf("a whole key (-want +got):\n%s", d)
	}
}

func TestComplete(t *testing.T) {
	var r Roster
	setName(&r, key("91c0"), "bob")
	setName(&r, key("04fe"), "bob")
	setName(&r, key("1111"), "Bo")
	setName(&r, key("2222"), "Ödön")
	setName(&r, key("3333"), "gone")
	r.Remove(key("3333"))
	for _, tc := range []struct {
		prefix string
		want   []string
	}{
		{"b", []string{"Bo", "bob·04fe", "bob·91c0"}}, {"@bob", []string{"@bob·04fe", "@bob·91c0"}},
		{"bob.9", []string{"bob·91c0"}}, {"ö", []string{"Ödön"}}, {"g", nil}, {"b0", nil},
		{"", []string{"Bo", "bob·04fe", "bob·91c0", "Ödön"}},
	} {
		if d := cmp.Diff(tc.want, r.Complete(tc.prefix)); d != "" {
			t.Errorf("Complete(%q) (-want +got):\n%s", tc.prefix, d)
		}
	}
}

// A crowd comes and goes: the peers that left first are dropped, the ones here are not.
func TestRosterIsBounded(t *testing.T) {
	var r Roster
	setName(&r, key("91c0"), "bob")
	for i := range 3 * maxGone {
		id := fmt.Sprintf("%08x", i)
		setName(&r, id, fmt.Sprintf("guest %d", i))
		setName(&r, id, fmt.Sprintf("guest %d", i/2)) // clashes
		r.Remove(id)
	}
	if len(r.peers) > maxGone+2 || len(r.byLook) > 2*maxGone {
		t.Errorf("%d peers, %d names are held", len(r.peers), len(r.byLook))
	}
	wantLabel(t, &r, key("91c0"), "bob")
}

// No two labels look alike, whatever names peers take, and each label finds its peer.
func TestLabelsAreDistinct(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var r Roster
		ids := map[string]bool{}
		for range rapid.IntRange(1, 30).Draw(rt, "seq") {
			id := rapid.StringMatching(`91c0a[ab]{3}|[ab]{3}|[0-9]{8}`).Draw(rt, "id")
			if rapid.IntRange(0, 5).Draw(rt, "what") == 0 {
				r.Remove(id)
				continue
			}
			setName(&r, id, rapid.OneOf(rapid.SampledFrom([]string{"bob", "BOB", "b0b", "bob·91c0", "you", "", "rn", "m"}),
				rapid.StringN(0, 3, 12)).Draw(rt, "name"))
			ids[id] = true
		}
		seen := map[string]string{}
		for id := range ids {
			label := r.Label(id).String()
			if other, ok := seen[lookalike.Skeleton(label)]; ok {
				rt.Fatalf("%q and %q both look like %q", id, other, label)
			}
			seen[lookalike.Skeleton(label)] = id
			if got := sanitize.Line(label).String(); got != label {
				rt.Fatalf("label %q is not clean", label)
			}
			if e := r.peers[id]; e.gone == 0 && !slices.Contains(r.Find(label), id) {
				rt.Fatalf("Find(%q) = %q, without %q", label, r.Find(label), id)
			}
		}
	})
}

// A name means the peer that is here before a peer of that name that has left.
func TestFindPrefersPresentPeers(t *testing.T) {
	var r Roster
	setName(&r, key("aaaa"), "bob")
	r.Remove(key("aaaa"))
	if got := r.Find("bob"); len(got) != 1 || got[0] != key("aaaa") {
		t.Errorf("found %v of a peer that has left", got)
	}
	setName(&r, key("bbbb"), "bob")
	if got := r.Find("bob"); len(got) != 1 || got[0] != key("bbbb") {
		t.Errorf("found %v, want only the peer that is here", got)
	}
}
