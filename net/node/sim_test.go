package node

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/room"
)

var (
	simHours = flag.Float64("sim.hours", 1, "virtual hours of TestHistory")
	simSeed  = flag.Uint64("sim.seed", 1, "seed of TestHistory's network, faults and talk")
)

// TestHistory is an hour among ten people in a bad network: everybody says something now and then,
// some in bursts, while hosts are cut off, split into groups, slowed down, reset and restarted. When
// the network has been whole for a few minutes, everybody has heard every line once, each author's
// in his order. Play one again with go test ./net/node -run TestHistory -sim.seed N.
func TestHistory(t *testing.T) {
	hours := *simHours
	if testing.Short() {
		hours = min(hours, 0.25)
	}
	t.Logf("seed %d, %g h: -sim.seed and -sim.hours set others", *simSeed, hours)
	synctest.Test(t, func(t *testing.T) {
		h := newHistory(t, *simSeed)
		defer h.end()
		h.talk = min(1, 4/hours) // who restarts hears it all again, so much more would take very long
		for end := time.Now().Add(time.Duration(hours * float64(time.Hour))); time.Now().Before(end); {
			time.Sleep(time.Duration(h.rng.Int64N(int64(2 * time.Second))))
			h.step()
		}
		h.heal()
		time.Sleep(3 * time.Minute)
		h.check()
		t.Logf("%d lines, %v; %+v", h.total, h.happened, h.net.Total())
		for what, least := range map[string]int{"split": 3, "cut": 3, "reset": 3, "slow": 2, "block": 2, "restart": 1} {
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
}

// repair undoes a fault when its time has come.
type repair struct {
	at   time.Time
	what string
	undo func()
}

const people = 10

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{town: newTown(t, seed), rng: rand.New(rand.NewPCG(seed, 2)), said: make([][]string, people), happened: map[string]int{}}
	h.net.SetDefault(memnet.Link{MinLatency: time.Millisecond, MaxLatency: 40 * time.Millisecond, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1})
	for i := range people {
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
	p := h.move(i)
	p.ear.mu.Lock()
	defer p.ear.mu.Unlock()
	p.all, p.events = false, nil
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

// restart ends a person and starts it again with the same key and nothing in memory, if others have
// all it said: what nobody else has would be gone.
func (h *history) restart(i int) {
	for j, p := range h.people {
		if j != i && len(lines(&p.ear, h.people[i].Self().Key)) == len(h.said[i]) {
			h.people[i].leave()
			h.start(i)
			h.happened["restart"]++
			return
		}
	}
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

// check compares what everybody heard with what was said. Within a run, an author's lines come in his
// order; when they are caught up, one run may come before another.
func (h *history) check() {
	for i, p := range h.people {
		for j, author := range h.people {
			key := author.Self().Key
			heard := lines(&p.ear, key)
			got := slices.Sorted(slices.Values(heard))
			want := slices.Sorted(slices.Values(h.said[j]))
			if i == j { // what it said in this run, it doesn't hear
				want = slices.DeleteFunc(want, func(text string) bool { return !slices.Contains(heard, text) })
			}
			if !slices.Equal(got, want) {
				h.t.Errorf("%d heard of %d %s", i, j, differ(got, want))
			}
		}
		next := map[room.FeedKey]uint64{}
		for _, l := range p.lines() {
			key := room.FeedKey{Author: l.From, Feed: record.Feed(l.Place.Feed)}
			if l.Place.Seq < next[key] {
				h.t.Errorf("%d heard %q after a later line", i, l.Text)
			}
			next[key] = l.Place.Seq + 1
		}
		if got := p.room.Hash(); got != h.people[0].room.Hash() {
			h.t.Errorf("%d holds another room than 0", i)
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
