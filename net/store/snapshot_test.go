package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"chat.lan/p2pchat/net/group"
)

// A copy taken while a store writes is whole: it has at least the synced records, and the
// beginning of each feed.
func TestSnapshotWhileWriting(t *testing.T) {
	cfg := config(t)
	cfg.FlushEvery = 1 // always writing
	d := open(t, cfg)
	s := newSpeaker(1, 1)
	stop := make(chan struct{})
	g := group.New(t.Context(), nil)
	defer g.Close()
	g.Go("speaker", func(context.Context) {
		for {
			select {
			case <-stop:
				return
			default:
				if d.Append(s.say("line", start)) != nil || d.Sync(context.Background()) != nil {
					t.Error("it can't write")
					return
				}
			}
		}
	})
	for range 20 {
		synced := uint64(0)
		for _, f := range d.Frontier() {
			synced = f.Next - min(f.Next, 1) // the last record may be waiting
		}
		path, err := Snapshot(t.Context(), cfg.Path, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		copied := open(t, Config{Path: path, Room: lobby, Group: cfg.Group})
		n := uint64(len(everything(t, copied)))
		if st := copied.Status(); st != (Status{}) {
			t.Fatalf("%+v", st)
		}
		if n < synced || n > 0 && copied.Frontier()[0].Next != n {
			t.Errorf("%d records in the copy, %d were synced, frontier %+v", n, synced, copied.Frontier())
		}
		copied.Close()
		os.Remove(path)
	}
	close(stop)
	g.Wait()
}

// A commit waits for a running copy, but only up to a limit.
func TestCommitWaitsForCopy(t *testing.T) {
	cfg := config(t)
	cfg.FlushEvery = 1
	d := open(t, cfg)
	release, err := acquireFlock(t.Context(), cfg.Path, false)
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, d, conversation(3, 1))
	// As long as many commits take. A commit that waits is never done, however long this is.
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := d.Sync(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it wrote during a copy (%v)", err)
	}
	release()
	settle(t, d)
}

// A copier needs a file, and waits for a running commit.
func TestSnapshotErrors(t *testing.T) {
	cfg := config(t)
	if _, err := Snapshot(t.Context(), cfg.Path, t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Error("copied what isn't there")
	}
	open(t, cfg).Close()
	release, err := acquireFlock(t.Context(), cfg.Path, true) // as a writer in a commit
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Snapshot(ctx, cfg.Path, t.TempDir()); err == nil {
		t.Error("copied while a commit was under way")
	}
	release()
	dir := t.TempDir()
	if path, err := Snapshot(t.Context(), cfg.Path, dir); err != nil || filepath.Dir(path) != dir {
		t.Error(path, err)
	}
}
