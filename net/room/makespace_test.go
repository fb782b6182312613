package room

import (
	"slices"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/standing"
)

// An author whose blocks can't be cooled keeps its place before those that came later.
func TestMakeSpaceKeepsSeniority(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	r.SetRank(func(identity.Key) (standing.Level, standing.Source) { return standing.Heard, standing.Machine })
	addBlock(t, r, 20, 5, 7)
	late := addBlock(t, r, 21, 5, 7)
	refuse := func(BlockKey) bool { return false }
	for range 3 {
		now = now.Add(refusedFor * time.Second)
		r.MakeSpace(refuse)
		if victim, over := r.memory.use.Victim(identity.Key{}); !over || victim != late.Author {
			t.Fatal("the author that was there first gives way")
		}
		addBlock(t, r, 22, 5, 1)
	}
}

// Where nothing can be cooled, MakeSpace ends after a few blocks, and goes on with others the next time. So those that
// can be cooled have their turn, and those that can't are asked for again later.
func TestMakeSpaceEndsSoon(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	const each, authors = 2, 30 // of each author, ten feeds in five blocks
	for author := byte(20); author < 20+authors; author++ {
		for block := range Block(5) {
			r.memory.rule = 400 // to begin feeds
			addBlock(t, r, author, block+5, each)
			r.memory.rule = 4
		}
	}
	looks, clock := 0, r.clock.now // at the clock: one for each author and for each block
	r.clock.now = func() time.Time { looks++; return clock() }
	asked := map[BlockKey]int{}
	refuse := func(key BlockKey) bool {
		asked[key]++
		return false
	}
	for i, want := range []int{maxRefused, 2 * maxRefused, 5 * (authors - 1), 5 * (authors - 1)} { // the last author has space
		if r.MakeSpace(refuse); len(asked) != want {
			t.Errorf("call %d: asked for %d blocks, want %d", i, len(asked), want)
		}
		if most := maxRefused + maxRefused/5 + 1; i == 0 && looks > most {
			t.Errorf("%d authors and blocks were looked at, want at most %d", looks, most)
		}
	}
	for key, n := range asked {
		if n > 1 {
			t.Errorf("asked %d times for %v", n, key)
		}
	}
	cooled := 0
	now = now.Add(refusedFor * time.Second)
	r.MakeSpace(func(key BlockKey) bool {
		cooled++
		r.Cool(key)
		return true
	})
	if n := len(r.feeds); n > timesPressed*4 || n < timesPressed*4-each || cooled != 5*authors-timesPressed*4/each {
		t.Errorf("%d blocks were cooled, %d feeds are in memory", cooled, n)
	}
}

// A block of which nothing leaves memory isn't the last of its author that is asked for.
func TestMakeSpaceGoesOnBehindAnEmptyBlock(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	r := sharedRoom(&now)
	large := addBlock(t, r, 20, 5, 9)
	small := addBlock(t, r, 20, 6, 8)
	var asked []BlockKey
	r.MakeSpace(func(key BlockKey) bool {
		if asked = append(asked, key); key == small {
			r.Cool(key)
		}
		return true
	})
	if want := []BlockKey{large, small}; !slices.Equal(asked, want) || len(r.feeds) != 9 {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}

// A feed that takes another's place takes nothing of it over: no bytes in memory and no record that waits.
func TestFeedInPlaceOfAnother(t *testing.T) {
	r := someone(t, 1)
	recs := chain(t, 20, 7, 4, record.KindChat, `{"text":"x"}`)
	acceptAll(t, r, recs[:2])
	acceptAll(t, r, recs[3:])
	if waitingIn(r) != 2 || r.memBytes == 0 {
		t.Fatalf("%d records wait", waitingIn(r))
	}
	r.Restore(storeFeed(recs[:2]), nil)
	if author := recs[0].Author(); r.memBytes != 0 || r.waiting.budget.Used() != 0 || len(r.waiting.feeds) != 0 || r.memory.use.UsedBy(author) != 1 {
		t.Errorf("%d bytes in memory, %d that wait, %d feeds", r.memBytes, r.waiting.budget.Used(), r.memory.use.UsedBy(author))
	}
	acceptAll(t, r, recs[2:3])
	if r.memBytes == 0 || r.Count() != 3 {
		t.Errorf("%d records", r.Count())
	}
	r.deleteFeed(recs[0].FeedKey())
	if r.memBytes != 0 || r.memory.use.Used() != 0 {
		t.Errorf("%d bytes are left of a feed that is gone", r.memBytes)
	}
}

// Records that wait are only dropped where there are any: what is counted wrongly neither ends the program nor keeps it
// busy for ever.
func TestDropLastWaitingOfNothing(t *testing.T) {
	r := someone(t, 1)
	recs := chain(t, 20, 7, 3, record.KindChat, `{"text":"x"}`)
	acceptAll(t, r, recs[:1])
	author := recs[0].Author()
	r.waiting.feeds[author] = map[record.Feed]bool{7: true, 8: true} // one that holds records, and one that is gone
	r.waiting.budget.Add(author, standing.Heard, standing.Source{}, 2*maxWaitingBytes)
	if r.dropLastWaiting(author) {
		t.Error("something was dropped")
	}
	acceptAll(t, r, recs[2:])
	if got := waitingIn(r); got != 0 {
		t.Errorf("%d records wait above the limit", got)
	}
	if r.Count() != 1 {
		t.Errorf("%d records, want 1", r.Count())
	}
}
