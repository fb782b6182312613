package node

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/archive"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/store"
)

var (
	simHours = flag.Float64("sim.hours", 1, "virtual hours of TestHistory")
	simSeed  = flag.Uint64("sim.seed", 1, "seed of TestHistory's network, faults and talk")
)

// TestHistory is an hour among ten people in a bad network: everyone says something now and then,
// some in bursts, while hosts are cut off, split into groups, slowed down and reset, and people start
// again, from disk, from a backup or from nothing. Two have clocks that are a day off, and little of the
// room is in anyone's memory. When the network has been whole for a few minutes, everyone has every
// line once, each author's in his order, and exports the same bytes. Play one again with go test ./net/node -run TestHistory -sim.seed N.
func TestHistory(t *testing.T) {
	hours := *simHours
	if testing.Short() {
		hours = min(hours, 0.25)
	}
	dir := t.TempDir()
	t.Logf("seed %d, %g h: -sim.seed and -sim.hours set others", *simSeed, hours)
	synctest.Test(t, func(t *testing.T) {
		h := newHistory(t, dir, *simSeed)
		defer func() {
			h.end()
			for i := range people {
				h.shut(i)
			}
		}()
		h.talk = min(1, 4/hours) // who restarts hears it all again, so much more would take very long
		for end := time.Now().Add(time.Duration(hours * float64(time.Hour))); time.Now().Before(end); {
			time.Sleep(time.Duration(h.rng.Int64N(int64(2 * time.Second))))
			h.step()
		}
		h.heal()
		time.Sleep(3 * time.Minute)
		h.check()
		t.Logf("%d lines, %v; %+v", h.total, h.happened, h.net.Traffic())
		for what, least := range map[string]int{"split": 3, "cut": 3, "reset": 3, "slow": 2, "block": 2, "from disk": 1} {
			if h.happened[what] < int(float64(least)*hours) {
				t.Errorf("%s: only %d times", what, h.happened[what])
			}
		}
	})
}

// history is a town, what was said in it, and what is wrong with its network.
type history struct {
	*town
	rng      *rand.Rand
	said     [][]string // by author, in order
	total    int
	talk     float64 // how much is said: 1 is some 3,500 lines an hour
	mend     []repair
	happened map[string]int
	shelves  []*shelfOf // by person
}

// shelfOf is what a person has on disk.
type shelfOf struct {
	path   string
	store  store.Store
	group  *group.Group
	before map[string]bool // what was on disk when the person started
	first  bool            // the person has not been started again from disk
}

func (h *history) open(i int) {
	s := h.shelves[i]
	s.group = group.New(context.Background(), func(p *group.Panic) { h.t.Errorf("%v\n%s", p, p.Stack) })
	// Every as long as it is, so that the test doesn't wait for thousands of commits.
	disk, err := store.Open(store.Config{Path: s.path, Room: lobby, Group: s.group, FlushEvery: 30 * time.Second})
	if err != nil {
		h.t.Fatal(err)
	}
	s.store = disk
}

func (h *history) shut(i int) {
	if err := h.shelves[i].store.Close(); err != nil {
		h.t.Error(err)
	}
	h.shelves[i].group.Close()
}

// skewed are the people whose clocks are wrong, and by how much.
var skewed = map[int]time.Duration{people - 1: 24 * time.Hour, people - 2: -24 * time.Hour}

// repair undoes a fault when its time has come.
type repair struct {
	at   time.Time
	what string
	undo func()
}

const people = 10

func newHistory(t *testing.T, dir string, seed uint64) *history {
	h := &history{town: newTown(t, seed), rng: rand.New(rand.NewPCG(seed, 2)), said: make([][]string, people), happened: map[string]int{}}
	h.net.SetDefault(memnet.Link{MinLatency: time.Millisecond, MaxLatency: 40 * time.Millisecond, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1})
	for i := range people {
		h.shelves = append(h.shelves, &shelfOf{path: filepath.Join(dir, fmt.Sprint(i, ".db")), first: true})
		h.start(i)
	}
	return h
}

// step is one thing that somebody says, or that happens to the network.
func (h *history) step() {
	h.mend = slices.DeleteFunc(h.mend, func(r repair) bool {
		due := !time.Now().Before(r.at)
		if due {
			r.undo()
		}
		return due
	})
	switch n := h.rng.Float64(); {
	case n < 0.02:
		h.fault()
	case n < 0.02+0.01*h.talk:
		h.say(h.rng.IntN(people), 50)
	case n < 0.02+0.41*h.talk:
		h.say(h.rng.IntN(people), 1)
	}
}

// start has a person come whose ear keeps lines only.
func (h *history) start(i int) {
	h.open(i)
	p := h.move(i, func(c *Config) {
		c.Store, c.window = h.shelves[i].store, 32<<10
		c.now = func() time.Time { return time.Now().Add(skewed[i]) }
	})
	h.shelves[i].before = map[string]bool{}
	for _, l := range everything(h.t, p) {
		h.shelves[i].before[l.Text] = true
	}
	p.ear.mu.Lock()
	defer p.ear.mu.Unlock()
	p.all, p.ear.events = false, nil
}

func (h *history) say(i, lines int) {
	for range lines {
		text := fmt.Sprintf("%d/%d", i, len(h.said[i]))
		if err := h.people[i].Say(text); err != nil {
			h.t.Fatal(err)
		}
		h.said[i] = append(h.said[i], text)
		h.total++
	}
}

// fault breaks something, for 2 s to 2 minutes.
func (h *history) fault() {
	a, b := h.rng.IntN(people), h.rng.IntN(people)
	lasts := 2*time.Second + time.Duration(h.rng.Int64N(int64(2*time.Minute)))
	until := func(what string, undo func()) {
		h.happened[what]++
		h.mend = append(h.mend, repair{time.Now().Add(lasts), what, undo})
	}
	p := h.people[a]
	switch h.rng.IntN(8) {
	case 0, 7:
		groups := make([][]netip.Addr, 2+h.rng.IntN(2))
		for i := range people {
			g := h.rng.IntN(len(groups))
			groups[g] = append(groups[g], addr(i))
		}
		h.net.Partition(groups...)
		until("split", h.net.Heal)
	case 1:
		p.host.Cut()
		until("cut", p.host.Join)
	case 2:
		h.happened["reset"] += h.net.Reset(addr(a), addr(b))
	case 3:
		for i := range people {
			h.happened["reset"] += h.net.Reset(addr(a), addr(i))
		}
	case 4:
		p.host.SetBandwidth(1+h.rng.IntN(5000), 1+h.rng.IntN(5000))
		until("slow", func() { p.host.SetBandwidth(0, 0) })
	case 5:
		h.net.Block(addr(a), addr(b))
		until("block", func() { h.net.Unblock(addr(a), addr(b)) })
	case 6:
		h.restart(a)
	}
}

// restart ends a person and starts it again with the same key: mostly with what it has on disk. With
// nothing, or an old copy of the disk, only if others have all it said: what no one else has would be
// gone.
func (h *history) restart(i int) {
	s := h.shelves[i]
	key := h.people[i].Self().Key
	safe := false
	for j, p := range h.people {
		safe = safe || j != i && holds(h.t, p, key) == len(h.said[i])
	}
	h.people[i].leave()
	h.shut(i)
	backup := s.path + ".backup"
	switch kept, err := os.ReadFile(backup); {
	case safe && h.rng.IntN(3) == 0:
		os.Remove(s.path)
		h.happened["from nothing"]++
	case safe && err == nil && h.rng.IntN(2) == 0:
		if err := os.WriteFile(s.path, kept, 0o600); err != nil {
			h.t.Fatal(err)
		}
		h.happened["from a backup"]++
	default:
		if now, err := os.ReadFile(s.path); err == nil {
			os.WriteFile(backup, now, 0o600)
		}
		h.happened["from disk"]++
	}
	s.first = false
	h.start(i)
}

// everything is all lines that a person remembers.
func everything(t *testing.T, p *person) (all []event.Line) {
	t.Helper()
	for at := (event.Place{}); ; {
		_, page := past(t, p.Node, at, 5000)
		all = append(page, all...)
		if len(page) < 5000 {
			return all
		}
		at = page[0].Place
	}
}

// holds counts the lines of one author that a person remembers.
func holds(t *testing.T, p *person, from identity.Key) (n int) {
	for _, l := range everything(t, p) {
		if l.From == from {
			n++
		}
	}
	return n
}

// lines are those that an ear heard of one author.
func lines(e *ear, from identity.Key) []string {
	var out []string
	for _, l := range e.lines() {
		if l.From == from {
			out = append(out, l.Text)
		}
	}
	return out
}

func (h *history) heal() {
	for _, r := range h.mend {
		r.undo()
	}
	h.mend = nil
}

// check compares what everyone heard and has with what was said. Within a run, an author's lines come in
// his order; when they are caught up, one run may come before another.
func (h *history) check() {
	whole := export(h.t, h.people[0].Node)
	if r, err := archive.Verify(strings.NewReader(whole)); err != nil || r.Flaw != nil || r.Missing != 0 {
		h.t.Errorf("the export: %+v, %v", r, err)
	}
	for i, p := range h.people {
		remembered := map[identity.Key][]string{}
		for _, l := range everything(h.t, p) {
			remembered[l.From] = append(remembered[l.From], l.Text)
		}
		for j, author := range h.people {
			key := author.Self().Key
			want := slices.Sorted(slices.Values(h.said[j]))
			if got := slices.Sorted(slices.Values(remembered[key])); !slices.Equal(got, want) {
				h.t.Errorf("%d has of %d %s", i, j, differ(got, want))
			}
			heard := slices.Sorted(slices.Values(lines(&p.ear, key)))
			if i != j && h.shelves[i].first && !slices.Equal(heard, want) {
				h.t.Errorf("%d heard of %d %s", i, j, differ(heard, want))
			}
			for k, text := range heard {
				if h.shelves[i].before[text] || k > 0 && heard[k-1] == text {
					h.t.Errorf("%d heard %q twice", i, text)
				}
			}
		}
		next := map[record.FeedKey]uint64{}
		for _, l := range p.lines() {
			key := record.FeedKey{Author: l.From, Feed: record.Feed(l.Place.Feed)}
			if l.Place.Seq < next[key] {
				h.t.Errorf("%d heard %q after a later line", i, l.Text)
			}
			next[key] = l.Place.Seq + 1
		}
		if got := p.Replica.Announce().Sums; got != h.people[0].Replica.Announce().Sums {
			h.t.Errorf("%d holds another room than 0", i)
		}
		if got := export(h.t, p.Node); got != whole {
			h.t.Errorf("%d exports %d bytes, 0 %d", i, len(got), len(whole))
		}
		if up := p.Status().Peers; up != people-1 {
			h.t.Errorf("%d has %d peers up", i, up)
		}
	}
}

// differ says where two lists part.
func differ(got, want []string) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("%d lines of %d; from %d on %q, want %q", len(got), len(want), i, got[i:min(i+5, len(got))], want[i:min(i+5, len(want))])
}
