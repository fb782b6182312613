package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// Sizes and what TakeDropped says later are together what is there, at any moment: before something is written, while it
// waits, and once it is on disk.
func TestSizesAtAnyMoment(t *testing.T) {
	disk := config(t)
	disk.FlushEvery = time.Hour
	for name, s := range map[string]Store{"disk": open(t, disk), "mem": NewMem(lobby, 0)} {
		expect := func(when string) {
			t.Helper()
			got, known := s.Sizes()
			settle(t, s)
			for _, d := range s.TakeDropped() {
				if got[d.Author] += d.Asked - d.Freed; got[d.Author] == 0 {
					delete(got, d.Author)
				}
			}
			if want := sizesOf(t, s); !known || !maps.Equal(got, want) {
				t.Errorf("%s, %s: %v, known: %v; want %v", name, when, got, known, want)
			}
		}
		mallory, bob, all := threeFeeds()
		author := mallory[0].key().Author
		appendAll(t, s, all)
		expect("records wait")
		expect("on disk")
		s.DropOldest(author, 3000)
		s.DropOldest(author, 500)
		expect("a deletion waits")
		s.DropOldest(author, 700)
		appendAll(t, s, []Entry{bob.say("more", start.Add(time.Hour))})
		settle(t, s)
		expect("a deletion was done, and no one heard of it")
		s.EndFeedAt(mallory[2].key(), 8, record.ID{})
		settle(t, s)
		expect("a feed was cut")
		s.DropOldest(author, 1<<20)
		expect("more goes than there is")
		s.RemoveAuthor(bob.key().Author)
		appendAll(t, s, []Entry{mallory[0].say("more", start.Add(2*time.Hour))})
		got, _ := s.Sizes()
		if _, any := got[bob.key().Author]; any && name == "disk" { // a Mem does it at once
			t.Errorf("%s: an author that is being removed has %v", name, got)
		}
		settle(t, s)
		s.TakeDropped()
		expect("an author was removed")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// longTalk queues so much of a new author that it takes several transactions. It returns the author and the bytes.
func longTalk(t *testing.T, d *Disk) (author identity.Key, total int) {
	t.Helper()
	bob := newSpeaker(2, 50)
	text := strings.Repeat("x", 8000)
	for i := range 2500 { // over maxCommitBytes
		e := bob.say(text, start.Add(time.Duration(i)))
		appendAll(t, d, []Entry{e})
		total += len(e.Record.Signed()) + RecordOverhead
	}
	return bob.key().Author, total
}

// A batch that is written in several transactions counts once, at any moment: also while a part of it is written, after
// a failure, and while it is tried again.
func TestSizesOfALargeBatch(t *testing.T) {
	cfg := config(t)
	cfg.FlushEvery, cfg.RetryEvery = time.Hour, time.Hour
	failing := errors.New("the disk is full")
	var d *Disk
	var author identity.Key
	var commits atomic.Int32
	total := 0
	expect := func(when string) {
		t.Helper()
		if got, known := d.Sizes(); !known || got[author] != total {
			t.Errorf("%s: %d bytes, known: %v; want %d", when, got[author], known, total)
		}
	}
	cfg.fault = func() error {
		n := commits.Add(1)
		expect(fmt.Sprint("before commit ", n))
		if n == 2 || n == 3 || n == 5 {
			return failing
		}
		return nil
	}
	d = open(t, cfg)
	author, total = longTalk(t, d)
	expect("queued")
	for {
		err := d.Sync(t.Context())
		expect(fmt.Sprint("after ", err))
		if err == nil {
			break
		}
	}
	if got := sizesOf(t, d)[author]; got != total || commits.Load() < 6 {
		t.Errorf("%d bytes are on disk, want %d; %d commits", got, total, commits.Load())
	}
	if drops := d.TakeDropped(); len(drops) != 0 {
		t.Errorf("%+v dropped: records were written twice", drops)
	}
}

// A deletion whose transaction is on disk isn't carried out again when one behind it fails, in the same batch.
func TestDropOnceBeforeAFailure(t *testing.T) {
	cfg := config(t)
	cfg.FlushEvery, cfg.RetryEvery = time.Hour, time.Hour
	var failAt, commits atomic.Int32
	cfg.fault = func() error {
		if commits.Add(1) == failAt.Load() {
			return errors.New("the disk is full")
		}
		return nil
	}
	d := open(t, cfg)
	mallory, _, all := threeFeeds()
	author := mallory[0].key().Author
	appendAll(t, d, all)
	settle(t, d)
	before := sizesOf(t, d)[author]
	d.DropOldest(author, 1000)
	failAt.Store(commits.Load() + 2)
	longTalk(t, d)
	for d.Sync(t.Context()) != nil {
	}
	if commits.Load() <= failAt.Load() {
		t.Fatal("nothing failed")
	}
	freed := before - sizesOf(t, d)[author]
	asked := 0
	for _, drop := range d.TakeDropped() {
		asked += drop.Asked
	}
	if freed < 1000 || freed > 1500 || asked != 1000 {
		t.Errorf("%d bytes deleted, %d asked for; want 1000", freed, asked)
	}
}

// WaitSizes ends with its context while the sums are being counted.
func TestWaitSizes(t *testing.T) {
	d := open(t, config(t))
	d.mu.Lock()
	d.ledger.sizes.known, d.counting = false, d.ledger.sizes
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := d.WaitSizes(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, known := d.Sizes(); known {
		t.Error("the sums are known")
	}
}
