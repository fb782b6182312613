package room

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// coldRoom returns a room with three blocks of three feeds of one author each, and the states that a store has of them.
func coldRoom(t *testing.T, now *time.Time) (r *Room, blocks []BlockKey, states map[BlockKey][]store.Feed, recs map[BlockKey][]*record.Record) {
	t.Helper()
	r = New(lobby, identity.FromSeed([32]byte{1}), "a", func() time.Time { return *now }, 0)
	states, recs = map[BlockKey][]store.Feed{}, map[BlockKey][]*record.Record{}
	for i := range byte(3) {
		key := BlockKey{identity.FromSeed([32]byte{20}).Key(), Block(i + 5)}
		blocks = append(blocks, key)
		for n := range record.Feed(3) {
			feed := chain(t, 20, record.Feed(key.Block)<<blockShift|(n+1), 2, record.KindChat, `{"text":"x"}`)
			acceptAll(t, r, feed)
			states[key] = append(states[key], storeFeed(feed)...)
			recs[key] = append(recs[key], feed...)
		}
		*now = now.Add(time.Minute)
	}
	return r, blocks, states, recs
}

// A cold block keeps its part of the sum and of the count; nothing of it is missing, and no record of it is taken. When
// it is warm again, all is as before.
func TestCoolAndWarm(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r, blocks, states, recs := coldRoom(t, &now)
	key := blocks[1]
	sum, count, feeds, holdings := r.Sum(nil), r.Count(), r.CountFeeds(), r.Frontier()
	r.Cool(key)
	r.Cool(key) // once more changes nothing
	if r.Sum(nil) != sum || r.Count() != count || r.CountFeeds() != feeds || len(r.feeds) != 6 || !r.IsCold(key) || !r.HasCold() {
		t.Errorf("cold: sum %s, want %s; %d records of %d; %d feeds, %d in memory", r.Sum(nil), sum, r.Count(), count, r.CountFeeds(), len(r.feeds))
	}
	next := extend(t, 20, recs[key][:3], 1, "next")[3]
	if _, err := r.Accept(next); !errors.Is(err, ErrCold) {
		t.Errorf("a record of a cold block: %v", err)
	}
	theirs := []Holding{{Key: next.FeedKey(), Seq: 9}, {Key: feedKey(key.Author, next.Feed()+100), Floor: 3, Seq: 9}}
	if gaps := r.Missing(theirs); gaps != nil || r.HasTruncatedFeeds(theirs) {
		t.Errorf("missing in a cold block: %+v", gaps)
	}
	if _, more := r.RangeInMemory(Gap{Key: next.FeedKey(), To: 1}, 1<<20); !more {
		t.Error("the store isn't asked")
	}
	if got := r.ColdBlocks([]record.FeedKey{next.FeedKey(), recs[blocks[0]][0].FeedKey(), next.FeedKey()}); !slices.Equal(got, []BlockKey{key}) {
		t.Errorf("cold: %v", got)
	}
	r.Warm(key, states[key])
	if r.Sum(nil) != sum || r.Count() != count || !slices.Equal(r.Frontier(), holdings) || r.HasCold() {
		t.Errorf("warm again: sum %s, want %s; %d records of %d", r.Sum(nil), sum, r.Count(), count)
	}
	acceptAll(t, r, []*record.Record{next})
	if r.Sum(nil) == sum || r.Count() != count+1 {
		t.Error("the block goes on otherwise")
	}
	r.Warm(key, states[key]) // it is warm
	if r.Count() != count+1 {
		t.Error("a warm block was replaced")
	}
}

// A restored block that is cold has the sum of the same block in memory.
func TestRestoreCold(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r, blocks, states, _ := coldRoom(t, &now)
	after := New(lobby, identity.FromSeed([32]byte{20}), "b", func() time.Time { return now.AddDate(1, 0, 0) }, 0)
	for _, key := range blocks {
		after.RestoreCold(key, states[key])
	}
	if after.Sum(nil) != r.Sum(nil) || after.Count() != r.Count() || len(after.feeds) != 0 {
		t.Errorf("sum %s, want %s; %d records of %d", after.Sum(nil), r.Sum(nil), after.Count(), r.Count())
	}
	last := states[blocks[2]][2]
	if first := say(t, after, "again")[0]; first.Time().Compare(last.Time) <= 0 || first.Prev() == (record.ID{}) {
		t.Errorf("the author goes on with %+v", first.Body())
	}
	// Our own next feed may be of a block that is in use.
	own := BlockKey{after.self.Key(), BlockOf(record.Feed(now.AddDate(1, 0, 0).UnixMilli() << 16))}
	feed := states[blocks[0]][:1]
	feed[0].Key.Feed = record.Feed(own.Block)<<blockShift | 1
	if after.RestoreCold(own, feed); after.IsCold(own) {
		t.Error("our block of today is cold")
	}
}

// Blocks are cooled that have been unchanged for longest, down to three quarters of the limit. Those stay that changed
// just now, that must be kept, or in which records wait.
func TestCoolableBlocks(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r, blocks, states, recs := coldRoom(t, &now)
	for name, c := range map[string]struct {
		limit int
		keep  []BlockKey
		want  []BlockKey
	}{
		"below the limit": {9, nil, nil},
		"one":             {8, nil, blocks[:1]},
		"two":             {4, nil, blocks[:2]},
		"kept":            {8, blocks[:1], blocks[1:2]},
	} {
		keep := map[BlockKey]bool{}
		for _, key := range c.keep {
			keep[key] = true
		}
		r.memory.rule = c.limit
		if got := r.CoolableBlocks(func() map[BlockKey]bool { return keep }); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	acceptAll(t, r, extend(t, 20, recs[blocks[0]][:3], 1, "now")[3:])
	r.memory.rule = 0
	if got := r.CoolableBlocks(func() map[BlockKey]bool { return nil }); slices.Contains(got, blocks[0]) || len(got) != 2 {
		t.Errorf("a block that changes now is among %v", got)
	}
	r.memory.rule = MaxWarmFeeds
	want := map[record.Feed]uint64{}
	for _, f := range states[blocks[1]] {
		want[f.Key.Feed] = f.Next
	}
	if got := r.BlockFeeds(blocks[1]); !maps.Equal(got, want) || len(got) != 3 {
		t.Errorf("ends %v, want %v", got, want)
	}
	waits := extend(t, 20, recs[blocks[1]][:3], 2, "waits")[4]
	if out, err := r.Accept(waits); err != nil || out.Gap == nil || !maps.Equal(r.BlockFeeds(blocks[1]), want) {
		t.Errorf("a block in which a record waits: %+v, %v, ends %v", out, err, r.BlockFeeds(blocks[1]))
	}
	unknown := chain(t, 20, record.Feed(blocks[2].Block)<<blockShift|9, 1, record.KindChat, `{"text":"x"}`)[1]
	if out, err := r.Accept(unknown); err != nil || out.Gap == nil || len(r.BlockFeeds(blocks[2])) != 3 {
		t.Errorf("a block in which a record of a new feed waits: %+v, %v", out, err)
	}
	now = now.Add(time.Minute)
	r.memory.rule = 9
	if got := r.CoolableBlocks(func() map[BlockKey]bool { return nil }); !slices.Equal(got, blocks[:1]) {
		t.Errorf("%v, want the block in which no record waits", got)
	}
}

// A cold block whose feeds the store lost a part of is noticed; one of which only the beginning went is as before, but
// for the count.
func TestRecheck(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r, blocks, states, recs := coldRoom(t, &now)
	key := blocks[0]
	r.Cool(key)
	sum, count := r.Sum(nil), r.Count()
	expired := slices.Clone(states[key])
	expired[0].Floor = 2
	if !r.Recheck(key, expired) || r.Sum(nil) != sum || r.Count() != count-2 {
		t.Errorf("after an expiry: %d records of %d", r.Count(), count)
	}
	lost := slices.Clone(states[key])
	lost[1].Next, lost[1].Head = 1, recs[key][3].ID()
	if r.Recheck(key, lost) {
		t.Error("a loss isn't noticed")
	}
	if r.Recheck(key, lost[:2]) {
		t.Error("the loss of a feed isn't noticed")
	}
	r.Warm(key, lost)
	if gaps := r.Missing([]Holding{{Key: lost[1].Key, Seq: 2}}); len(gaps) != 1 || gaps[0].From != 1 {
		t.Errorf("missing %+v", gaps)
	}
	if !r.Recheck(key, nil) {
		t.Error("a warm block is compared")
	}
}

// A fork's evidence stays while its block is cold, also of a feed of which nothing is held.
func TestColdForks(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r, blocks, states, recs := coldRoom(t, &now)
	key := blocks[0]
	first := recs[key][0]
	other := chain(t, 20, first.Feed(), 0, "", "")
	body := first.Body()
	body.Data = []byte(`{"name":"y"}`)
	twin, err := record.Sign(identity.FromSeed([32]byte{20}), body)
	if err != nil {
		t.Fatal(err)
	}
	if out, _ := r.Accept(twin); out.Fork == nil || out.Fork.Seq != 0 {
		t.Fatalf("%+v, %v", out, other)
	}
	sum := r.Sum(nil)
	r.Cool(key)
	r.Warm(key, states[key][1:])
	forks := r.ForksUnknownTo([]Holding{{Key: first.FeedKey(), Seq: 2}})
	if len(forks) != 1 || r.Sum(nil) != sum || len(r.coldForks) != 0 {
		t.Errorf("forks %+v; sum %s, want %s", forks, r.Sum(nil), sum)
	}
	if out, err := r.Accept(recs[key][1]); err != nil || out.Added != nil {
		t.Errorf("a record behind the fork: %+v, %v", out, err)
	}
}

// An author that is removed leaves nothing behind, of cold blocks neither. A feed of it that comes again counts once.
func TestRemoveAuthorOfColdBlocks(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r, blocks, _, recs := coldRoom(t, &now)
	other := chain(t, 21, 1, 3, record.KindChat, `{"text":"x"}`)
	acceptAll(t, r, other)
	without := New(lobby, identity.FromSeed([32]byte{1}), "a", func() time.Time { return now }, 0)
	acceptAll(t, without, other)
	r.Cool(blocks[0])
	r.RemoveAuthor(blocks[0].Author)
	if r.HasCold() || r.IsCold(blocks[0]) || r.CountFeeds() != 1 || r.Count() != without.Count() || r.Sum(nil) != without.Sum(nil) {
		t.Errorf("%d feeds, %d records, sum %s are left, want that of one feed: %s", r.CountFeeds(), r.Count(), r.Sum(nil), without.Sum(nil))
	}
	for _, x := range []*Room{r, without} {
		acceptAll(t, x, recs[blocks[0]])
	}
	r.RemoveAuthor(blocks[0].Author)
	acceptAll(t, r, recs[blocks[0]]) // before a sum was asked for
	if r.Sum(nil) != without.Sum(nil) || r.Count() != without.Count() {
		t.Errorf("sum %s of %d records, want %s of %d", r.Sum(nil), r.Count(), without.Sum(nil), without.Count())
	}
}
