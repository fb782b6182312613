package node

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/archive"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

// twoFaced signs two chains of one feed: the same up to parted, then another each.
func twoFaced(t *testing.T, parted, length int) (chains [2][]*record.Record) {
	t.Helper()
	id := identity.FromSeed([32]byte{99})
	for c := range chains {
		body := record.Body{Room: lobby, Feed: 77, Kind: record.KindOpen, Data: []byte(`{"name":"mallory"}`)}
		for seq := range length {
			body.Seq, body.Time = uint64(seq), record.Time{Ms: time.Now().UnixMilli(), N: int64(seq)}
			if seq > 0 {
				face := 0
				if seq >= parted {
					face = c
				}
				body.Kind, body.Data = record.KindChat, fmt.Appendf(nil, `{"text":"%d of face %d"}`, seq, face)
			}
			r, err := record.Sign(id, body)
			if err != nil {
				t.Fatal(err)
			}
			chains[c] = append(chains[c], r)
			body.Prev = r.ID()
		}
	}
	return chains
}

// give has a person hold records as if they had come over a link.
func give(t *testing.T, p *person, recs []*record.Record) {
	t.Helper()
	refused := len(told[event.Refused](&p.ear))
	p.Replica.Records(noLink{}, wire.Records{Room: p.Replica.ID()}, recs)
	if n := len(told[event.Refused](&p.ear)); n != refused {
		t.Fatalf("%d records were refused", n-refused)
	}
}

func warnings(p *person) (n int) {
	for _, x := range told[event.Notice](&p.ear) {
		if strings.Contains(x.Text, "two different lines") {
			n++
		}
	}
	return n
}

// Somebody signs two chains of one feed and gives each half of the room another one. When the halves
// meet, all see the evidence, once, and have the same room: the feed as far as it was one. So it is for
// who comes later, and after a restart, also where little is in memory.
func TestAForkIsTheSameForAll(t *testing.T) {
	for _, c := range []struct{ parted, first, second, window int }{
		{5, 10, 10, 0},     // ends at one place
		{5, 8, 12, 0},      // one is longer
		{5, 6, 300, 0},     // by more than one question fetches
		{250, 600, 700, 0}, // it takes several to get down to where they part
		{250, 600, 700, 1}, // and none of it is in memory
		{699, 700, 700, 1}, // the last one only
		{1, 2, 2, 0},       // the first after the opening
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			inTown(t, 41, func(t *testing.T, w *town) {
				chains := twoFaced(t, c.parted, max(c.first, c.second))
				chains[0], chains[1] = chains[0][:c.first], chains[1][:c.second]
				var kept []store.Store
				for range 5 {
					kept = append(kept, store.NewMem(lobby, 0))
				}
				small := func(cfg *Config) { cfg.window = c.window }
				w.net.Partition([]netip.Addr{addr(0)}, []netip.Addr{addr(1)}, []netip.Addr{addr(2)}, []netip.Addr{addr(3)})
				for i := range 4 {
					p := w.move(i, shelf(kept[i]), small)
					give(t, p, chains[i/2])
				}
				w.net.Heal()
				pass(2 * time.Minute)
				w.move(4, shelf(kept[4]), small)
				pass(time.Minute)
				check := func(when string, told int) {
					t.Helper()
					whole := export(t, w.people[0].Node)
					if n := strings.Count(whole, "\n"); n != c.parted {
						t.Errorf("%s: 0 has %d records, they part at %d", when, n, c.parted)
					}
					if r, _ := archive.Verify(strings.NewReader(whole)); r.Flaw != nil {
						t.Errorf("%s: %v", when, r.Flaw)
					}
					for i, p := range w.people {
						if got := export(t, p.Node); got != whole {
							t.Errorf("%s: %d exports %d records", when, i, strings.Count(got, "\n"))
						}
						if p.Replica.Announce().Sums != w.people[0].Replica.Announce().Sums {
							t.Errorf("%s: %d has another hash", when, i)
						}
						if got := warnings(p); i < 4 && got != told || got > 1 {
							t.Errorf("%s: %d warned %d times, want %d", when, i, got, told)
						}
					}
				}
				check("met", 1)
				for i, p := range w.people {
					p.leave()
					w.move(i, shelf(kept[i]), small)
				}
				pass(time.Minute)
				// Somebody comes who still has one of the chains.
				w.net.Partition([]netip.Addr{addr(5)})
				give(t, w.move(5), chains[1])
				w.net.Heal()
				pass(2 * time.Minute)
				check("again", 0)
			})
		})
	}
}

// Records that don't follow each other prove nothing, and end no one's feed.
func TestNobodyElseEndsAFeed(t *testing.T) {
	inTown(t, 42, func(t *testing.T, w *town) {
		p := w.crowd(2)
		time.Sleep(10 * time.Second)
		chains := twoFaced(t, 5, 10)
		give(t, p[0], chains[0])
		give(t, p[0], chains[1][9:])
		pass(10 * time.Second)
		if n := strings.Count(export(t, p[0].Node), "\n"); n != 10 || warnings(p[0]) != 0 {
			t.Errorf("%d records are left, %d warnings", n, warnings(p[0]))
		}
	})
}

// A profile is copied to a second machine, and another is restored from a backup: nothing forks, and all
// that either said is kept.
func TestCopiesDontFork(t *testing.T) {
	dir := t.TempDir()
	inTown(t, 43, func(t *testing.T, w *town) {
		at := func(name string) string { return filepath.Join(dir, name) }
		copyFile := func(from, to string) {
			data, err := os.ReadFile(at(from))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at(to), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		watcher := w.move(0)
		disk := onDisk(t, at("one"))
		p := w.move(1, shelf(disk))
		pass(10 * time.Second)
		p.Say("before the copy")
		pass(time.Second)
		p.leave()
		disk.Close()
		copyFile("one", "two")
		copyFile("one", "backup")

		// Both copies talk at once, apart, with the same key.
		one := onDisk(t, at("one"))
		p = w.move(1, shelf(one))
		pass(10 * time.Second)
		p.Say("said by the first")
		pass(time.Second)
		p.leave()
		one.Close()
		two := onDisk(t, at("two"))
		p = w.move(1, shelf(two))
		p.Say("said by the second")
		pass(20 * time.Second)
		p.leave()
		two.Close()
		// The first is set back to its backup.
		copyFile("backup", "one")
		one = onDisk(t, at("one"))
		p = w.move(1, shelf(one))
		p.Say("said after the backup")
		pass(30 * time.Second)
		want := "p1: before the copy|p1: said by the first|p1: said by the second|p1: said after the backup"
		for _, q := range []*person{watcher, p} {
			texts, _ := past(t, q.Node, event.Place{}, 100)
			if got := strings.Join(texts, "|"); got != want {
				t.Errorf("has %q", got)
			}
			if warnings(q) != 0 {
				t.Error("a fork was seen")
			}
		}
		if x, y := export(t, watcher.Node), export(t, p.Node); x != y {
			t.Error("exports differ")
		} else if r, _ := archive.Verify(strings.NewReader(x)); r.Flaw != nil || r.Feeds != 4 || r.Missing != 0 {
			t.Errorf("%+v", r)
		}
	})
}
