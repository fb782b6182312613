package hostile_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/hostile"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/node"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// street is some honest nodes on a network in memory, and the goroutines of those who attack them.
type street struct {
	t     *testing.T
	net   *memnet.Network
	group *group.Group
	nodes []*honest
}

// honest is a node, and what it told its user.
type honest struct {
	*node.Node
	group *group.Group
	addr  string
	host  *memnet.Host

	mu     sync.Mutex
	events []event.Event
}

func hostAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}) }

// onStreet runs a test in a bubble, with so many honest nodes that have had time to meet.
func onStreet(t *testing.T, nodes int, do func(t *testing.T, s *street)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &street{t: t, net: memnet.New(1)}
		s.net.SetDefault(memnet.Link{MinLatency: time.Millisecond, MaxLatency: 3 * time.Millisecond}) // time passes in a loop of questions, too
		s.group = group.New(t.Context(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
		defer func() {
			for _, h := range s.nodes {
				h.leave()
			}
			s.group.Close()
			s.net.Close()
		}()
		for i := range nodes {
			s.open(i)
		}
		pass(5 * time.Second)
		do(t, s)
	})
}

// open starts honest node i.
func (s *street) open(i int, change ...func(*node.Config)) *honest {
	s.t.Helper()
	h := &honest{group: s.group.Child(), host: s.net.Host(hostAddr(i)), addr: netip.AddrPortFrom(hostAddr(i), 8080).String()}
	q := event.NewQueue()
	h.group.Go("test/events", func(ctx context.Context) {
		q.Run(ctx, 0, func(b event.Batch) {
			h.mu.Lock()
			defer h.mu.Unlock()
			for _, ev := range b {
				h.events = append(h.events, ev.(event.Event))
			}
		})
	})
	cfg := node.Config{
		Identity: identity.FromSeed([32]byte{byte(i + 1)}), Name: fmt.Sprint("h", i), Room: "lobby", Listen: ":8080", Agent: "test",
		Events: q, Log: slog.New(slog.DiscardHandler), Network: h.host, Transport: h.host.Packets(),
	}
	for _, f := range change {
		f(&cfg)
	}
	n, err := node.Start(h.group, cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	h.Node = n
	s.nodes = append(s.nodes, h)
	return h
}

func (h *honest) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	h.Close(ctx)
	h.group.Close()
}

// hostile returns a Config for a key.
func (s *street) hostile(n int) hostile.Config {
	return hostile.Config{Identity: hostile.Key(7, n), Group: s.group}
}

// attack links a hostile peer at host 100 to a node.
func (s *street) attack(h *honest, cfg hostile.Config) *hostile.Peer {
	s.t.Helper()
	p, err := hostile.Dial(s.t.Context(), s.net.Host(hostAddr(99)), h.addr, cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// heard counts the messages with a text that a node showed.
func (h *honest) heard(text string) (times int) {
	for _, said := range told[event.Said](h) {
		if said.Line.Text == text {
			times++
		}
	}
	return times
}

// notices returns the notices that contain a text.
func (h *honest) notices(text string) (found []event.Notice) {
	for _, n := range told[event.Notice](h) {
		if strings.Contains(n.Text, text) {
			found = append(found, n)
		}
	}
	return found
}

func told[E event.Event](h *honest) (out []E) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ev := range h.events {
		if x, ok := ev.(E); ok {
			out = append(out, x)
		}
	}
	return out
}

// pass waits while things happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// talk has every node say something, which all others must hear within a time.
func (s *street) talk(within time.Duration, what string) {
	s.t.Helper()
	for i, h := range s.nodes {
		if err := h.Say(fmt.Sprint(what, " ", i)); err != nil {
			s.t.Errorf("%s: node %d can't speak: %v", what, i, err)
		}
	}
	pass(within)
	for i := range s.nodes {
		for j, h := range s.nodes {
			if n := h.heard(fmt.Sprint(what, " ", i)); i != j && n != 1 {
				s.t.Errorf("%s: node %d heard node %d %d times", what, j, i, n)
			}
		}
	}
}
