package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/net/guard"
)

// watch collects what a Disk says of itself.
type watch struct {
	mu  sync.Mutex
	all []Status
}

func (w *watch) note(s Status) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, s)
}

func (w *watch) heard() []Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]Status(nil), w.all...)
}

func TestReopened(t *testing.T) {
	cfg := config(t)
	talk := conversation(300, 3)
	d := open(t, cfg)
	appendAll(t, d, talk)
	met := newSpeaker(9, 1).id.Key()
	if err := d.Meet(met); err != nil {
		t.Fatal(err)
	}
	before := frontier(d)
	if err := d.Close(); err != nil { // no Sync: closing saves
		t.Fatal(err)
	}
	d = open(t, cfg)
	if diff := cmp.Diff(ids(inOrder(talk)), ids(everything(t, d))); diff != "" {
		t.Errorf("after reopening (-want +got):\n%s", diff)
	}
	for i, f := range frontier(d) {
		if f != before[i] {
			t.Errorf("feed\n%+v, want\n%+v", f, before[i])
		}
	}
	if !d.Met(met) || d.Met(newSpeaker(8, 1).id.Key()) {
		t.Error("met keys are not those that were met")
	}
	for _, err := range []error{d.Append(talk[0]), d.Sync(t.Context())} {
		if err != nil {
			t.Error(err)
		}
	}
	d.Close()
	if err := d.Append(talk[0]); err != ErrClosed {
		t.Errorf("append after close: %v", err)
	}
	if _, err := d.Before(t.Context(), Key{}, 1); err != ErrClosed {
		t.Errorf("read after close: %v", err)
	}
}

// What was appended is committed within Every, with nobody asking for it.
func TestCommittedInGroups(t *testing.T) {
	cfg := config(t)
	talk := conversation(50, 2)
	synctest.Test(t, func(t *testing.T) {
		g := guard.New(context.Background(), nil)
		defer g.Close()
		commits := make(chan time.Time, 100) // of the bubble
		cfg := cfg
		cfg.Group = g
		cfg.fault = func() error { commits <- time.Now(); return nil }
		d := open(t, cfg)
		defer d.Close()
		from := time.Now()
		appendAll(t, d, talk)
		if at := <-commits; at.Sub(from) != 100*time.Millisecond {
			t.Errorf("committed after %v, want 100 ms", at.Sub(from))
		}
		synctest.Wait()
		if n := len(commits); n != 0 {
			t.Errorf("%d more commits for one group", n)
		}
		if s := d.Status(); s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

func TestForeign(t *testing.T) {
	cfg := config(t)
	cfg.Room[0]++
	for _, s := range []Store{open(t, cfg), NewMem(cfg.Room, 0)} {
		if err := s.Append(conversation(1, 1)[0]); !errors.Is(err, ErrForeign) {
			t.Errorf("%T: %v, want ErrForeign", s, err)
		}
	}
}

func TestRoomsApart(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	appendAll(t, d, conversation(10, 1))
	d.Close()
	other := cfg
	other.Room[0]++
	d = open(t, other)
	if n := len(d.Frontier()) + len(everything(t, d)); n != 0 {
		t.Errorf("%d things of another room", n)
	}
	d.Close()
	if d = open(t, cfg); len(everything(t, d)) != 10 {
		t.Error("the first room lost records")
	}
}

func TestNewerSchema(t *testing.T) {
	cfg := config(t)
	open(t, cfg).Close()
	db, err := bolt.Open(cfg.Path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bolt.Tx) error {
		v := binary.BigEndian.AppendUint32(sealed(sealSchema, 4), schema+1)
		return tx.Bucket(bucketMeta).Put(keySchema, seal(keySchema, v))
	}); err != nil {
		t.Fatal(err)
	}
	db.Close()
	was, _ := os.ReadFile(cfg.Path)
	_, err = Open(cfg)
	if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "update it") {
		t.Errorf("%v, want ErrNewer with a next step", err)
	}
	if is, _ := os.ReadFile(cfg.Path); string(is) != string(was) {
		t.Error("the file was touched")
	}
}

// While nothing can be saved the room goes on, within the bound; when there is room again it is saved.
func TestDiskFull(t *testing.T) {
	cfg := config(t)
	var w watch
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
	cfg.Notify = w.note
	cfg.Every, cfg.Retry = time.Millisecond, time.Hour // Sync urges
	talk := conversation(400, 2)
	one := op{entry: &talk[1]}
	cfg.Limit = 300 * one.weight()
	d := open(t, cfg)
	appendAll(t, d, talk[:100])
	settle(t, d)
	set(true)
	appendAll(t, d, talk[100:200])
	if err := d.Sync(t.Context()); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room") {
		t.Fatalf("sync: %v, want no space and a next step", err)
	}
	if err := d.Ready(t.Context()); err != nil { // doesn't wait for a disk that is full
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
	if got := everything(t, d); len(got) != len(talk)-dropped { // what waits can be read
		t.Errorf("%d records, want %d", len(got), len(talk)-dropped)
	}
	set(false)
	settle(t, d)
	// What fell out is appended again from where the frontier ends.
	appendAll(t, d, talk)
	settle(t, d)
	d.Close()
	heard := w.heard()
	if len(heard) != 2 || heard[0].NotSaved == nil || heard[1].NotSaved != nil {
		t.Errorf("heard %+v, want not saved, then saved", heard)
	}
	cfg.Notify = nil
	if got := everything(t, open(t, cfg)); len(got) != len(talk) {
		t.Errorf("%d records on disk, want %d", len(got), len(talk))
	}
}

// A real file system without room: what is said is kept until there is some.
func TestSmallDisk(t *testing.T) {
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
	cfg.Retry = 10 * time.Millisecond
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

// A full disk from the start, and a folder that can't be written to.
func TestNoFile(t *testing.T) {
	cfg := config(t)
	cfg.Path = filepath.Join(t.TempDir(), "later", "records.db")
	cfg.Retry = time.Hour
	var w watch
	cfg.Notify = w.note
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
	if b, err := d.Blobs(t.Context(), "n"); err != nil || len(b) != 1 {
		t.Errorf("blobs %v, %v", b, err)
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

// A file that is only readable shows what it has.
func TestReadOnly(t *testing.T) {
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
	cfg.Retry = time.Hour
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

// A file that is no file of ours is put aside, not overwritten.
func TestRubbishAside(t *testing.T) {
	for _, rubbish := range []string{"x", strings.Repeat("rubbish", 10_000)} {
		cfg := config(t)
		var w watch
		cfg.Notify = w.note
		if err := os.WriteFile(cfg.Path, []byte(rubbish), 0o600); err != nil {
			t.Fatal(err)
		}
		d := open(t, cfg)
		s := d.Status()
		if kept, _ := os.ReadFile(s.Aside); string(kept) != rubbish || !strings.Contains(s.Aside, "damaged") {
			t.Errorf("aside %q", s.Aside)
		}
		if heard := w.heard(); len(heard) != 1 || heard[0].Aside != s.Aside {
			t.Errorf("heard %+v", heard)
		}
		appendAll(t, d, conversation(5, 1))
		settle(t, d)
		d.Close()
	}
}

// A damaged file is put aside while it is in use, and what can be read of it is there afterwards.
func TestDamagedInUse(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	talk := conversation(2000, 4)
	appendAll(t, d, talk[:1900])
	if err := d.Put("n", []byte("k"), []byte("v")); err != nil {
		t.Fatal(err)
	}
	settle(t, d)
	info, err := os.Stat(cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(cfg.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, _, err := readMeta(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	// The header of the room's root pages: the next transaction panics.
	if _, err := f.WriteAt(make([]byte, 16), int64(m.root)*int64(m.pageSize)); err != nil {
		t.Fatal(err)
	}
	appendAll(t, d, talk[1900:])
	if _, err := d.Before(t.Context(), Key{}, 10); err != nil {
		t.Errorf("read: %v", err)
	}
	settle(t, d)
	s := d.Status()
	if s.Aside == "" || s.NotSaved != nil {
		t.Fatalf("status %+v, want a file aside", s)
	}
	d.Close()
	d = open(t, cfg)
	if got := everything(t, d); len(got) != len(talk) || s.Recovered < 1900 {
		t.Errorf("%d records, %d recovered, want all %d", len(got), s.Recovered, len(talk))
	}
	if b, err := d.Blobs(t.Context(), "n"); err != nil || len(b) != 1 || string(b[0].Value) != "v" {
		t.Errorf("blobs %q, %v", b, err)
	}
	for _, f := range frontier(d) {
		if f.Floor != 0 || f.Head.Head() == 0 {
			t.Errorf("feed %+v", f)
		}
	}
}

// A record that was damaged is dropped and counted, its feed ends below it, and what peers send again
// fills the hole.
func TestHole(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	s := newSpeaker(1, 7)
	var talk []Entry
	for i := range 10 {
		talk = append(talk, s.say(fmt.Sprint("line ", i), start.Add(time.Duration(i)*time.Second)))
	}
	appendAll(t, d, talk)
	settle(t, d)
	spoil(t, d, place(1, 4))
	got := everything(t, d)
	if len(got) != 9 || d.Status().Unreadable != 1 {
		t.Fatalf("%d records, status %+v; want 9 and one unreadable", len(got), d.Status())
	}
	settle(t, d)
	if f := d.Frontier()[0]; f.Next != 4 || f.Head != talk[3].Record.ID() {
		t.Errorf("frontier %+v, want to end below 4", f)
	}
	// Before the restart the room still knows all, and goes on.
	more := s.say("more", start.Add(time.Minute))
	appendAll(t, d, []Entry{more})
	d.Close()
	d = open(t, cfg)
	if f := d.Frontier()[0]; f.Next != 4 || f.Head != talk[3].Record.ID() {
		t.Errorf("frontier %+v, want to end below 4", f)
	}
	if raws, err := d.Range(t.Context(), s.key(), 0, 20, 1<<20); err != nil || len(raws) != 4 {
		t.Errorf("range of %d, %v; want the 4 below the hole", len(raws), err)
	}
	if got := everything(t, d); len(got) != 10 {
		t.Errorf("%d records to be read, want all but one", len(got))
	}
	appendAll(t, d, append(talk[4:], more))
	settle(t, d)
	if f := d.Frontier()[0]; f.Next != 11 || f.Head != more.Record.ID() {
		t.Errorf("frontier %+v, want the whole", f)
	}
	if got := everything(t, d); len(got) != 11 || d.Status().Aside != "" {
		t.Errorf("%d records, want 11; %+v", len(got), d.Status())
	}
}

// spoil flips a bit of the signature in a record's value.
func spoil(t *testing.T, d *Disk, at []byte) {
	t.Helper()
	if err := d.file.transact(true, func(tx *bolt.Tx) error {
		b := tx.Bucket(d.bucket('r'))
		v := append([]byte(nil), b.Get(at)...)
		v[sealSize+20] ^= 1
		return b.Put(at, v)
	}); err != nil {
		t.Fatal(err)
	}
}

// A good checksum over a bad signature is not enough to be shown.
func TestForgedOnDisk(t *testing.T) {
	d := open(t, config(t))
	talk := conversation(10, 1)
	appendAll(t, d, talk)
	settle(t, d)
	at := place(1, 3)
	if err := d.file.transact(true, func(tx *bolt.Tx) error {
		b := tx.Bucket(d.bucket('r'))
		v := append([]byte(nil), b.Get(at)...)
		v[sealSize+20] ^= 1
		return b.Put(at, seal(at, v))
	}); err != nil {
		t.Fatal(err)
	}
	page, err := d.Before(t.Context(), Key{}, 10)
	if err != nil || len(page) != 9 || d.Status().Unreadable != 1 {
		t.Errorf("%d of 10 shown, %v, %+v", len(page), err, d.Status())
	}
}

// Raise leaves what is below to be read, and counts from the new floor.
func TestRaise(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	for _, s := range []Store{d, NewMem(lobby, 0)} {
		sp := newSpeaker(1, 7)
		var talk []Entry
		for i := range 10 {
			talk = append(talk, sp.say("line", start.Add(time.Duration(i)*time.Second)))
		}
		appendAll(t, s, talk[:3])
		s.Raise(sp.key(), 2) // nothing: it is held
		s.Raise(sp.key(), 6)
		if err := s.Append(talk[4]); err != nil {
			t.Errorf("%T: one below the floor: %v", s, err)
		}
		appendAll(t, s, talk[6:])
		settle(t, s)
		f := s.Frontier()[0]
		if f.Floor != 6 || f.Next != 10 || len(everything(t, s)) != 7 {
			t.Errorf("%T: %+v, %d records", s, f, len(everything(t, s)))
		}
	}
	d.Close()
	if f := open(t, cfg).Frontier()[0]; f.Floor != 6 || f.Next != 10 {
		t.Errorf("reopened: %+v", f)
	}
}

// A Mem drops the oldest when it is full.
func TestMemBound(t *testing.T) {
	talk := conversation(500, 3)
	m := NewMem(lobby, 200*weigh(&talk[100]))
	appendAll(t, m, talk)
	got := everything(t, m)
	if len(got) > 205 || len(got) < 150 {
		t.Errorf("%d records within a bound of about 200", len(got))
	}
	n := uint64(0)
	for _, f := range m.Frontier() {
		n += f.Next - f.Floor
	}
	if n != uint64(len(got)) {
		t.Errorf("the frontier counts %d records, %d are held", n, len(got))
	}
}
