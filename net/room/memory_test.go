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
// records wait in them. Those that the store doesn't have yet stay, and nobody else gives way for them.
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
			if r.BlockFeeds(key) == nil {
				t.Errorf("records wait in %v", key)
			}
			r.Cool(key)
			return true
		}
	}
	use := r.memory.use.Used()
	r.MakeSpace(cool(small, large))
	if want := []BlockKey{large, small}; !slices.Equal(asked, want) || r.IsCold(large) || r.IsCold(few) || r.memory.use.Used() != use {
		t.Errorf("asked for %v, want %v", asked, want)
	}
	r = sharedRoom(&now)
	addBlock(t, r, 30, 5, 8)
	addBlock(t, r, 21, 5, 2)
	addBlock(t, r, 20, 5, 2)
	addBlock(t, r, 20, 6, 3)
	r.MakeSpace(cool())
	if want := []BlockKey{large}; !slices.Equal(asked, want) || !r.IsCold(large) || r.IsCold(known) || r.Sum(nil) != sum {
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

// A large block comes back where there is much space, or others have to give way, but not at once after its author had
// to, unless that is known. A small one comes while there is any space. A block of very many feeds never comes.
func TestWarms(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	small, large, known := addBlock(t, r, 20, 5, 4), addBlock(t, r, 21, 5, 5), addBlock(t, r, 30, 5, 5)
	if r.Warms(small) || r.CanWarm(small) {
		t.Error("it is warm")
	}
	for _, key := range []BlockKey{small, large, known} {
		r.Cool(key)
		if !r.Warms(key) || !r.CanWarm(key) {
			t.Errorf("%v doesn't come", key)
		}
		r.findBlock(key).pressed = now
	}
	if !r.Warms(small) || r.Warms(large) || !r.Warms(known) {
		t.Errorf("after they had to give way: %v, %v, %v", r.Warms(small), r.Warms(large), r.Warms(known))
	}
	now = now.Add(pressedFor)
	if !r.Warms(large) {
		t.Error("a large block never comes again")
	}
	addBlock(t, r, 22, 5, 13)
	if !r.Warms(small) || !r.Warms(large) {
		t.Errorf("beside many feeds of somebody else: %v, %v", r.Warms(small), r.Warms(large))
	}
	addBlock(t, r, 21, 6, 10)
	if !r.Warms(small) || r.Warms(large) || !r.CanWarm(large) {
		t.Errorf("beside many feeds of its author: %v, %v", r.Warms(small), r.Warms(large))
	}
	addBlock(t, r, 20, 6, 9)
	if r.Warms(small) {
		t.Error("a small block comes where its author has to give way")
	}
	if r.findBlock(known).coldFeeds = 33; r.CanWarm(known) || r.Warms(known) {
		t.Error("a block of very many feeds comes")
	}
}
