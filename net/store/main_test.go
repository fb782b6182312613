package store

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
)

// TestMain runs the child processes of the kill and bit-flip tests, which are this binary again.
func TestMain(m *testing.M) {
	switch os.Getenv("STORE_TEST_CHILD") {
	case "":
		goleak.VerifyTestMain(m)
	case "write":
		childWrite()
	case "flips":
		childFlips()
	}
}

var lobby = record.OpenRoom("lobby")

// start is the time of the first record in tests.
var start = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// speaker makes one author's feed.
type speaker struct {
	id   *identity.Identity
	name string
	feed record.Feed
	seq  uint64
	prev record.ID
}

func newSpeaker(seed byte, feed record.Feed) *speaker {
	return &speaker{id: identity.FromSeed([32]byte{seed}), name: fmt.Sprintf("name%d", seed), feed: feed}
}

func (s *speaker) key() record.FeedKey { return record.FeedKey{Author: s.id.Key(), Feed: s.feed} }

// say makes the feed's next record, which arrives when it is sent.
func (s *speaker) say(text string, at time.Time) Entry {
	kind, data := record.KindChat, record.TextData(text)
	if s.seq == 0 {
		kind, data = record.KindOpen, record.NamingData(s.name)
	}
	r := must(record.Sign(s.id, record.Body{
		Room: lobby, Feed: s.feed, Seq: s.seq, Prev: s.prev, Time: record.Time{Ms: at.UnixMilli()}, Kind: kind, Data: data,
	}))
	s.seq, s.prev = s.seq+1, r.ID()
	return Entry{Record: r, Name: s.name, Arrived: time.UnixMilli(at.UnixMilli()), Live: true}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// conversation makes n records of some authors, one a second, in the order of their times.
func conversation(n, authors int) []Entry {
	var speakers []*speaker
	for i := range authors {
		speakers = append(speakers, newSpeaker(byte(i+1), record.Feed(100+i)))
	}
	r := rand.New(rand.NewPCG(1, 2))
	var out []Entry
	for i := range n {
		s := speakers[r.IntN(authors)]
		out = append(out, s.say(fmt.Sprintf("line %d of the talk: \"quoted\", naïve", i), start.Add(time.Duration(i)*time.Second)))
	}
	return out
}

// config returns a configuration for a file in the test's own folder.
func config(t testing.TB) Config {
	g := group.New(t.Context(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
	t.Cleanup(g.Close)
	return Config{Path: filepath.Join(t.TempDir(), "records.db"), Room: lobby, Group: g, Log: slog.New(slog.DiscardHandler)}
}

func open(t testing.TB, cfg Config) *Disk {
	t.Helper()
	d, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func appendAll(t testing.TB, s Store, entries []Entry) {
	t.Helper()
	for i, e := range entries {
		if err := s.Append(e); err != nil {
			t.Fatalf("append %d: %v", i, err)
		}
	}
}

func settle(t testing.TB, s Store) {
	t.Helper()
	if err := s.Sync(t.Context()); err != nil {
		t.Fatalf("sync: %v", err)
	}
}

// ids returns the ids of entries, for a comparison.
func ids(entries []Entry) []record.ID {
	out := []record.ID{}
	for _, e := range entries {
		out = append(out, e.Record.ID())
	}
	return out
}

// everything returns all entries of a store, in its order.
func everything(t testing.TB, s Store) []Entry {
	t.Helper()
	var out []Entry
	for r, err := range s.ReadAll(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		e, err := r.Verify()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func inOrder(entries []Entry) []Entry {
	out := slices.Clone(entries)
	slices.SortFunc(out, func(a, b Entry) int { return record.Compare(a.Record, b.Record) })
	return out
}

func frontier(s Store) []Feed {
	out := s.Frontier()
	slices.SortFunc(out, func(a, b Feed) int {
		return OrderKey{Author: a.Key.Author, Feed: a.Key.Feed}.Compare(OrderKey{Author: b.Key.Author, Feed: b.Key.Feed})
	})
	return out
}
