package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
)

// Both stores, and a Disk that is closed and opened again at any time, give back each record or a stub for it,
// whatever is skipped, filled, expired or cut off by a fork, in any order. A stub's id is that of its last record.
func TestStubs(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		g := group.New(t.Context(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
		defer g.Close()
		cfg := Config{Path: filepath.Join(dir, fmt.Sprint(n)), Room: lobby, Group: g, FlushEvery: time.Hour, noSync: true}
		disk, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { disk.Close(); os.Remove(cfg.Path) }()
		mem, s := NewMem(lobby, 1<<30), newSpeaker(1, 11)
		stores := func() []Store { return []Store{mem, disk} }
		var said []Entry
		skipped := map[uint64]bool{}
		floor, end := uint64(0), uint64(0)
		do := func(what func(Store) error) {
			for _, st := range stores() {
				if err := what(st); err != nil {
					t.Fatalf("%T: %v", st, err)
				}
			}
		}
		next := func(t *rapid.T) Entry {
			e := s.say("x", start.Add(time.Duration(s.seq)*time.Second))
			said, end = append(said, e), s.seq
			return e
		}
		t.Repeat(map[string]func(*rapid.T){
			"keep": func(t *rapid.T) { e := next(t); do(func(st Store) error { return st.Append(e) }) },
			"skip": func(t *rapid.T) {
				if s.seq == 0 {
					return
				}
				run := StubOf(next(t))
				skipped[run.From] = true
				for range rapid.IntRange(0, 3).Draw(t, "more") {
					e := StubOf(next(t))
					run.To, run.ID, run.Arrived = e.To, e.ID, e.Arrived
					skipped[e.To] = true
				}
				run.From -= min(run.From, uint64(rapid.IntRange(0, 2).Draw(t, "held already")))
				do(func(st Store) error { return st.Skip(run) })
			},
			"fill": func(t *rapid.T) {
				if seq := rapid.Uint64Range(0, end).Draw(t, "seq"); seq < end && seq >= floor && skipped[seq] {
					delete(skipped, seq)
					do(func(st Store) error { return st.Fill(said[seq]) })
				}
			},
			"fill what is there": func(t *rapid.T) {
				if seq := rapid.Uint64Range(0, end).Draw(t, "seq"); seq < end && seq >= floor && !skipped[seq] {
					do(func(st Store) error { return st.Fill(said[seq]) })
				}
			},
			"gap": func(t *rapid.T) {
				if end == 0 {
					return // a feed may begin anywhere
				}
				for _, st := range stores() {
					if err := st.Skip(Stub{Room: lobby, Key: s.key(), From: end + 1, To: end + 2}); !errors.Is(err, ErrGap) {
						t.Fatalf("%T: %v, want ErrGap", st, err)
					}
				}
			},
			"expire": func(t *rapid.T) {
				upto := rapid.Uint64Range(0, end).Draw(t, "upto")
				for seq := floor; seq <= upto; seq++ {
					if skipped[seq] {
						return // a run expires as a whole (TestStubsExpire)
					}
				}
				if upto <= floor || upto == end {
					return
				}
				do(func(st Store) error { _, err := st.Expire(t.Context(), said[upto].Arrived); return err })
				floor = upto
			},
			"sync": func(t *rapid.T) {
				if err := disk.Sync(t.Context()); err != nil {
					t.Fatal(err)
				}
				expectSizes(t, disk)
			},
			"reopen": func(t *rapid.T) {
				if err := disk.Close(); err != nil {
					t.Fatal(err)
				}
				if disk, err = Open(cfg); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				from := rapid.Uint64Range(floor, max(floor, end)).Draw(t, "from")
				for _, st := range stores() {
					expectRun(t, st, s.key(), said[:end], skipped, from)
					if f := st.Frontier(); end > 0 && (f[0].Floor != floor || f[0].Next != end || f[0].Head != said[end-1].Record.ID()) {
						t.Fatalf("%T: frontier %+v, want %d to %d", st, f[0], floor, end)
					}
					for r, err := range st.ReadAll(t.Context(), time.Time{}) {
						if err != nil || skipped[r.Key.Seq] || r.Key.Seq < floor {
							t.Fatalf("%T: record %d is read, %v", st, r.Key.Seq, err)
						}
					}
					floors, err := st.ShareFrom(t.Context(), start.Add(time.Duration(from)*time.Second), []record.FeedKey{s.key()})
					want := max(from, floor)
					for ; skipped[want]; want++ {
					}
					got, any := floors[s.key()]
					exact := any == (want < end) && (!any || got == want || skipped[from])
					if st != Store(mem) && disk.Status().Waiting > 0 { // a Disk may share less until it is written
						exact = !any || got >= want
					}
					if err != nil || !exact || any && skipped[got] {
						t.Fatalf("%T: shared from %d (%v), want %d of %d", st, got, any, want, end)
					}
				}
			},
		})
	})
}

// expectSizes checks that the sums of a disk on which all is saved are those of its records and stubs.
func expectSizes(t *rapid.T, d *Disk) {
	want, err := countSizes(t.Context(), d, make(chan struct{}))
	d.mu.Lock()
	defer d.mu.Unlock()
	if got := d.ledger.sizes; err != nil || !got.known || !maps.Equal(got.bytes, want) {
		t.Fatalf("sums %v (%v), want %v, %v", got.bytes, got.known, want, err)
	}
}

// expectRun checks what a store has of a feed from a place on.
func expectRun(t *rapid.T, st Store, key record.FeedKey, said []Entry, skipped map[uint64]bool, from uint64) {
	t.Helper()
	raws, err := st.ReadRange(t.Context(), key, from, 1<<50, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range raws {
		for ; r.Stub != nil && from <= r.Stub.To; from++ {
			if r.Stub.From > from || r.Stub.ID != said[r.Stub.To].Record.ID() || !skipped[from] {
				t.Fatalf("%T: stub %d to %d at %d", st, r.Stub.From, r.Stub.To, from)
			}
		}
		if r.Stub == nil {
			if r.Body != said[from].Record.Signed() || skipped[from] {
				t.Fatalf("%T: another record at %d", st, from)
			}
			from++
		}
	}
	if from != uint64(len(said)) {
		t.Fatalf("%T: the feed ends at %d of %d", st, from, len(said))
	}
}

// stubbed returns a store's feed of which the records 3 to 5 and 7 are skipped.
func stubbed(t *testing.T, stores ...Store) (s *speaker, said []Entry, skipped map[uint64]bool) {
	t.Helper()
	s, skipped = newSpeaker(1, 11), map[uint64]bool{3: true, 4: true, 5: true, 7: true}
	for i := range 10 {
		e := s.say(fmt.Sprint(i), start.Add(time.Duration(i)*time.Second))
		said = append(said, e)
		for _, st := range stores {
			err := error(nil)
			if skipped[uint64(i)] {
				err = st.Skip(StubOf(e))
			} else {
				err = st.Append(e)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return s, said, skipped
}

// Only a file that holds a stub is closed to older programs. A run of stubs is one value.
func TestFirstStubRaisesSchema(t *testing.T) {
	version := func(path string) (v uint32, stubs int) {
		db := must(bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true}))
		defer db.Close()
		_ = db.View(func(tx *bolt.Tx) error {
			v = binary.BigEndian.Uint32(tx.Bucket(bucketMeta).Get(keySchema)[encodedHead:])
			return tx.Bucket(bucketName('r', lobby)).ForEach(func(_, value []byte) error {
				if isStub(value) {
					stubs++
				}
				return nil
			})
		})
		return v, stubs
	}
	plain := config(t)
	d := open(t, plain)
	appendAll(t, d, conversation(9, 2))
	d.Close()
	if v, n := version(plain.Path); v != 1 || n != 0 {
		t.Errorf("without stubs: schema %d, %d stubs", v, n)
	}
	cfg := config(t)
	d = open(t, cfg)
	stubbed(t, d)
	d.Close()
	if v, n := version(cfg.Path); v != 2 || n != 2 {
		t.Errorf("with stubs: schema %d, %d values of stubs", v, n)
	}
}

// A fork in a run, or right behind it, ends the feed below the run: no record proves it any more. What is below the
// fork can come again.
func TestForkInRun(t *testing.T) {
	for _, seq := range []uint64{4, 5} {
		cfg := config(t)
		d, m := open(t, cfg), NewMem(lobby, 0)
		s, said, skipped := stubbed(t, d, m)
		for _, st := range []Store{d, m} {
			st.EndFeedAt(s.key(), seq, record.ID{})
		}
		settle(t, d)
		for _, st := range []Store{d, m} {
			if f := st.Frontier()[0]; f.Next != 3 || f.Head != said[2].Record.ID() || !f.Forked {
				t.Errorf("%T: %+v, want the end at 3", st, f)
			}
			for _, e := range said[3:6] {
				if err := st.Append(e); err != nil {
					t.Errorf("%T: %v", st, err)
				}
			}
		}
		d.Close()
		for _, st := range []Store{open(t, cfg), m} {
			if f := st.Frontier()[0]; f.Next != seq || f.Head != said[seq-1].Record.ID() || !f.Forked {
				t.Errorf("%T: %+v, want the end at %d", st, f, seq)
			}
		}
		_ = skipped
	}
}

// A run of stubs expires with its last record, and not before.
func TestStubsExpire(t *testing.T) {
	d, m := open(t, config(t)), NewMem(lobby, 0)
	s, said, skipped := stubbed(t, d, m)
	for _, c := range []struct{ before, floor uint64 }{{4, 3}, {6, 6}, {8, 8}} {
		for _, st := range []Store{d, m} {
			if _, err := st.Expire(t.Context(), said[c.before].Arrived); err != nil {
				t.Fatal(err)
			}
			if f := st.Frontier()[0]; f.Floor != c.floor || f.Next != 10 {
				t.Errorf("%T: %+v, want the floor %d", st, f, c.floor)
			}
			rapid.Check(t, func(t *rapid.T) { expectRun(t, st, s.key(), said, skipped, c.floor) })
		}
	}
}

// What can be read of a damaged file has its stubs, and a record that filled a place of a run.
func TestStubsAreRecovered(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	s, said, skipped := stubbed(t, d)
	settle(t, d)
	if err := d.Fill(said[4]); err != nil {
		t.Fatal(err)
	}
	delete(skipped, 4)
	d.Close()
	file := must(os.OpenFile(cfg.Path, os.O_RDWR, 0))
	must(file.WriteAt(make([]byte, 64), pageHead)) // one of the two meta pages
	file.Close()
	d = open(t, cfg)
	if st := d.Status(); st.Aside == "" || st.Recovered != 7 {
		t.Fatalf("%+v, want 7 records recovered", st)
	}
	rapid.Check(t, func(t *rapid.T) { expectRun(t, d, s.key(), said, skipped, rapid.Uint64Range(0, 9).Draw(t, "from")) })
	if f := d.Frontier()[0]; f.Next != 10 || f.Head != said[9].Record.ID() || f.Floor != 0 {
		t.Errorf("%+v", f)
	}
}
