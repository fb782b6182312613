package room

import (
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// storedFeeds returns a room's feeds as its store lists them at the next start.
func storedFeeds(r *Room) (out []store.Feed) {
	for key, f := range r.feeds {
		out = append(out, store.Feed{Key: key, Floor: f.floor, Next: f.next(), Head: f.head, Name: f.name, Forked: f.fork != nil})
	}
	return out
}

// again returns the room of the same person at the next start.
func again(t *testing.T, r *Room, name string) *Room {
	t.Helper()
	next := New(lobby, r.self, name, time.Now, 0)
	next.Restore(storedFeeds(r), nil)
	return next
}

// New feeds are numbered by their beginning, and two of one moment differ.
func TestFeedsAreNumberedByTime(t *testing.T) {
	at := time.UnixMilli(1_790_000_000_123)
	r := New(lobby, identity.FromSeed([32]byte{1}), "ann", func() time.Time { return at }, 0)
	seen := map[record.Feed]bool{}
	for range 1 << 10 {
		if err := r.sayNew(); err != nil {
			t.Fatal(err)
		}
		if f := r.ownFeed.Feed; seen[f] || int64(f>>16) != at.UnixMilli() {
			t.Fatalf("feed %s, used before: %v", f, seen[f])
		}
		seen[r.ownFeed.Feed] = true
	}
}

// sayNew says something in another feed.
func (r *Room) sayNew() error {
	r.LeaveFeed()
	_, err := r.AppendText(record.KindChat, "x")
	return err
}

// A run goes on with the feed of the one before only if it ends as that run knew it.
func TestContinueFeed(t *testing.T) {
	first, other := someone(t, 1), someone(t, 2)
	recs := say(t, first, "one")
	end, any := first.OwnEnd()
	if !any || end.Seq != 1 || end.Head != recs[1].ID() {
		t.Fatalf("%+v, %v", end, any)
	}
	for name, c := range map[string]struct {
		end  FeedEnd
		want bool
	}{
		"as known":      {end, true},
		"a restored":    {FeedEnd{end.Feed, end.Seq + 1, end.Head}, false},
		"a later":       {FeedEnd{end.Feed, end.Seq - 1, end.Head}, false},
		"another chain": {FeedEnd{end.Feed, end.Seq, record.ID{1}}, false},
		"another feed":  {FeedEnd{end.Feed + 1, end.Seq, end.Head}, false},
	} {
		r := again(t, first, "p1")
		if got := r.ContinueFeed(c.end); got != c.want || r.IsContinued() != c.want {
			t.Errorf("%s: %v", name, got)
		}
		said := say(t, r, "two")
		if goesOn := said[len(said)-1].Feed() == end.Feed; goesOn != c.want {
			t.Errorf("%s: feed %s after %s", name, said[0].Feed(), end.Feed)
		}
		for _, rec := range append(recs, said...) {
			if out, err := other.Accept(rec); err != nil || out.Fork != nil {
				t.Errorf("%s: %+v, %v", name, out, err)
			}
		}
		other = someone(t, 2)
	}
	forked := again(t, first, "p1")
	forked.feeds[recs[0].FeedKey()].fork = &Fork{Key: recs[0].FeedKey(), Seq: 2}
	if forked.ContinueFeed(end) {
		t.Error("a forked feed goes on")
	}
}

// Under another name the feed goes on with a record of the name.
func TestContinuedFeedIsRenamed(t *testing.T) {
	first := someone(t, 1)
	say(t, first, "one")
	end, _ := first.OwnEnd()
	r := again(t, first, "another")
	r.ContinueFeed(end)
	said := say(t, r, "two")
	if len(said) != 2 || said[0].Kind() != record.KindName || said[0].Name() != "another" || said[0].Seq() != 2 {
		t.Errorf("%d records, the first of kind %s", len(said), said[0].Kind())
	}
	if said = say(t, r, "three"); len(said) != 1 {
		t.Errorf("%d records for the next message", len(said))
	}
}

// A record of our own feed that isn't ours shows that somebody else signs there: the next message opens another feed,
// so that no place is used twice. So does a fork.
func TestFeedOfTwoRunsIsLeft(t *testing.T) {
	first := someone(t, 1)
	say(t, first, "one")
	end, _ := first.OwnEnd()
	a, b := again(t, first, "p1"), again(t, first, "p1")
	a.ContinueFeed(end)
	b.ContinueFeed(end)
	for _, rec := range say(t, a, "of a") {
		if _, err := b.Accept(rec); err != nil {
			t.Fatal(err)
		}
	}
	if said := say(t, b, "of b"); said[0].Feed() == end.Feed {
		t.Error("both go on with one feed")
	}
	a, b = again(t, first, "p1"), again(t, first, "p1")
	a.ContinueFeed(end)
	b.ContinueFeed(end)
	say(t, b, "at the same time")
	for _, rec := range say(t, a, "of a") {
		if out, err := b.Accept(rec); err != nil || out.Fork == nil {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	if said := say(t, b, "of b"); said[0].Feed() == end.Feed {
		t.Error("a forked feed goes on")
	}
}
