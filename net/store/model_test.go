package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
)

// model is the specification of a Store, in its simplest form.
type model struct {
	entries []Entry
	floors  map[record.FeedKey]uint64
	ends    map[record.FeedKey]uint64
	forked  map[record.FeedKey]bool
	values  map[string]string
}

func (m *model) sorted() []Entry { return inOrder(m.entries) }

func (m *model) remove(gone func(Entry) bool) {
	m.entries = slices.DeleteFunc(m.entries, gone)
}

func feedOf(e Entry) record.FeedKey { return e.Record.FeedKey() }

// Both stores, and a Disk that is closed and opened again at any time, do what the model does,
// after any operations in any order.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		g := group.New(t.Context(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
		defer g.Close()
		cfg := Config{Path: filepath.Join(dir, fmt.Sprint(n)), Room: lobby, Group: g, FlushEvery: time.Hour, noSync: true, WarmFeeds: rapid.SampledFrom([]int{0, 2}).Draw(t, "warm")}
		disk, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { disk.Close(); os.Remove(cfg.Path) }()
		mem := NewMem(lobby, 1<<30)
		m := &model{floors: map[record.FeedKey]uint64{}, ends: map[record.FeedKey]uint64{}, forked: map[record.FeedKey]bool{}, values: map[string]string{}}
		speakers := []*speaker{newSpeaker(1, 11), newSpeaker(1, 12), newSpeaker(2, 21), newSpeaker(3, 31)}
		stores := func() []Store { return []Store{mem, disk} }
		at := func(label string) time.Time {
			return start.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, label)) * time.Second)
		}
		words := []string{"Lunch", "naïve", "ÉTÉ \"x\"\n", "\u2028line", "a\\b", ""}
		// pick returns somebody whose feed may be appended to.
		pick := func() *speaker {
			s := rapid.SampledFrom(speakers).Draw(t, "who")
			if _, err := disk.ReadBlock(t.Context(), BlockOf(s.key())); err != nil {
				t.Fatal(err)
			}
			return s
		}

		t.Repeat(map[string]func(*rapid.T){
			"say": func(t *rapid.T) {
				s := pick()
				e := s.say("x"+rapid.SampledFrom(words).Draw(t, "text"), at("said"))
				e.Arrived, e.Live = at("arrived"), rapid.Bool().Draw(t, "live")
				for _, st := range stores() {
					if err := st.Append(e); err != nil {
						t.Fatalf("%T: %v", st, err)
					}
				}
				if key := s.key(); !m.forked[key] {
					m.entries = append(m.entries, e)
					m.ends[key] = s.seq
				}
			},
			"again": func(t *rapid.T) {
				if len(m.entries) > 0 {
					e := rapid.SampledFrom(m.entries).Draw(t, "which")
					if _, err := disk.ReadBlock(t.Context(), BlockOf(feedOf(e))); err != nil {
						t.Fatal(err)
					}
					for _, st := range stores() {
						if err := st.Append(e); err != nil {
							t.Fatalf("%T: %v", st, err)
						}
					}
				}
			},
			"gap": func(t *rapid.T) {
				s := *pick()
				if s.say("", start); s.seq == 1 || m.forked[s.key()] {
					return // a feed may begin anywhere
				}
				for _, st := range stores() {
					if err := st.Append(s.say("", start)); err != ErrGap {
						t.Fatalf("%T: %v, want ErrGap", st, err)
					}
				}
			},
			"cut": func(t *rapid.T) {
				s := pick()
				if rapid.IntRange(0, 3).Draw(t, "seldom") > 0 {
					return
				}
				seq := rapid.Uint64Range(0, s.seq).Draw(t, "seq")
				for _, st := range stores() {
					st.EndFeedAt(s.key(), seq, record.ID{})
				}
				key := s.key()
				m.forked[key] = true
				m.ends[key] = min(m.ends[key], seq)
				m.floors[key] = min(m.floors[key], m.ends[key])
				m.remove(func(e Entry) bool { return feedOf(e) == key && e.Record.Seq() >= seq })
			},
			"expire": func(t *rapid.T) {
				before := start.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "before")) * time.Second)
				var deleted []int
				for _, st := range stores() {
					n, err := st.Expire(t.Context(), before)
					if err != nil {
						t.Fatalf("%T: %v", st, err)
					}
					deleted = append(deleted, n)
				}
				if deleted[0] != deleted[1] {
					t.Fatalf("deleted %v", deleted)
				}
				for _, s := range speakers {
					key := s.key()
					floor := m.ends[key]
					for _, e := range m.entries {
						age := e.Arrived
						if said := time.UnixMilli(e.Record.Time().Ms); !e.Live && said.Before(age) {
							age = said
						}
						if feedOf(e) == key && !age.Before(before) {
							floor = min(floor, e.Record.Seq())
						}
					}
					m.floors[key] = max(m.floors[key], floor)
					m.remove(func(e Entry) bool { return feedOf(e) == key && e.Record.Seq() < floor })
				}
			},
			"put": func(t *rapid.T) {
				key, value := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key"), rapid.String().Draw(t, "value")
				for _, st := range stores() {
					if err := st.Put("n", []byte(key), []byte(value)); err != nil {
						t.Fatal(err)
					}
					if err := st.Put("other", []byte(key), []byte("x")); err != nil {
						t.Fatal(err)
					}
				}
				m.values[key] = value
			},
			"delete": func(t *rapid.T) {
				for _, st := range stores() {
					if err := st.Delete("n", []byte("a")); err != nil {
						t.Fatal(err)
					}
				}
				delete(m.values, "a")
			},
			"cool": func(t *rapid.T) {
				key := BlockOf(pick().key())
				ends := map[record.Feed]uint64{}
				for _, f := range disk.Frontier() {
					if BlockOf(f.Key) == key {
						ends[f.Key.Feed] = m.ends[f.Key]
					}
				}
				synced := rapid.Bool().Draw(t, "synced")
				if synced {
					if err := disk.Sync(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if cooled := disk.CoolBlock(key, ends); synced && !cooled && len(ends) > 0 {
					t.Fatalf("%v stays in memory", key)
				} else if _, is := disk.BlockArrived(key); is != cooled {
					t.Fatalf("cooled: %v, cold: %v", cooled, is)
				}
				for feed := range ends {
					ends[feed]++
				}
				if len(ends) > 0 && disk.CoolBlock(key, ends) {
					t.Fatal("a block that ends elsewhere was cooled")
				}
			},
			"sync": func(t *rapid.T) {
				if err := disk.Sync(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
			"reopen": func(t *rapid.T) {
				if err := disk.Close(); err != nil {
					t.Fatal(err)
				}
				if disk, err = Open(cfg); err != nil {
					t.Fatal(err)
				}
				if s := disk.Status(); s != (Status{}) {
					t.Fatalf("status %+v", s)
				}
			},
			"": func(t *rapid.T) {
				for _, st := range stores() {
					compare(t, st, m, speakers)
				}
			},
		})
	})
}

func compare(t *rapid.T, st Store, m *model, speakers []*speaker) {
	all := m.sorted()
	differ := func(what string, want, got any) {
		if d := cmp.Diff(want, got, cmp.AllowUnexported(identity.Key{})); d != "" {
			t.Fatalf("%T: %s (-want +got):\n%s", st, what, d)
		}
	}
	// A page before a random place.
	at, size := rapid.IntRange(0, len(all)).Draw(t, "at"), rapid.IntRange(1, 7).Draw(t, "page")
	var key OrderKey
	if at < len(all) {
		key = OrderKeyOf(all[at].Record)
	}
	page, err := st.ReadBefore(t.Context(), key, size)
	if err != nil {
		t.Fatal(err)
	}
	differ("before", ids(all[max(0, at-size):at]), ids(page))
	for i, e := range page {
		if want := all[max(0, at-size)+i]; e.Name != want.Name || !e.Arrived.Equal(want.Arrived) || e.Live != want.Live {
			t.Fatalf("%T: %+v, want %+v", st, e, want)
		}
	}
	// All entries, and those since a time.
	since := start.Add(time.Duration(rapid.IntRange(0, 50).Draw(t, "since")) * time.Second)
	for _, since := range []time.Time{{}, since} {
		want := []record.ID{}
		for _, e := range all {
			first := slices.IndexFunc(m.entries, func(x Entry) bool {
				return feedOf(x) == feedOf(e) && x.Record.Time().Ms >= since.UnixMilli()
			})
			if since.IsZero() || first >= 0 && e.Record.Seq() >= m.entries[first].Record.Seq() {
				want = append(want, e.Record.ID())
			}
		}
		got := []record.ID{}
		for r, err := range st.ReadAll(t.Context(), since) {
			if err != nil {
				t.Fatal(err)
			}
			e, err := r.Verify()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Record.ID())
		}
		differ(fmt.Sprint("all since ", since), want, got)
	}
	// Search.
	for _, text := range []string{"lunch", "NAÏVE", "été", "\"x\"\n", "\u2028", "\\B"} {
		want, got := []record.ID{}, []record.ID{}
		for i := at - 1; i >= 0; i-- {
			if strings.Contains(strings.ToLower(all[i].Record.Text()), strings.ToLower(text)) {
				want = append(want, all[i].Record.ID())
			}
		}
		for e, err := range st.Search(t.Context(), text, key) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, e.Record.ID())
		}
		differ("search "+text, want, got)
	}
	// The frontier, ranges of each feed, and ShareFrom.
	var keys []record.FeedKey
	for _, s := range speakers {
		keys = append(keys, s.key())
	}
	floors, err := st.ShareFrom(t.Context(), since, keys)
	if err != nil {
		t.Fatal(err)
	}
	wantFloors := map[record.FeedKey]uint64{}
	held := map[record.FeedKey]Feed{}
	if err := st.Blocks(t.Context(), func(b Block) error {
		for i, f := range b.Feeds {
			if held[f.Key] = f; BlockOf(f.Key) != b.Key || i > 0 && b.Feeds[i-1].Key.Compare(f.Key) >= 0 {
				t.Fatalf("%T: %v in block %v", st, f.Key, b.Key)
			}
		}
		peeked, err := st.PeekBlock(t.Context(), b.Key)
		differ("block", b.Feeds, peeked)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, s := range speakers {
		f, any := held[s.key()]
		if f.Next != m.ends[s.key()] || f.Floor != m.floors[s.key()] || f.Forked != m.forked[s.key()] {
			t.Fatalf("%T: frontier %+v, want %d to %d, forked %v", st, f, m.floors[s.key()], m.ends[s.key()], m.forked[s.key()])
		}
		var mine []Entry
		since1 := f.Floor
		for _, e := range m.entries {
			if feedOf(e) == s.key() {
				mine = append(mine, e)
				if e.Arrived.Before(since) {
					since1 = e.Record.Seq() + 1
				}
			}
		}
		if since1 < f.Next {
			wantFloors[s.key()] = since1
		}
		if any && len(mine) > 0 {
			last := mine[len(mine)-1]
			if _, ok := st.(*Disk); !ok || !f.Forked { // a Disk reads the head when it writes the end
				differ("head", last.Record.ID(), f.Head)
			}
			if f.Name != last.Name {
				t.Fatalf("%T: name %q", st, f.Name)
			}
		}
		from, to := rapid.Uint64Range(0, s.seq).Draw(t, "from"), rapid.Uint64Range(0, s.seq).Draw(t, "to")
		bytes := rapid.SampledFrom([]int{1, 1000, 1 << 20}).Draw(t, "bytes")
		raws, err := st.ReadRange(t.Context(), s.key(), from, to, bytes)
		if err != nil {
			t.Fatal(err)
		}
		want, got := []string{}, []string{}
		left := bytes
		for _, e := range mine {
			if e.Record.Seq() < from || e.Record.Seq() > to {
				continue
			}
			if left -= len(e.Record.Signed()); left < 0 && len(want) > 0 {
				break
			}
			want = append(want, e.Record.Signed())
		}
		for _, r := range raws {
			got = append(got, r.Body)
		}
		differ("range", want, got)
	}
	differ("floors", wantFloors, floors)
	values, err := st.ListValues(t.Context(), "n")
	if err != nil {
		t.Fatal(err)
	}
	gotValues := map[string]string{}
	for _, b := range values {
		gotValues[string(b.Key)] = string(b.Value)
	}
	differ("values", m.values, gotValues)
}
