package store

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
)

func TestReopen(t *testing.T) {
	cfg := config(t)
	talk := conversation(300, 3)
	d := open(t, cfg)
	appendAll(t, d, talk)
	before := frontier(d)
	if err := d.Close(); err != nil { // no Sync: Close saves
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
	for _, err := range []error{d.Append(talk[0]), d.Sync(t.Context())} {
		if err != nil {
			t.Error(err)
		}
	}
	d.Close()
	if err := d.Append(talk[0]); err != ErrClosed {
		t.Errorf("append after close: %v", err)
	}
	if _, err := d.ReadBefore(t.Context(), OrderKey{}, 1); err != ErrClosed {
		t.Errorf("read after close: %v", err)
	}
}

// Appended records are committed within FlushEvery, without a Sync.
func TestCommittedInGroups(t *testing.T) {
	cfg := config(t)
	talk := conversation(50, 2)
	synctest.Test(t, func(t *testing.T) {
		g := group.New(context.Background(), nil)
		defer g.Close()
		commits := make(chan time.Time, 100) // made in the bubble
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

func TestOtherRoomIsRefused(t *testing.T) {
	cfg := config(t)
	cfg.Room[0]++
	for _, s := range []Store{open(t, cfg), NewMem(cfg.Room, 0)} {
		if err := s.Append(conversation(1, 1)[0]); !errors.Is(err, record.ErrOtherRoom) {
			t.Errorf("%T: %v, want record.ErrOtherRoom", s, err)
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
		v := binary.BigEndian.AppendUint32(beginEncoded(tagSchema, 4), schema+1)
		return tx.Bucket(bucketMeta).Put(keySchema, addChecksum(keySchema, v))
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

// StartFeedAt leaves the records below readable, and counts from the new floor.
func TestStartFeedAt(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	for _, s := range []Store{d, NewMem(lobby, 0)} {
		sp := newSpeaker(1, 7)
		var talk []Entry
		for i := range 10 {
			talk = append(talk, sp.say("line", start.Add(time.Duration(i)*time.Second)))
		}
		appendAll(t, s, talk[:3])
		s.StartFeedAt(sp.key(), 2) // does nothing: the record is held
		s.StartFeedAt(sp.key(), 6)
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

// A full Mem drops the oldest records.
func TestMemLimit(t *testing.T) {
	talk := conversation(500, 3)
	m := NewMem(lobby, 200*entrySize(&talk[100]))
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
