package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/hostile"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/store"
)

// liarTown is a town in which some are liars.
type liarTown struct {
	*town
	rng      *rand.Rand
	honest   int
	liars    int
	disks    []disk
	said     []int // messages, by person
	total    int
	happened map[string]int

	attack  *group.Group // the liars' goroutines
	library hostile.Library

	mu     sync.Mutex
	acts   map[string]int // how often each act was played
	blamed []string
}

// disk is what a person keeps.
type disk struct {
	path  string
	store store.Store
	group *group.Group
}

// newLiarTown starts everyone.
func newLiarTown(t *testing.T, dir string, seed uint64) *liarTown {
	s := &liarTown{town: newTown(t, seed), rng: rand.New(rand.NewPCG(seed, 3)), happened: map[string]int{}, acts: map[string]int{}}
	s.net.SetDefault(memnet.Link{MinLatency: time.Millisecond, MaxLatency: 20 * time.Millisecond, Loss: 0.05})
	all := 5 + s.rng.IntN(max(1, *liarMost-4))
	s.liars = 1 + s.rng.IntN(max(1, all/3))
	s.honest = all - s.liars
	s.said, s.disks = make([]int, s.honest), make([]disk, s.honest)
	s.before = s.listen
	for i := range s.honest {
		s.disks[i].path = filepath.Join(dir, fmt.Sprint(i, ".db"))
		s.start(i)
	}
	s.attack = s.root.Child()
	for i := range s.liars {
		newLiar(s, i).start()
	}
	return s
}

// skew returns how wrong a person's clock is.
func (s *liarTown) skew(i int) time.Duration {
	switch i {
	case s.honest - 1:
		return 24 * time.Hour
	case s.honest - 2:
		return -24 * time.Hour
	}
	return 0
}

// start starts a person, with what is on the disk.
func (s *liarTown) start(i int) {
	d := &s.disks[i]
	d.group = group.New(context.Background(), func(p *group.Panic) { s.t.Errorf("%v\n%s", p, p.Stack) })
	opened, err := store.Open(store.Config{Path: d.path, Room: lobby, Group: d.group, FlushEvery: 30 * time.Second})
	if err != nil {
		s.t.Fatal(err)
	}
	d.store = opened
	p := s.move(i, func(c *Config) {
		c.Store, c.window, c.RoomSize = opened, 32<<10, liarRoom
		c.now = func() time.Time { return time.Now().Add(s.skew(i)) }
	})
	p.ear.mu.Lock()
	defer p.ear.mu.Unlock()
	p.all, p.ear.events = false, nil
}

// stop ends a person's program.
func (s *liarTown) stop(i int) {
	s.people[i].leave()
	d := &s.disks[i]
	if err := d.store.Close(); err != nil {
		s.t.Error(err)
	}
	d.group.Close()
}

// restart ends a person's program and starts it again, from disk.
func (s *liarTown) restart(i int) {
	s.stop(i)
	s.start(i)
	s.happened["restart"]++
}

// end ends everything.
func (s *liarTown) end() {
	s.attack.Close()
	for i := range s.people {
		s.stop(i)
	}
	s.people = nil
	s.town.end()
}

// stopLiars ends the attack.
func (s *liarTown) stopLiars() { s.attack.Close() }

// say has a person say something.
func (s *liarTown) say(i int) (text string) {
	text = fmt.Sprintf("%d/%d", i, s.said[i])
	if err := s.people[i].Say(text); err != nil {
		s.t.Errorf("%d can't speak: %v", i, err)
	}
	s.said[i]++
	s.total++
	return text
}

// split splits the network in two. Liars are on both sides.
func (s *liarTown) split() {
	groups := make([][]netip.Addr, 2)
	for i := range s.honest {
		g := s.rng.IntN(2)
		groups[g] = append(groups[g], addr(i))
	}
	for i := range s.liars {
		g := s.rng.IntN(2)
		groups[g] = append(groups[g], liarAddr(i))
	}
	s.net.Partition(groups...)
	s.happened["split"]++
}

// heal undoes all faults.
func (s *liarTown) heal() {
	s.net.Heal()
	for i, p := range s.people {
		p.host.Join()
		for j := range i {
			s.net.Unblock(addr(i), addr(j))
		}
	}
}

// listen notes what a node says of honest people.
func (s *liarTown) listen(i int, ev event.Event) {
	text := ""
	switch ev := ev.(type) {
	case event.Notice:
		if s.isBlame(ev.Text) {
			text = ev.Text
		}
	case event.Refused:
		forged := (ev.Reason == link.RefusedSignature || ev.Reason == link.RefusedRecord) && strings.HasPrefix(ev.From, "p")
		if forged || strings.HasPrefix(ev.From, "10.0.0.") { // honest people's addresses, where liars say that others are
			text = ev.From + " refused: " + ev.Reason
		}
	}
	if text != "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.blamed = append(s.blamed, fmt.Sprintf("%d blames an honest person: %s", i, text))
	}
}

// liarAddr returns the address of a liar, of which there are at most 16.
func liarAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 1, byte(i%16 + 1)}) }
