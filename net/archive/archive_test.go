package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	lobby = record.OpenRoom("lobby")
	begin = time.Date(2026, 7, 1, 12, 0, 0, 123e6, time.UTC)
)

// speaker makes one author's feed.
type speaker struct {
	id   *identity.Identity
	room record.RoomID
	feed record.Feed
	seq  uint64
	prev record.ID
}

func newSpeaker(seed byte, feed record.Feed) *speaker {
	return &speaker{id: identity.FromSeed([32]byte{seed}), room: lobby, feed: feed}
}

func (s *speaker) say(t testing.TB, kind record.Kind, text string, at int) store.Entry {
	t.Helper()
	data := record.TextData(text)
	if kind == record.KindOpen || kind == record.KindName {
		data = record.NamingData(text)
	}
	ms := begin.Add(time.Duration(at) * time.Second).UnixMilli()
	r, err := record.Sign(s.id, record.Body{Room: s.room, Feed: s.feed, Seq: s.seq, Prev: s.prev,
		Time: record.Time{Ms: ms}, Kind: kind, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	s.seq, s.prev = s.seq+1, r.ID()
	return store.Entry{Record: r, Arrived: time.UnixMilli(ms)}
}

// talk returns a short conversation of two, in the order of their feeds.
func talk(t testing.TB) []store.Entry {
	dana, bob := newSpeaker(1, 1), newSpeaker(2, 2)
	return []store.Entry{
		dana.say(t, record.KindOpen, "dana", 0), dana.say(t, record.KindChat, "lunch? <12:30> & \"there\"\n\\o/", 1),
		dana.say(t, record.KindMe, "waves", 2), dana.say(t, record.KindName, "dan", 9),
		dana.say(t, record.KindChat, "\u202eevil\u2028 naïve 🦊", 10),
		bob.say(t, record.KindOpen, "bob", 3), bob.say(t, record.KindChat, "yes", 4), bob.say(t, record.KindChat, "at two", 8),
	}
}

func written(t testing.TB, entries []store.Entry, since time.Time) string {
	t.Helper()
	m := store.NewMem(lobby, 0)
	for _, e := range entries {
		if err := m.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := Write(&b, m.ReadAll(t.Context(), since)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func verify(t testing.TB, file string) Report {
	t.Helper()
	r, err := Verify(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lines writes records as they are, in whatever order.
func lines(t testing.TB, entries ...store.Entry) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := Write(&b, func(yield func(store.RawEntry, error) bool) {
		for _, e := range entries {
			if !yield(store.RawEntry{Body: e.Record.Signed(), Sig: [64]byte(e.Record.Signature())}, nil) {
				return
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Peers with the same records write the same bytes, whatever the order they got them in.
func TestSameBytes(t *testing.T) {
	entries := talk(t)
	want := written(t, entries, time.Time{})
	for range 20 {
		// Any order that keeps each feed's own.
		a, b := slices.Clone(entries[:5]), slices.Clone(entries[5:])
		var mixed []store.Entry
		for len(a)+len(b) > 0 {
			if len(b) == 0 || len(a) > 0 && rand.IntN(2) == 0 {
				mixed, a = append(mixed, a[0]), a[1:]
			} else {
				mixed, b = append(mixed, b[0]), b[1:]
			}
			mixed[len(mixed)-1].Arrived = time.UnixMilli(rand.Int64N(1e12))
		}
		if d := cmp.Diff(want, written(t, mixed, time.Time{})); d != "" {
			t.Fatalf("another order, other bytes:\n%s", d)
		}
	}
	r := verify(t, want)
	if r.Flaw != nil || r.Records != 8 || r.Feeds != 2 || r.Room != lobby || r.Missing != 0 {
		t.Errorf("%+v", r)
	}
	names := map[string]int{}
	for _, a := range r.Authors {
		names[a.Name] = a.Records
	}
	if d := cmp.Diff(map[string]int{"dan": 5, "bob": 3}, names); d != "" {
		t.Error(d)
	}
}

// Any changed byte, any one left out, and any added is found.
func TestEveryByteCounts(t *testing.T) {
	file := written(t, talk(t)[:3], time.Time{})
	for i := range len(file) {
		for _, other := range []string{
			file[:i] + string(file[i]^1) + file[i+1:],
			file[:i] + string(file[i]^0x20) + file[i+1:],
			file[:i] + file[i+1:],
			file[:i] + " " + file[i:],
			file[:i] + "\n" + file[i:],
		} {
			if other != file && verify(t, other).Flaw == nil {
				t.Fatalf("byte %d (%q) changed, and nothing found", i, file[i])
			}
		}
	}
}

func TestFlaws(t *testing.T) {
	e := talk(t)
	l := func(entries ...store.Entry) string { return lines(t, entries...) }
	dana := newSpeaker(1, 1)
	dana.seq, dana.prev = 2, e[1].Record.ID()
	rival := dana.say(t, record.KindChat, "another line two", 5)
	dana.prev = e[0].Record.ID()
	dana.seq = 3
	unchained := dana.say(t, record.KindChat, "out of the blue", 20)
	elsewhere := newSpeaker(3, 3)
	elsewhere.room = record.OpenRoom("elsewhere")
	foreign := elsewhere.say(t, record.KindOpen, "eve", 30)
	early := newSpeaker(4, 4)
	early.seq, early.prev = 7, record.ID{1}
	later := early.say(t, record.KindChat, "said first, by that clock", 50)
	early.seq, early.prev = 6, record.ID{1}
	before := early.say(t, record.KindChat, "and not what it follows", 51)
	// Records that nothing joins to the first of their feed until all are read.
	apart := func(seed byte, at int, seqs ...uint64) (out []store.Entry) {
		s := newSpeaker(seed, record.Feed(seed))
		for i, seq := range seqs {
			s.seq, s.prev = seq, record.ID{seed, byte(i + 1)} // no record's
			out = append(out, s.say(t, record.KindChat, "from the middle", at+i))
		}
		return out
	}
	above, below := apart(5, 60, 1, 3, 4), apart(6, 70, 9, 6, 7)
	for _, tt := range []struct {
		name string
		file string
		want error
		line int
	}{
		{"chain behind a gap", l(above...), ErrChain, 3},
		{"chain before a gap", l(below...), ErrChain, 2},
		{"swapped", l(e[1], e[0]), ErrOrder, 2},
		{"twice", l(e[0], e[1], e[1]), ErrTwice, 3},
		{"fork", l(e[0], e[1], e[2], rival), ErrFork, 4},
		{"chain", l(e[0], e[1], e[2], unchained), ErrChain, 4},
		{"chain backwards", l(later, before), ErrChain, 2},
		{"room", l(e[0], foreign), record.ErrOtherRoom, 2},
		{"cut", strings.TrimSuffix(l(e[0]), "\n"), ErrCut, 1},
		{"crlf", strings.ReplaceAll(l(e[0]), "\n", "\r\n"), ErrForm, 1},
		{"html escapes", strings.Replace(l(e[0], e[1]), "<", `\u003c`, 1), ErrForm, 2},
		{"no json", "hello\n", ErrForm, 1},
		{"empty line", l(e[0]) + "\n", ErrForm, 2},
		{"other signature", strings.Replace(l(e[0], e[1]), sigOf(e[1]), sigOf(e[2]), 1), record.ErrSignature, 2},
		{"endless", l(e[0]) + strings.Repeat("x", 1<<20), ErrForm, 2},
	} {
		r := verify(t, tt.file)
		if r.Flaw == nil || !errors.Is(r.Flaw, tt.want) || r.Flaw.Line != tt.line {
			t.Errorf("%s: %v, want line %d: %v", tt.name, r.Flaw, tt.line, tt.want)
		}
	}
	for range 20 { // feeds are looked at in any order
		if r := verify(t, l(slices.Concat(above, below)...)); r.Flaw == nil || r.Flaw.Line != 3 {
			t.Fatalf("of two flaws: %v, want the first, in line 3", r.Flaw)
		}
	}
	if r := verify(t, ""); r.Flaw != nil || r.Records != 0 {
		t.Errorf("an empty file: %+v", r)
	}
	if _, err := Verify(io.MultiReader(strings.NewReader(l(e[0])), broken{})); err == nil {
		t.Error("the reader's error is lost")
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("bad disk") }

func sigOf(e store.Entry) string {
	return strings.TrimSuffix(strings.SplitAfter(lineOf(e), `"sig":"`)[1], "\"}\n")
}

func lineOf(e store.Entry) string {
	var b bytes.Buffer
	_, _ = Write(&b, func(yield func(store.RawEntry, error) bool) {
		yield(store.RawEntry{Body: e.Record.Signed(), Sig: [64]byte(e.Record.Signature())}, nil)
	})
	return b.String()
}

// Records that are missing in the middle of a feed are counted; a feed may begin anywhere.
func TestMissing(t *testing.T) {
	e := talk(t)
	for _, tt := range []struct {
		file string
		want uint64
	}{
		{lines(t, e[0], e[4]), 3},
		{lines(t, e[1], e[2], e[6], e[3]), 0},
		{lines(t, e[0], e[2], e[5], e[7], e[4]), 3},
	} {
		if r := verify(t, tt.file); r.Flaw != nil || r.Missing != tt.want {
			t.Errorf("missing %d, %v; want %d", r.Missing, r.Flaw, tt.want)
		}
	}
}

// A clock that went back puts an author's records out of their feed's order: that is no flaw.
func TestClockWentBack(t *testing.T) {
	s := newSpeaker(1, 1)
	var entries []store.Entry
	for i, at := range []int{100, 50, 40, 41, 120, 30, 31} {
		kind, text := record.KindChat, "line"
		if i == 0 {
			kind, text = record.KindOpen, "dana"
		}
		entries = append(entries, s.say(t, kind, text, at))
	}
	if r := verify(t, written(t, entries, time.Time{})); r.Flaw != nil || r.Missing != 0 || r.Records != 7 {
		t.Errorf("%+v %v", r, r.Flaw)
	}
	if r := verify(t, written(t, entries, begin.Add(110*time.Second))); r.Flaw != nil || r.Missing != 0 || r.Records != 3 {
		t.Errorf("since: %+v %v", r, r.Flaw)
	}
}

func TestSince(t *testing.T) {
	r := verify(t, written(t, talk(t), begin.Add(4*time.Second)))
	if r.Flaw != nil || r.Records != 4 || r.First.Ms != begin.Add(4*time.Second).UnixMilli() {
		t.Errorf("%+v %v", r, r.Flaw)
	}
}

func TestText(t *testing.T) {
	m := store.NewMem(lobby, 0)
	for _, e := range talk(t) {
		if err := m.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	var b strings.Builder
	if n, err := WriteText(&b, m.ReadAll(t.Context(), time.Time{})); err != nil || n != 8 {
		t.Fatal(n, err)
	}
	d, o := identity.FromSeed([32]byte{1}).Key().Short(), identity.FromSeed([32]byte{2}).Key().Short()
	want := strings.NewReplacer("DANA", "dana·"+d, "DAN", "dan·"+d, "BOB", "bob·"+o).Replace(
		`2026-07-01T12:00:00.123Z - DANA begins
2026-07-01T12:00:01.123Z DANA: lunch? <12:30> & "there"\n\\o/
2026-07-01T12:00:02.123Z * DANA waves
2026-07-01T12:00:03.123Z - BOB begins
2026-07-01T12:00:04.123Z BOB: yes
2026-07-01T12:00:08.123Z BOB: at two
2026-07-01T12:00:09.123Z - DANA is now called dan
2026-07-01T12:00:10.123Z DAN: \u202eevil\u2028 naïve 🦊
`)
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
	forged := func(yield func(store.RawEntry, error) bool) {
		for r := range m.ReadAll(context.Background(), time.Time{}) {
			r.Sig[3] ^= 1
			yield(r, nil)
			return
		}
	}
	if _, err := WriteText(io.Discard, forged); !errors.Is(err, record.ErrSignature) {
		t.Errorf("a forged record was written as text: %v", err)
	}
	failing := func(yield func(store.RawEntry, error) bool) { yield(store.RawEntry{}, errors.New("bad disk")) }
	for _, err := range []error{second(Write(io.Discard, failing)), second(WriteText(io.Discard, failing))} {
		if err == nil || !strings.Contains(err.Error(), "bad disk") {
			t.Errorf("%v", err)
		}
	}
}

func second(_ int, err error) error { return err }

// Whatever Verify takes is exactly what Write makes of it, and nothing panics.
func FuzzVerify(f *testing.F) {
	e := talk(f)
	f.Add([]byte(lines(f, e[0], e[1], e[2])))
	f.Add([]byte(lines(f, e[0], e[4])))
	f.Add([]byte(lines(f, e[1], e[0])))
	f.Add([]byte(`{"body":"{}","sig":"AA=="}` + "\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := Verify(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(file, []byte("\n")); r.Flaw == nil && r.Records != n || r.Records > n {
			t.Errorf("%d records in %d lines, %v", r.Records, n, r.Flaw)
		}
		sum := 0
		for _, a := range r.Authors {
			sum += a.Records
		}
		if sum != r.Records {
			t.Errorf("authors say %d of %d records", sum, r.Records)
		}
		if r.Flaw != nil && (r.Flaw.Line < 1 || r.Flaw.Line > r.Records+1) {
			t.Errorf("flaw in line %d after %d records", r.Flaw.Line, r.Records)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	s := newSpeaker(1, 1)
	entries := []store.Entry{s.say(b, record.KindOpen, "dana", 0)}
	for i := range 999 {
		entries = append(entries, s.say(b, record.KindChat, fmt.Sprintf("line %d of the usual length, about lunch", i), i+1))
	}
	file := lines(b, entries...)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if r, err := Verify(strings.NewReader(file)); err != nil || r.Flaw != nil {
			b.Fatal(err, r.Flaw)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/record")
}
