package node

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/iface"
	"chat.lan/p2pchat/net/wire"
)

// These benchmarks run whole nodes on loopback sockets and the bare loop of bare_test.go
// in turns, so that only their ratio counts. Run them with
// go test ./net/node -run '^$' -bench . -benchtime 5x.

const benchText = "the quick brown fox jumps over the lazy dog, line "

// rates is what one run of a way of sending has shown.
type rates struct {
	perSecond float64 // deliveries
	p50       time.Duration
}

// way is how one line is signed and sent to all receivers, and how all of it is ended.
type way struct {
	send func(text string)
	end  func()
}

// opening makes a way to so many receivers. receive is to be called for each line that has arrived and
// verified, once for each receiver.
type opening func(b *testing.B, receivers int, receive func()) way

// run has n lines sent to so many receivers as fast as they go, then single ones one by one.
func run(b *testing.B, n, receivers, single int, open opening) rates {
	got := make(chan struct{}, 1)
	var count atomic.Int64 // still to come
	w := open(b, receivers, func() {
		if count.Add(-1) == 0 {
			got <- struct{}{}
		}
	})
	defer w.end()
	count.Store(int64(n * receivers))
	begin := time.Now()
	for i := range n {
		w.send(benchText + strconv.Itoa(i))
	}
	<-got
	r := rates{perSecond: float64(n*receivers) / time.Since(begin).Seconds()}
	if single == 0 {
		return r
	}
	took := make([]time.Duration, single)
	for i := range took {
		count.Store(int64(receivers))
		begin := time.Now()
		w.send(benchText + strconv.Itoa(i))
		<-got
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	r.p50 = took[len(took)/2]
	return r
}

// report gives the medians. Each ratio is of two runs that followed each other, so that whatever else
// the machine does weighs on both.
func report(b *testing.B, base, ours []rates) {
	rate := func(r rates) float64 { return r.perSecond }
	p50 := func(r rates) float64 { return float64(r.p50.Microseconds()) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(base, rate), "bare/s")
	b.ReportMetric(median(ours, rate), "ours/s")
	b.ReportMetric(ratio(base, ours, rate), "ratio")
	if base[0].p50 > 0 {
		b.ReportMetric(median(base, p50), "bare-p50-µs")
		b.ReportMetric(median(ours, p50), "p50-µs")
		b.ReportMetric(ratio(base, ours, p50), "p50-ratio")
	}
}

func median(rs []rates, of func(rates) float64) float64 {
	var xs []float64
	for _, r := range rs {
		xs = append(xs, of(r))
	}
	slices.Sort(xs)
	return xs[len(xs)/2]
}

func ratio(base, ours []rates, of func(rates) float64) float64 {
	var xs []float64
	for i := range base {
		xs = append(xs, of(ours[i])/of(base[i]))
	}
	slices.Sort(xs)
	return xs[len(xs)/2]
}

// BenchmarkOneToOne wants a ratio of at least 0.8 and a p50-ratio of at most 1.5.
func BenchmarkOneToOne(b *testing.B) {
	var base, ours []rates
	for b.Loop() {
		base = append(base, run(b, 10_000, 1, 500, newBare))
		ours = append(ours, run(b, 10_000, 1, 500, newNodes))
	}
	report(b, base, ours)
}

// BenchmarkFanOut wants a ratio of at least 0.8. That it ends at all shows that nothing is lost.
func BenchmarkFanOut(b *testing.B) {
	for _, receivers := range []int{10, 50} {
		b.Run(strconv.Itoa(receivers), func(b *testing.B) {
			var base, ours []rates
			for b.Loop() {
				n := 40_000 / receivers
				base = append(base, run(b, n, receivers, 0, newBare))
				ours = append(ours, run(b, n, receivers, 0, newNodes))
			}
			report(b, base, ours)
		})
	}
}

// BenchmarkStoppedReader compares four receivers beside a fifth that has stopped reading with the same
// four once the fifth's link is cut. It wants a ratio of at least 0.95.
func BenchmarkStoppedReader(b *testing.B) {
	var base, ours []rates
	for b.Loop() {
		base = append(base, run(b, 10_000, 4, 0, newNodesAndOneCut))
		ours = append(ours, run(b, 10_000, 4, 0, newNodesAndOneStopped))
	}
	report(b, base, ours)
}

// newNodes is whole nodes: one that speaks and others that are linked to it alone.
func newNodes(b *testing.B, receivers int, receive func()) way {
	return newStar(b).open(receivers, receive)
}

// newNodesAndOneStopped has one more receiver, which takes nothing any more.
func newNodesAndOneStopped(b *testing.B, receivers int, receive func()) way {
	s := newStar(b)
	w := s.open(receivers, receive)
	_, end := s.stop(w)
	return way{w.send, end}
}

// newNodesAndOneCut has such a one too, in the same memory, but its link is cut.
func newNodesAndOneCut(b *testing.B, receivers int, receive func()) way {
	s := newStar(b)
	w := s.open(receivers, receive)
	key, end := s.stop(w)
	s.hub.mesh.Block(key, wire.ByeLeaving)
	linkTo(s.hub, key).Bye(wire.ByeLeaving)
	s.awaitLinks(receivers)
	return way{w.send, end}
}

// star is a node and others that are linked to it alone.
type star struct {
	b     *testing.B
	root  *group.Group
	hub   *Node
	rim   int
	heard atomic.Int64
	news  chan struct{} // of size 1: something was heard
	links chan struct{} // of size 1: a peer of the hub came or went
	slow  *slowPeers    // of the hub
}

// awaitLinks waits until the hub has so many links.
func (s *star) awaitLinks(n int) {
	for s.hub.Status().Links != n || s.hub.Status().Peers != n {
		<-s.links
	}
}

func newStar(b *testing.B) *star {
	s := &star{b: b, news: make(chan struct{}, 1), links: make(chan struct{}, 1), slow: newSlowPeers(), root: group.New(context.Background(), func(p *group.Panic) { b.Errorf("%v\n%s", p, p.Stack) })}
	s.hub = s.start(func(ev event.Event) {
		if _, changed := ev.(event.PeerChanged); changed {
			select {
			case s.links <- struct{}{}:
			default:
			}
		}
	})
	return s
}

// start starts the hub, or one that is linked to it, and waits for the link.
func (s *star) start(post func(event.Event)) *Node {
	s.b.Helper()
	var hub []string
	if s.hub != nil {
		hub = []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(s.hub.Self().Port))}
		s.rim++
	}
	log := slog.New(slog.DiscardHandler)
	if s.hub == nil {
		log = slog.New(s.slow)
	}
	n, err := Start(s.root.Child(), Config{
		Identity: identity.FromSeed([32]byte{byte(s.rim + 1)}), Name: fmt.Sprint("p", s.rim), Room: "bench",
		Listen: "127.0.0.1:0", NoDiscovery: true, Agent: "bench", Events: heard(s.root, post), Log: log,
		Connect: hub, Network: spoke{hub},
	})
	if err != nil {
		s.b.Fatal(err)
	}
	if s.hub != nil {
		s.awaitLinks(s.rim)
	}
	return n
}

func (s *star) open(receivers int, receive func()) way {
	for range receivers {
		s.start(func(ev event.Event) {
			if _, said := ev.(event.Said); said {
				receive()
				s.heard.Add(1)
				select {
				case s.news <- struct{}{}:
				default:
				}
			}
		})
	}
	return way{s.say, s.root.Close}
}

func (s *star) say(text string) {
	if err := s.hub.WaitWritable(s.b.Context()); err != nil {
		s.b.Fatal(err)
	}
	if err := s.hub.Say(text); err != nil {
		s.b.Fatal(err)
	}
}

// stop adds one whose screen hangs from its first line on, and returns when it reads no more, is not
// pushed to any more, and the others have what was said until then. end is the way's.
func (s *star) stop(w way) (key identity.Key, end func()) {
	others := int64(s.rim)
	hangs := make(chan struct{})
	n := s.start(func(ev event.Event) {
		if _, said := ev.(event.Said); said {
			<-hangs
		}
	})
	key = n.Self().Key
	fill := strings.Repeat("x", 4096)
	said := int64(0)
	reads := func() bool { // whether the links of the hanging peer are still read
		space := make(chan struct{})
		go func() { n.events.WaitSpace(0, func() (fair.Flow, int) { return fair.Flow{}, 0 }); close(space) }()
		select {
		case <-space:
			return true
		case <-time.After(10 * time.Millisecond):
			return false
		}
	}
	for ; reads() || !s.slow.isSlow(key); said++ {
		w.send(fill)
	}
	for s.heard.Load() < said*others {
		<-s.news
	}
	for s.slow.count() > 1 {
		w.send(fill) // the others become level with what is said next
		said++
		for s.heard.Load() < said*others {
			<-s.news
		}
	}
	return key, func() { close(hangs); w.end() }
}

// spoke is a network that reaches no one but the hub, so that peer exchange doesn't make a full mesh
// whose links would all live on this one machine.
type spoke struct{ hub []string }

func (s spoke) Listen(ctx context.Context, network, addr string) (net.Listener, error) {
	return iface.Network{}.Listen(ctx, network, addr)
}

func (s spoke) Networks() []netip.Prefix { return iface.Networks() }

func (s spoke) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if !slices.Contains(s.hub, addr) {
		return nil, fmt.Errorf("%s is out of reach", addr)
	}
	return iface.Network{}.DialContext(ctx, network, addr)
}
