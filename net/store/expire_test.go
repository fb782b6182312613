package store

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// caughtUp returns twenty records of one author, a second apart, that came by catching up: they expire by
// their own time.
func caughtUp() []Entry {
	talk := conversation(20, 1)
	for i := range talk {
		talk[i].Live = false
	}
	return talk
}

// appendTwenty saves the records of caughtUp.
func appendTwenty(t *testing.T, d *Disk) []Entry {
	t.Helper()
	talk := caughtUp()
	appendAll(t, d, talk)
	settle(t, d)
	return talk
}

// A failing disk doesn't lose the request: the records are deleted when it works again.
func TestExpireWaitsForTheDisk(t *testing.T) {
	cfg := config(t)
	var failing atomic.Bool
	cause := errors.New("no disk")
	cfg.fault = func() error {
		if failing.Load() {
			return cause
		}
		return nil
	}
	cfg.FlushEvery, cfg.RetryEvery = time.Millisecond, time.Hour // Sync urges
	d := open(t, cfg)
	appendTwenty(t, d)
	failing.Store(true)
	if n, err := d.Expire(t.Context(), start.Add(10*time.Second)); !errors.Is(err, cause) || n != 0 {
		t.Errorf("deleted %d, %v; want the cause", n, err)
	}
	failing.Store(false)
	settle(t, d)
	if f := d.Frontier()[0]; f.Floor != 10 || f.Next != 20 {
		t.Errorf("%+v, want 10 to 20", f)
	}
	if got := everything(t, d); len(got) != 10 {
		t.Errorf("%d records, want 10", len(got))
	}
}

// An expiry that the file doesn't take stays queued.
func TestExpireIsTriedAgain(t *testing.T) {
	d := open(t, config(t))
	appendTwenty(t, d)
	if err := d.file.db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := d.commit([]op{{kind: opExpire, until: start.Add(time.Hour), expiry: &expiry{}}}); err == nil {
		t.Error("nothing failed")
	}
	if d.flushing.done != 0 {
		t.Error("it counts as done")
	}
}

// What fails behind an expiry in the same batch doesn't hide what the expiry has deleted.
func TestExpireCountsBeforeAFailure(t *testing.T) {
	cfg := config(t)
	var commits, failAt atomic.Int32
	cfg.fault = func() error {
		if n := commits.Add(1); failAt.Load() != 0 && n >= failAt.Load() {
			return errors.New("no disk")
		}
		return nil
	}
	cfg.FlushEvery, cfg.RetryEvery = time.Hour, time.Hour // Sync urges
	d := open(t, cfg)
	appendTwenty(t, d)
	failAt.Store(commits.Load() + 2)
	var e expiry
	d.mu.Lock()
	d.queueLocked(op{kind: opExpire, until: start.Add(10 * time.Second), expiry: &e})
	d.queueLocked(op{kind: opPut, name: "behind", key: "it", value: "fails"})
	d.mu.Unlock()
	if err := d.Sync(t.Context()); err == nil {
		t.Error("nothing failed")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !e.done || e.deleted != 10 {
		t.Errorf("%+v, want 10 deleted", e)
	}
}

// Expiring the records around a hole fills it: nothing is missing below the new floor.
func TestExpirePastAHole(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	talk := appendTwenty(t, d)
	spoil(t, d, recordKey(1, 4))
	everything(t, d) // finds the damage
	settle(t, d)
	if f := d.Frontier()[0]; f.Next != 4 {
		t.Fatalf("%+v, want an end at 4", f)
	}
	if n, err := d.Expire(t.Context(), start.Add(10*time.Second)); err != nil || n != 9 {
		t.Fatalf("deleted %d, %v; want 9", n, err)
	}
	for _, restarted := range []bool{false, true} {
		if restarted {
			d.Close()
			d = open(t, cfg)
		}
		if f := d.Frontier()[0]; f.Floor != 10 || f.Next != 20 || f.Head != talk[19].Record.ID() {
			t.Errorf("restarted %v: %+v, want 10 to 20", restarted, f)
		}
	}
}

func TestExpireEnds(t *testing.T) {
	d := open(t, config(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Expire(ctx, start); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	d.Close()
	if _, err := d.Expire(t.Context(), start); err != ErrClosed {
		t.Errorf("after Close: %v", err)
	}
}

// TestExpiryCountsOnce: a batch that is tried again, because something behind an expiry in it failed, leaves
// alone what Expire has returned.
func TestExpiryCountsOnce(t *testing.T) {
	d := open(t, config(t))
	talk := caughtUp()
	var e expiry
	for _, part := range [][]Entry{talk[:8], talk[8:]} {
		appendAll(t, d, part)
		settle(t, d)
		d.mu.Lock()
		d.queueLocked(op{kind: opExpire, until: start.Add(10 * time.Second), expiry: &e})
		d.mu.Unlock()
		settle(t, d)
		d.mu.Lock()
		if !e.done || e.deleted != 8 {
			t.Errorf("%+v, want 8 deleted", e)
		}
		d.mu.Unlock()
	}
	if f := d.Frontier()[0]; f.Floor != 10 {
		t.Errorf("%+v, want a floor of 10", f)
	}
}
