package room

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/standing"
)

// sharedRoom returns a room with a rule of four feeds in memory. Author 30 is known; the others aren't, and come from
// an address each.
func sharedRoom(now *time.Time) *Room {
	r := New(lobby, identity.FromSeed([32]byte{1}), "a", func() time.Time { return *now }, 0)
	known := identity.FromSeed([32]byte{30}).Key()
	r.SetRank(func(author identity.Key) (standing.Level, standing.Source) {
		if author == known {
			return standing.Known, standing.Source{}
		}
		return standing.Heard, standing.SourceOf(netip.AddrFrom4([4]byte{10, 0, 0, author.First()}), nil)
	})
	r.SetWarmFeeds(4)
	return r
}

// addBlock has a room accept so many feeds of a block of an author.
func addBlock(t *testing.T, r *Room, author byte, block Block, feeds int) BlockKey {
	t.Helper()
	for n := range record.Feed(feeds) {
		acceptAll(t, r, chain(t, author, record.Feed(block)<<blockShift|(n+1), 0, record.KindChat, ""))
	}
	return BlockKey{identity.FromSeed([32]byte{author}).Key(), block}
}

// The author with most feeds that isn't known loses its blocks, the largest first, though they changed just now and
// records wait in them. Those that the store doesn't have yet stay with what waits, and no one else gives way for them.
func TestMakeSpace(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	known := addBlock(t, r, 30, 5, 8)
	few := addBlock(t, r, 21, 5, 2)
	small, large := addBlock(t, r, 20, 5, 2), addBlock(t, r, 20, 6, 3)
	waits := chain(t, 20, record.Feed(6)<<blockShift|1, 2, record.KindChat, `{"text":"x"}`)[2]
	if out, err := r.Accept(waits); err != nil || out.Gap == nil {
		t.Fatalf("%+v, %v", out, err)
	}
	sum := r.Sum(nil)
	var asked []BlockKey
	cool := func(refuse ...BlockKey) func(BlockKey) bool {
		asked = nil
		return func(key BlockKey) bool {
			asked = append(asked, key)
			if slices.Contains(refuse, key) {
				return false
			}
			r.Cool(key)
			return true
		}
	}
	use := r.memory.use.Used()
	r.MakeSpace(cool(small, large))
	if want := []BlockKey{large, small}; !slices.Equal(asked, want) || r.IsCold(large) || r.IsCold(few) || r.memory.use.Used() != use || waitingIn(r) != 1 {
		t.Errorf("asked for %v, want %v", asked, want)
	}
	now = now.Add(refusedFor * time.Second)
	r.MakeSpace(cool())
	if want := []BlockKey{large}; !slices.Equal(asked, want) || !r.IsCold(large) || r.IsCold(known) || r.Sum(nil) != sum || waitingIn(r) != 0 {
		t.Errorf("cooled %v, want %v; sum %s, want %s", asked, want, r.Sum(nil), sum)
	}
	if n := len(r.feeds); n != 12 || r.memory.use.Used() != n {
		t.Errorf("%d feeds in memory, %d counted", n, r.memory.use.Used())
	}
	r.MakeSpace(cool())
	if len(asked) > 0 {
		t.Errorf("cooled %v where there is space", asked)
	}
}

// A block in which records only wait leaves nothing behind when memory needs space: blocks are free for a stranger.
func TestMakeSpaceLeavesNoEmptyBlock(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	addBlock(t, r, 20, 5, 13)
	waits := chain(t, 20, record.Feed(6)<<blockShift|1, 2, record.KindChat, `{"text":"x"}`)[2]
	if out, err := r.Accept(waits); err != nil || out.Gap == nil {
		t.Fatalf("%+v, %v", out, err)
	}
	r.MakeSpace(func(key BlockKey) bool {
		if key.Block != 6 {
			return false
		}
		r.Cool(key)
		return true
	})
	r.Sum(nil)
	if key := (BlockKey{waits.Author(), 6}); r.findBlock(key) != nil || r.IsCold(key) {
		t.Error("an empty block stays")
	}
}

// The count of feeds in memory follows feeds that come and go.
func TestFeedsInMemoryAreCounted(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r, blocks, states, recs := coldRoom(t, &now)
	check := func(when string) {
		t.Helper()
		if n := r.memory.use.Used(); n != len(r.feeds) {
			t.Errorf("%s: %d feeds counted of %d", when, n, len(r.feeds))
		}
	}
	check("accepted")
	waits := chain(t, 22, 7, 2, record.KindChat, `{"text":"x"}`)
	if _, err := r.Accept(waits[2]); err != nil {
		t.Fatal(err)
	}
	check("a feed that waits")
	r.dropAllWaiting(r.feeds[waits[2].FeedKey()])
	r.dropEmptyFeed(waits[2].FeedKey(), r.feeds[waits[2].FeedKey()])
	check("dropped again")
	r.Cool(blocks[0])
	r.Cool(blocks[1])
	check("cold")
	r.Warm(blocks[0], states[blocks[0]])
	r.Restore(states[blocks[0]], nil)
	check("warm")
	acceptAll(t, r, recs[blocks[0]])
	r.RemoveAuthor(blocks[0].Author)
	check("removed")
	say(t, r, "x")
	check("our own")
}

// Above eight times the rule an author may not begin more feeds that uses most. Others may, up to sixteen times.
func TestMayBegin(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	greedy, other := identity.FromSeed([32]byte{20}).Key(), identity.FromSeed([32]byte{21}).Key()
	addBlock(t, r, 20, 5, 31)
	begin := func(author byte, feed record.Feed) error {
		_, err := r.Accept(chain(t, author, feed, 0, record.KindChat, "")[0])
		return err
	}
	if err := begin(20, 1); err != nil {
		t.Errorf("while there is space: %v", err)
	}
	if err := begin(20, 2); !errors.Is(err, ErrFull) {
		t.Errorf("the author of all that: %v", err)
	}
	if err := begin(21, 1); err != nil {
		t.Errorf("another author: %v", err)
	}
	if n := r.memory.use.UsedBy(greedy); n != 32 || r.memory.use.UsedBy(other) != 1 {
		t.Errorf("%d and %d feeds are counted", n, r.memory.use.UsedBy(other))
	}
	addBlock(t, r, 30, 5, 31)
	if err := begin(30, 1); !errors.Is(err, ErrFull) || len(r.feeds) != 64 {
		t.Errorf("where %d feeds are in memory: %v", len(r.feeds), err)
	}
}
