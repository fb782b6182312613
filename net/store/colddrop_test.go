package store

import (
	"maps"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// Records of cold feeds count for their author and can be deleted, the oldest first. The block is reported, and comes
// back into memory with the new floors.
func TestDropOldestOfColdFeeds(t *testing.T) {
	cfg := config(t)
	cfg.WarmFeeds = 1
	d := open(t, cfg)
	mallory, bob, all := threeFeeds()
	appendAll(t, d, all)
	settle(t, d)
	author, block := mallory[0].key().Author, BlockOf(mallory[0].key())
	size := sizesOf(t, d)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, cfg)
	if _, cold := d.BlockArrived(block); !cold {
		t.Fatal("the block isn't cold")
	}
	sums := func() map[identity.Key]int {
		t.Helper()
		settle(t, d)
		counted, err := countSizes(t.Context(), d, make(chan struct{}))
		d.mu.Lock()
		defer d.mu.Unlock()
		if err != nil || !maps.Equal(counted, d.ledger.sizes.bytes) {
			t.Errorf("sums %v, counted %v, %v", d.ledger.sizes.bytes, counted, err)
		}
		return counted
	}
	if got := sums(); !maps.Equal(got, size) {
		t.Errorf("sums %v, want %v", got, size)
	}
	one := size[author] / 30
	d.DropOldest(author, 10*one)
	d.DropOldest(author, 5*one)
	left := sums()
	if gone := size[author] - left[author]; gone < 15*one || gone > 17*one || left[bob.key().Author] != size[bob.key().Author] {
		t.Errorf("%d bytes went, want %d", gone, 15*one)
	}
	if got := d.TakeChanged(); len(got) != 1 || got[0] != block {
		t.Errorf("changed: %v", got)
	}
	feeds, err := d.ReadBlock(t.Context(), block)
	if err != nil || len(feeds) != 3 || feeds[0].Floor != 10 || feeds[0].Next != 10 || feeds[1].Floor < 5 || feeds[2].Floor != 0 {
		t.Errorf("states %+v, %v", feeds, err)
	}
	ends := map[record.Feed]uint64{}
	for _, f := range feeds {
		ends[f.Key.Feed] = f.Next
	}
	if !d.CoolBlock(block, ends) {
		t.Fatal("the block isn't cooled")
	}
	d.RemoveAuthor(author)
	if left = sums(); left[author] != 0 {
		t.Errorf("%d bytes are left of a removed author", left[author])
	}
	if _, cold := d.BlockArrived(block); cold {
		t.Error("the block is left")
	}
	if feeds, err := d.PeekBlock(t.Context(), block); err != nil || len(feeds) != 0 {
		t.Errorf("states %+v are left, %v", feeds, err)
	}
	mallory[0].seq, mallory[0].prev = 0, record.ID{}
	appendAll(t, d, []Entry{mallory[0].say("again", start.Add(time.Hour))})
	if left = sums(); left[author] == 0 {
		t.Error("a removed author can't come back")
	}
}

// The oldest feed is the one that began first, in whatever order feeds came. Feeds of earlier programs, whose numbers
// say nothing, are older.
func TestOldestFeed(t *testing.T) {
	timed := func(hours int) record.Feed {
		return record.Feed(start.Add(time.Duration(hours)*time.Hour).UnixMilli()) << 16
	}
	eachStore(t, func(t *testing.T, s Store) {
		var author identity.Key
		for _, feed := range []record.Feed{timed(2), 1 << 63, timed(1), 1 << 62, timed(3)} {
			x := newSpeaker(1, feed)
			author = x.key().Author
			appendAll(t, s, []Entry{x.say("", start)})
		}
		settle(t, s)
		one := sizesOf(t, s)[author] / 5
		for _, want := range []record.Feed{1 << 63, 1 << 62, timed(1), timed(2)} {
			s.DropOldest(author, one)
			settle(t, s)
			dropped := s.TakeDropped()
			if len(dropped) != 1 || len(dropped[0].Floors) != 1 || dropped[0].Floors[want] != 1 {
				t.Errorf("dropped %+v, want of feed %s", dropped, want)
			}
		}
	})
}
