package store

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"
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
		expect("a deletion was done, and nobody heard of it")
		s.EndFeedAt(mallory[2].key(), 8)
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

// A batch that is written in several transactions counts once, also while a part of it is written and after a failure.
func TestSizesOfALargeBatch(t *testing.T) {
	cfg := config(t)
	cfg.FlushEvery, cfg.RetryEvery = time.Hour, time.Hour
	commits, failing := 0, errors.New("the disk is full")
	cfg.fault = func() error {
		if commits++; commits == 2 || commits == 4 {
			return failing
		}
		return nil
	}
	d := open(t, cfg)
	bob := newSpeaker(2, 50)
	text := make([]byte, 8000)
	for i := range text {
		text[i] = 'x'
	}
	total := 0
	for i := range 2500 { // over maxCommitBytes
		e := bob.say(string(text), start.Add(time.Duration(i)))
		appendAll(t, d, []Entry{e})
		total += len(e.Record.Signed()) + RecordOverhead
	}
	author := bob.key().Author
	expect := func(when string) {
		t.Helper()
		if got, known := d.Sizes(); !known || got[author] != total {
			t.Errorf("%s: %d bytes, known: %v; want %d", when, got[author], known, total)
		}
	}
	expect("queued")
	if err := d.Sync(t.Context()); !errors.Is(err, failing) {
		t.Fatalf("%v, want a failure in the middle", err)
	}
	expect("partly written")
	for range 2 { // the second attempt fails too
		err := d.Sync(t.Context())
		got, _ := d.Sizes()
		for _, drop := range d.TakeDropped() { // what an attempt wrote again replaced what the one before wrote
			got[author] += drop.Asked - drop.Freed
		}
		if got[author] != total {
			t.Errorf("after %v: %d bytes, want %d", err, got[author], total)
		}
	}
	if got := sizesOf(t, d)[author]; got != total || commits < 6 {
		t.Errorf("%d bytes are on disk, want %d; %d commits", got, total, commits)
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
