package store

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// sizesOf sums up what a store really holds of each author.
func sizesOf(t *testing.T, s Store) map[identity.Key]int {
	t.Helper()
	out := map[identity.Key]int{}
	for r, err := range s.ReadAll(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		out[r.Key.Author] += sizeOf([]byte(r.Body))
	}
	return out
}

// eachStore runs a test with a store on disk and one in memory.
func eachStore(t *testing.T, do func(t *testing.T, s Store)) {
	t.Run("disk", func(t *testing.T) { do(t, open(t, config(t))) })
	t.Run("mem", func(t *testing.T) { do(t, NewMem(lobby, 0)) })
}

// threeFeeds returns three feeds of ten records each of one author, one of another.
func threeFeeds() (mallory [3]*speaker, bob *speaker, all []Entry) {
	for i := range mallory {
		mallory[i] = newSpeaker(1, record.Feed(100+i))
		mallory[i].id = newSpeaker(1, 1).id
	}
	bob = newSpeaker(2, 50)
	for i, s := range append(mallory[:], bob) {
		for j := range 10 {
			all = append(all, s.say(fmt.Sprint("message ", j), start.Add(time.Duration(10*i+j)*time.Second)))
		}
	}
	return mallory, bob, all
}

// The oldest records of the oldest feed go first. The feeds' ends stay, and other authors lose nothing.
func TestDropOldest(t *testing.T) {
	eachStore(t, func(t *testing.T, s Store) {
		mallory, bob, all := threeFeeds()
		appendAll(t, s, all)
		settle(t, s)
		before := frontier(s)
		author := mallory[0].key().Author
		size := sizesOf(t, s)
		one := size[author] / 30
		s.DropOldest(author, 14*one)
		s.DropOldest(author, one/2)
		settle(t, s)
		var freed, asked, records int
		floors := map[uint64]uint64{}
		for _, d := range s.TakeDropped() {
			freed, asked, records = freed+d.Freed, asked+d.Asked, records+d.Records
			for n, floor := range d.Floors {
				floors[uint64(n)] = floor
			}
		}
		left := sizesOf(t, s)
		if asked != 14*one+one/2 || freed != size[author]-left[author] || freed < asked || freed > asked+2*one || records != 15 {
			t.Errorf("%d bytes of %d asked for are said to be gone, %d are, %d records", freed, asked, size[author]-left[author], records)
		}
		if left[bob.key().Author] != size[bob.key().Author] {
			t.Error("another author lost records")
		}
		if floors[100] != 10 || floors[101] != 5 || len(floors) != 2 {
			t.Errorf("floors %v", floors)
		}
		for i, f := range frontier(s) {
			was := before[i]
			if f.Head != was.Head || f.Next != was.Next || f.Floor != max(was.Floor, floors[uint64(f.Key.Feed)]) {
				t.Errorf("the end of a feed is %+v, was %+v", f, was)
			}
		}
		if got, _ := s.ReadRange(t.Context(), mallory[1].key(), 0, 9, 1<<20); len(got) != 5 || got[0].Key.Seq != 5 {
			t.Errorf("%d records can be read", len(got))
		}
		// What goes on goes on, and its records are the last to go.
		appendAll(t, s, []Entry{mallory[0].say("again", start.Add(time.Minute))})
		s.DropOldest(author, 1<<30)
		settle(t, s)
		if got := sizesOf(t, s)[author]; got != 0 {
			t.Errorf("%d bytes are left of all", got)
		}
		if len(frontier(s)) != len(before) {
			t.Error("a feed's end went")
		}
		s.RemoveAuthor(author)
		settle(t, s)
		if got := frontier(s); len(got) != 1 || got[0].Key != bob.key() {
			t.Errorf("%d feeds are left", len(got))
		}
		appendAll(t, s, all[:3])
		settle(t, s)
		if got := frontier(s); len(got) != 2 || sizesOf(t, s)[author] == 0 {
			t.Error("a removed author can't come back")
		}
	})
}

// Nothing that comes while an author is removed goes with it, or is lost without a word.
func TestAppendWhileRemoving(t *testing.T) {
	cfg := config(t)
	cfg.FlushEvery = time.Hour
	d := open(t, cfg)
	mallory, _, all := threeFeeds()
	appendAll(t, d, all[:5])
	d.RemoveAuthor(mallory[0].key().Author)
	if err := d.Append(all[5]); err != ErrFull {
		t.Errorf("%v, want ErrFull", err)
	}
	settle(t, d)
	if len(frontier(d)) != 0 {
		t.Error("records from before are left")
	}
	if err := d.Append(all[0]); err != nil {
		t.Error(err)
	}
}

// The file has the sums of all authors after any change, and a start reads them.
func TestSizesAreSaved(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	mallory, _, all := threeFeeds()
	appendAll(t, d, all)
	settle(t, d)
	d.DropOldest(mallory[0].key().Author, 3000)
	settle(t, d)
	d.EndFeedAt(mallory[2].key(), 4, record.ID{})
	settle(t, d)
	if _, err := d.Expire(t.Context(), start.Add(33*time.Second)); err != nil {
		t.Fatal(err)
	}
	want := sizesOf(t, d)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, cfg)
	d.mu.Lock()
	known := d.ledger.sizes.known
	d.mu.Unlock()
	got, _ := d.Sizes()
	if !known || !maps.Equal(got, want) {
		t.Errorf("%v, known at once: %v; want %v", got, known, want)
	}
}

// A program that knows no sums may have written to the file. Then they are counted anew beside the work, and saved.
func TestSizesAreCountedAnew(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	mallory, bob, all := threeFeeds()
	appendAll(t, d, all)
	settle(t, d)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	db := must(bolt.Open(cfg.Path, 0o600, nil))
	err := db.Update(func(tx *bolt.Tx) error { // any transaction after which the sums are wrong
		at := valueKey(sizesOfRoom(lobby), bob.key().Author.Bytes())
		return tx.Bucket(bucketValues).Put(at, encodeValue(at, 1, []byte{0, 0, 0, 0, 0, 0, 0, 7}))
	})
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	d = open(t, cfg)
	appendAll(t, d, []Entry{bob.say("meanwhile", start.Add(time.Hour))})
	d.DropOldest(mallory[0].key().Author, 1)
	if err := d.WaitSizes(t.Context()); err != nil {
		t.Fatal(err)
	}
	settle(t, d)
	d.TakeDropped()
	want := sizesOf(t, d)
	if got, known := d.Sizes(); !known || !maps.Equal(got, want) {
		t.Errorf("%v, known: %v; want %v", got, known, want)
	}
	for range 2 { // saved, and not only what has changed
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d = open(t, cfg)
		if got, known := d.Sizes(); !known || !maps.Equal(got, want) || !d.ledger.sizes.written {
			t.Errorf("%v, known: %v after a restart; want %v", got, known, want)
		}
	}
}

// A count that failed is begun again, behind what was written meanwhile.
func TestSizesAreCountedOnce(t *testing.T) {
	d := open(t, config(t))
	_, bob, all := threeFeeds()
	appendAll(t, d, all)
	settle(t, d)
	d.mu.Lock()
	d.ledger.sizes.known = false // as if all had been written while the count that failed ran
	d.mu.Unlock()
	appendAll(t, d, []Entry{bob.say("behind the failure", start.Add(time.Hour))})
	settle(t, d)
	if err := d.WaitSizes(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, _ := d.Sizes()
	if want := sizesOf(t, d); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A flood of many times the limit leaves the file as large as the limit needs: freed pages are used again.
func TestFileStaysBounded(t *testing.T) {
	cfg := config(t)
	cfg.noSync = true
	d := open(t, cfg)
	const limit = 2 << 20
	s := newSpeaker(1, 1)
	text := strings.Repeat("x", 8000)
	held, through := 0, 0
	for through < 40*limit {
		for range 50 {
			e := s.say(text, start.Add(time.Duration(through)))
			if err := d.Append(e); err != nil {
				t.Fatal(err)
			}
			n := sizeOf([]byte(e.Record.Signed()))
			held, through = held+n, through+n
			if held > limit {
				d.DropOldest(s.key().Author, limit/16)
				held -= limit / 16
			}
		}
		settle(t, d)
		for _, drop := range d.TakeDropped() {
			held += drop.Asked - drop.Freed
		}
	}
	if got := sizesOf(t, d)[s.key().Author]; got > limit || got < limit/2 {
		t.Errorf("%d bytes are held, the limit is %d", got, limit)
	}
	info, err := os.Stat(cfg.Path)
	if err != nil || info.Size() > 8*limit {
		t.Errorf("the file has %d bytes after a flood of %d within %d", info.Size(), through, limit)
	}
}
