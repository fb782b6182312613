package store

import (
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// A file of another program is moved aside, not overwritten.
func TestForeignFileIsMovedAside(t *testing.T) {
	for _, rubbish := range []string{"x", strings.Repeat("rubbish", 10_000)} {
		cfg := config(t)
		if err := os.WriteFile(cfg.Path, []byte(rubbish), 0o600); err != nil {
			t.Fatal(err)
		}
		d := open(t, cfg)
		s := d.Status()
		if kept, _ := os.ReadFile(s.Aside); string(kept) != rubbish || !strings.Contains(s.Aside, "damaged") {
			t.Errorf("aside %q", s.Aside)
		}
		appendAll(t, d, conversation(5, 1))
		settle(t, d)
		d.Close()
	}
}

// A damaged file is moved aside while it is in use, and its readable records are there afterwards.
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
	if _, err := d.ReadBefore(t.Context(), OrderKey{}, 10); err != nil {
		t.Errorf("read: %v", err)
	}
	settle(t, d)
	if err := d.WaitSizes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if sizes, _ := d.Sizes(); !maps.Equal(sizes, sizesOf(t, d)) {
		t.Errorf("%v; what waited while the file was replaced isn't counted once", sizes)
	}
	s := d.Status()
	if s.Aside == "" || s.NotSaved != nil {
		t.Fatalf("status %+v, want a file aside", s)
	}
	d.Close()
	d = open(t, cfg)
	if got := everything(t, d); len(got) != len(talk) || s.Recovered < 1900 {
		t.Errorf("%d records, %d recovered, want all %d", len(got), s.Recovered, len(talk))
	}
	if b, err := d.ListValues(t.Context(), "n"); err != nil || len(b) != 1 || string(b[0].Value) != "v" {
		t.Errorf("values %q, %v", b, err)
	}
	for _, f := range frontier(d) {
		if f.Floor != 0 || f.Head.Head() == 0 {
			t.Errorf("feed %+v", f)
		}
	}
}

// A damaged record is deleted and counted, its feed ends below it, and the records that peers send
// again fill the hole.
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
	spoil(t, d, recordKey(1, 4))
	got := everything(t, d)
	if len(got) != 9 || d.Status().Unreadable != 1 {
		t.Fatalf("%d records, status %+v; want 9 and one unreadable", len(got), d.Status())
	}
	settle(t, d)
	if f := d.Frontier()[0]; f.Next != 4 || f.Head != talk[3].Record.ID() {
		t.Errorf("frontier %+v, want to end below 4", f)
	}
	// Before the restart the room still holds all records, and goes on.
	more := s.say("more", start.Add(time.Minute))
	appendAll(t, d, []Entry{more})
	d.Close()
	d = open(t, cfg)
	if f := d.Frontier()[0]; f.Next != 4 || f.Head != talk[3].Record.ID() {
		t.Errorf("frontier %+v, want to end below 4", f)
	}
	if raws, err := d.ReadRange(t.Context(), s.key(), 0, 20, 1<<20); err != nil || len(raws) != 4 {
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
		v[encodedHead+20] ^= 1
		return b.Put(at, v)
	}); err != nil {
		t.Fatal(err)
	}
}

// A record with a good checksum and a bad signature is not shown.
func TestForgedOnDisk(t *testing.T) {
	d := open(t, config(t))
	talk := conversation(10, 1)
	appendAll(t, d, talk)
	settle(t, d)
	at := recordKey(1, 3)
	if err := d.file.transact(true, func(tx *bolt.Tx) error {
		b := tx.Bucket(d.bucket('r'))
		v := append([]byte(nil), b.Get(at)...)
		v[encodedHead+20] ^= 1
		return b.Put(at, addChecksum(at, v))
	}); err != nil {
		t.Fatal(err)
	}
	page, err := d.ReadBefore(t.Context(), OrderKey{}, 10)
	if err != nil || len(page) != 9 || d.Status().Unreadable != 1 {
		t.Errorf("%d of 10 shown, %v, %+v", len(page), err, d.Status())
	}
}
