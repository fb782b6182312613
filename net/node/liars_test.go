package node

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

var (
	liarSeeds = flag.Int("liars.seeds", 20, "how many towns TestLiars plays")
	liarSeed  = flag.Uint64("liars.seed", 1, "seed of the first one")
	liarActs  = flag.String("liars.acts", "", "the only acts of the liars, separated by commas")
	liarTime  = flag.Duration("liars.time", 40*time.Second, "how long a town of TestLiars is attacked, by its own clock")
	liarMost  = flag.Int("liars.most", 8, "how many people live in a town of TestLiars at most, liars among them")
)

// TestLiars plays towns of 5 and more people, of whom up to a third are liars who do at random all that package hostile
// can do. Meanwhile the network splits and heals, people start again from disk, and some clocks are a day off. In calm
// times every message of an honest person is heard by all others in 5 s. In the end all of them remember all that was
// said. No honest key is blamed, and no bound of the table below is exceeded. Play a town again with
//
//	go test ./net/node -run TestLiars -liars.seeds 1 -liars.seed N
//
// and many larger ones, for longer, with
//
//	go test ./net/node -run TestLiars -liars.seeds 1000 -liars.most 30 -liars.time 2m -timeout 0
func TestLiars(t *testing.T) {
	seeds := uint64(*liarSeeds)
	if testing.Short() {
		seeds = min(seeds, 5) // the race detector makes each ten times as long
	}
	for n := range seeds {
		seed := *liarSeed + n
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			began := time.Now()
			var what string
			synctest.Test(t, func(t *testing.T) { what = playLiars(t, dir, seed) })
			t.Logf("%v: %s", time.Since(began).Round(time.Millisecond), what)
			if t.Failed() {
				t.Logf("again: go test ./net/node -run TestLiars -liars.seeds 1 -liars.seed %d", seed)
			}
		})
	}
}

// A town is attacked for some rounds: a storm of faults, a while to find each other again, and a calm time in which all
// that is said must be heard.
const (
	stormLasts  = 15 * time.Second
	settleLasts = 20 * time.Second // a link is lost after 15 s of silence
	calmLasts   = 10 * time.Second
	heardWithin = 5 * time.Second
)

// liarRoom is the size of a town's room in bytes. Its floods are larger.
const liarRoom = 1 << 20

// playLiars plays one town, and returns what happened.
func playLiars(t *testing.T, dir string, seed uint64) string {
	s := newLiarTown(t, dir, seed)
	defer s.end()
	pass(settleLasts)
	for began := time.Now(); time.Since(began) < *liarTime; {
		s.storm()
		s.checkLimits()
		pass(settleLasts)
		s.calm()
		s.checkLimits()
	}
	s.stopLiars()
	pass(time.Minute)
	s.check()
	s.checkSame()
	return fmt.Sprintf("%d honest, %d liars, %d messages, faults %v, acts %v", s.honest, s.liars, s.total, s.happened, s.acts)
}

// bound is a bound that must hold at every honest node, and what it has of that.
type bound struct {
	what string
	most int
	has  func(n *Node) int
}

// bounds is the table of all bounds that can be read from a running node.
var bounds = []bound{
	{"links", 128, func(n *Node) int { return len(n.mesh.Links()) }},
	{"peers remembered", maxPeers, locked(func(n *Node) int { return len(n.mu.peers) })},
	{"linked peers", 128, locked(func(n *Node) int { return len(n.mu.linked) })},
	{"sources of expulsions", maxExpelled, locked(func(n *Node) int { return len(n.mu.expulsions.recent) })},
	{"reasons for a refusal", 64, locked(func(n *Node) int { return len(n.mu.refused) })},
	{"addresses reached", 128, locked(func(n *Node) int { return len(n.mu.reachedAt) })},
	{"bytes in the room", liarRoom/4 + 64<<10, func(n *Node) int { return int(n.Status().Size.Used) }}, // strangers', and our own
	{"addresses of copies", maxCopies, func(n *Node) int {
		n.copies.mu.Lock()
		defer n.copies.mu.Unlock()
		return len(n.copies.asked)
	}},
}

// locked has a count run under the node's lock.
func locked(count func(n *Node) int) func(n *Node) int {
	return func(n *Node) int {
		n.mu.Lock()
		defer n.mu.Unlock()
		return count(n)
	}
}

// checkLimits compares every honest node with the table.
func (s *liarTown) checkLimits() {
	for i, p := range s.people {
		for _, b := range bounds {
			if has := b.has(p.Node); has > b.most {
				s.t.Errorf("%d has %d %s, more than %d", i, has, b.what, b.most)
			}
		}
	}
}

// blames are the beginnings of what is said of a key that does wrong.
var blames = []string{"sends forged messages", "signed two different lines", "is not the", "was started elsewhere", "another program with your key"}

// check looks whether honest people remember all that they said, and were never blamed.
func (s *liarTown) check() {
	for i, p := range s.people {
		has := map[identity.Key]int{}
		for _, line := range everything(s.t, p) {
			has[line.From]++
		}
		for j, author := range s.people {
			if n := has[author.Self().Key]; n != s.said[j] {
				s.t.Errorf("%d remembers %d messages of %d, who said %d", i, n, j, s.said[j])
			}
		}
	}
	for _, blamed := range s.blamed {
		s.t.Error(blamed)
	}
}

// sameWithin is how long the liars' own records may take to be the same everywhere. A comparison that brought nothing is
// repeated after a minute, each side for itself, and a record that a liar gave to one person passes on from one to the
// next. A liar may also tell one person that its feed begins further up than what it gave to another: that one waits ten
// minutes for the records between, and then does without (room.StartFeedAt).
const sameWithin = 15 * time.Minute

// checkSame looks whether all hold the same in the end, unless somebody's room was full.
func (s *liarTown) checkSame() {
	for began := time.Now(); !s.gaveWay(); pass(15 * time.Second) {
		others := s.findOthers()
		if len(others) == 0 {
			return
		}
		if time.Since(began) > sameWithin {
			for _, i := range others {
				if why := s.compareFeeds(i); why != "" {
					s.t.Errorf("%d holds another room than 0: %s", i, why)
				}
			}
			return
		}
	}
}

// compareFeeds says how a person's feeds differ from those of the first. A feed without records may be absent, or end
// elsewhere: a peer that began a liar's feed at the very record where it forks keeps only its end, and no one takes over
// an end alone. So it is with feeds that one peer deleted and the other never had.
func (s *liarTown) compareFeeds(i int) string {
	first, theirs := s.listFeeds(0), s.listFeeds(i)
	all, bare := maps.Clone(first), false
	maps.Copy(all, theirs)
	for key := range all {
		x, inFirst := first[key]
		y, inTheirs := theirs[key]
		switch isBare := inFirst && x.Floor == x.Next || inTheirs && y.Floor == y.Next; {
		case isBare && !s.isHonest(key.Author) && (inFirst != inTheirs || x.Next != y.Next):
			bare = true
		case x.Next != y.Next || x.Head != y.Head:
			return fmt.Sprintf("feed %v from %d ends at %d with %v, with 0 from %d at %d with %v", key, y.Floor, y.Next, y.Head, x.Floor, x.Next, x.Head)
		}
	}
	if !bare {
		return "all feeds are the same, the sums aren't"
	}
	return ""
}

// isHonest reports whether a key is an honest person's.
func (s *liarTown) isHonest(key identity.Key) bool {
	return slices.ContainsFunc(s.people, func(p *person) bool { return p.Self().Key == key })
}

// listFeeds returns the feeds of a person.
func (s *liarTown) listFeeds(i int) map[record.FeedKey]store.Feed {
	out := map[record.FeedKey]store.Feed{}
	for _, f := range s.disks[i].store.Frontier() {
		if f.Next > 0 {
			out[f.Key] = f
		}
	}
	return out
}

// findOthers returns who holds another room than the first person.
func (s *liarTown) findOthers() (others []int) {
	for i, p := range s.people {
		if p.Replica.Announce().Sums != s.people[0].Replica.Announce().Sums {
			others = append(others, i)
		}
	}
	return others
}

// gaveWay reports whether somebody's room was full, so that something of the liars' isn't kept there.
func (s *liarTown) gaveWay() bool {
	return slices.ContainsFunc(s.people, func(p *person) bool {
		size := p.Status().Size
		return size.Refused > 0 || len(size.NotKept) > 0
	})
}

// isBlame reports whether a text blames an honest person.
func (s *liarTown) isBlame(text string) bool {
	for _, b := range blames {
		if strings.Contains(text, b) {
			for i := range s.honest {
				if strings.Contains(" "+text+" ", " "+personName(i)+" ") {
					return true
				}
			}
			return strings.Contains(text, "started elsewhere, and") || strings.Contains(text, "another program with your key")
		}
	}
	return false
}

// personName returns the name of an honest person; config names people so.
func personName(i int) string { return fmt.Sprint("p", i) }

// storm breaks the network and people's programs for a while.
func (s *liarTown) storm() {
	for end := time.Now().Add(stormLasts); time.Now().Before(end); {
		time.Sleep(time.Duration(s.rng.Int64N(int64(4 * time.Second))))
		s.say(s.rng.IntN(s.honest))
		a, b := s.rng.IntN(s.honest), s.rng.IntN(s.honest)
		switch s.rng.IntN(6) {
		case 0:
			s.split()
		case 1:
			s.people[a].host.Cut()
			s.happened["cut"]++
		case 2:
			s.happened["reset"] += s.net.Reset(addr(a), addr(b))
		case 3:
			s.net.Block(addr(a), addr(b))
			s.happened["block"]++
		case 4:
			s.restart(a)
		case 5:
			s.heal()
		}
	}
	s.heal()
}

// calm has people say something, and checks that all hear it in time.
func (s *liarTown) calm() {
	for end := time.Now().Add(calmLasts); time.Now().Before(end); {
		i := s.rng.IntN(s.honest)
		text, at := s.say(i), time.Now()
		for pass(100 * time.Millisecond); s.deafTo(i, text) != "" && time.Since(at) < heardWithin; {
			pass(100 * time.Millisecond)
		}
		if deaf := s.deafTo(i, text); deaf != "" {
			s.t.Errorf("%v after %d said %q, it isn't heard by%s", time.Since(at), i, text, deaf)
			return
		}
		time.Sleep(time.Duration(s.rng.Int64N(int64(2 * time.Second))))
	}
}

// deafTo names those who haven't heard a message of person i.
func (s *liarTown) deafTo(i int, text string) (deaf string) {
	for j, p := range s.people {
		if j == i {
			continue
		}
		p.ear.mu.Lock()
		heard := false
		for n := len(p.heard) - 1; n >= 0 && !heard; n-- {
			heard = p.heard[n].Text == text
		}
		p.ear.mu.Unlock()
		if !heard {
			deaf += fmt.Sprint(" ", j)
		}
	}
	return deaf
}
