package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// While saving fails the room goes on, within the limit. When it works again, the queue is saved.
func TestDiskFull(t *testing.T) {
	cfg := config(t)
	var mu sync.Mutex
	full := false
	cfg.fault = func() error {
		mu.Lock()
		defer mu.Unlock()
		if full {
			return &os.PathError{Op: "write", Path: cfg.Path, Err: syscall.ENOSPC}
		}
		return nil
	}
	set := func(v bool) { mu.Lock(); full = v; mu.Unlock() }
	cfg.FlushEvery, cfg.RetryEvery = time.Millisecond, time.Hour // Sync urges
	talk := conversation(400, 2)
	one := op{entry: &talk[1]}
	cfg.MaxWaitingBytes = 300 * one.size()
	d := open(t, cfg)
	appendAll(t, d, talk[:100])
	settle(t, d)
	set(true)
	appendAll(t, d, talk[100:200])
	if err := d.Sync(t.Context()); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("sync: %v, want no space and a next step", err)
	}
	if err := d.WaitForSpace(t.Context()); err != nil { // doesn't wait for a full disk
		t.Fatal(err)
	}
	dropped := 0
	for _, e := range talk[200:] {
		if err := d.Append(e); err != nil {
			if !errors.Is(err, ErrFull) && !errors.Is(err, ErrGap) {
				t.Fatal(err)
			}
			dropped++
		}
	}
	s := d.Status()
	if !errors.Is(s.NotSaved, syscall.ENOSPC) || dropped == 0 || s.Dropped == 0 || s.Waiting == 0 {
		t.Fatalf("%d dropped; status %+v", dropped, s)
	}
	if got := everything(t, d); len(got) != len(talk)-dropped { // waiting records can be read
		t.Errorf("%d records, want %d", len(got), len(talk)-dropped)
	}
	set(false)
	settle(t, d)
	// Dropped records are appended again from the frontier on.
	appendAll(t, d, talk)
	settle(t, d)
	if s := d.Status(); s.NotSaved != nil || s.Waiting != 0 {
		t.Errorf("%+v, want all saved", s)
	}
	d.Close()
	if got := everything(t, open(t, cfg)); len(got) != len(talk) {
		t.Errorf("%d records on disk, want %d", len(got), len(talk))
	}
}

// On a real file system without space, records wait until there is some.
func TestFullFileSystem(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	dir := t.TempDir()
	if err := mount(dir, "size=1m"); err != nil {
		t.Skipf("no small file system here: %v", err)
	}
	defer unmount(dir)
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 700<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := config(t)
	cfg.Path = filepath.Join(dir, "records.db")
	cfg.RetryEvery = 10 * time.Millisecond
	d := open(t, cfg)
	talk := conversation(900, 3)
	for i, e := range talk {
		if err := d.Append(e); err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 {
			if err := d.Sync(t.Context()); err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
		}
	}
	if err := d.Sync(t.Context()); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk took it all: %v", err)
	}
	if got := len(everything(t, d)); got != len(talk) {
		t.Errorf("%d records to be read while the disk is full, want %d", got, len(talk))
	}
	os.Remove(filler)
	settle(t, d)
	d.Close()
	if got := len(everything(t, open(t, cfg))); got != len(talk) {
		t.Errorf("%d records on disk, want %d", got, len(talk))
	}
}

// The disk is full from the start, or the folder is read-only.
func TestUnwritableFolder(t *testing.T) {
	cfg := config(t)
	cfg.Path = filepath.Join(t.TempDir(), "later", "records.db")
	cfg.RetryEvery = time.Hour
	d := open(t, cfg)
	if s := d.Status(); s.NotSaved == nil {
		t.Fatal("saved to a folder that isn't there")
	}
	talk := conversation(20, 2)
	appendAll(t, d, talk)
	if err := d.Sync(t.Context()); err == nil {
		t.Fatal("synced to a folder that isn't there")
	}
	if err := d.Put("n", nil, nil); err != nil {
		t.Fatal(err)
	}
	if b, err := d.ListValues(t.Context(), "n"); err != nil || len(b) != 1 {
		t.Errorf("values %v, %v", b, err)
	}
	if n := len(everything(t, d)); n != 20 {
		t.Errorf("%d records to be read, want 20", n)
	}
	if err := os.Mkdir(filepath.Dir(cfg.Path), 0o700); err != nil {
		t.Fatal(err)
	}
	settle(t, d)
	d.Close()
	if n := len(everything(t, open(t, cfg))); n != 20 {
		t.Errorf("%d records on disk, want 20", n)
	}
}

// A read-only file shows its records.
func TestReadOnlyFile(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	talk := conversation(30, 2)
	appendAll(t, d, talk[:20])
	d.Close()
	undo, err := makeReadOnly(cfg.Path)
	if err != nil {
		t.Skipf("a file can't be made read-only here: %v", err)
	}
	defer undo()
	cfg.RetryEvery = time.Hour
	d = open(t, cfg)
	appendAll(t, d, talk[20:])
	if err := d.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "writable") {
		t.Fatalf("sync: %v, want a next step", err)
	}
	if n := len(everything(t, d)); n != 30 {
		t.Errorf("%d records, want 30", n)
	}
	undo()
	settle(t, d)
	d.Close()
	if n := len(everything(t, open(t, cfg))); n != 30 {
		t.Errorf("%d records on disk, want 30", n)
	}
}
