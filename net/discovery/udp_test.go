package discovery

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/iface"
	"chat.lan/p2pchat/net/wire"
)

// loopbackName returns the name of the loopback interface, the only one that tests send on.
func loopbackName(t *testing.T) string {
	t.Helper()
	name, err := iface.Loopback()
	if err != nil {
		t.Skip(err)
	}
	return name
}

// freePort finds a port and keeps it, shared, until the test ends.
func freePort(t *testing.T) int {
	t.Helper()
	r, err := openReceiver("udp4", 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r.conn.LocalAddr().(*net.UDPAddr).Port
}

func listenLoopback(t *testing.T, port int) *UDP {
	t.Helper()
	g := group.New(t.Context(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
	u, err := ListenUDP(g, UDPConfig{Port: port, Interfaces: []string{loopbackName(t)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		u.Close()
		g.Close()
	})
	return u
}

func TestSeveralReceiversShareThePort(t *testing.T) {
	port := freePort(t)
	var all []*UDP
	for range 3 {
		all = append(all, listenLoopback(t, port))
	}
	var sender netip.AddrPort
	for _, u := range all {
		sent, err := u.Broadcast(func(netip.Addr) []byte { return []byte("hello") })
		if err != nil || sent == 0 {
			t.Fatalf("sent %d: %v", sent, err)
		}
		for _, each := range all {
			payload, from, err := each.Receive(t.Context())
			if err != nil || string(payload) != "hello" || !from.Addr().IsLoopback() {
				t.Fatalf("got %q from %v: %v", payload, from, err)
			}
			if each == all[0] {
				sender = from
			} else if from != sender {
				t.Errorf("one datagram came from %v and from %v", sender, from)
			}
		}
	}
	for i, u := range all {
		r := u.Report()
		found := false
		for _, n := range r.Interfaces {
			switch {
			case n.Skipped != "":
			case found:
				t.Errorf("%s is used beside loopback", n.Name)
			default:
				found = true
				if n.Sent != 1 || n.Heard != 2 || !n.Unheard.IsZero() || n.Error != "" {
					t.Errorf("receiver %d: %+v", i, n)
				}
			}
		}
		if !found || r.PortTaken || r.ReceiveError != "" || r.Port != port {
			t.Errorf("report %+v", r)
		}
		if u.Refresh() {
			t.Error("Refresh changed something on an unchanged loopback")
		}
	}
}

func TestOversizedDatagramArrivesCut(t *testing.T) {
	u := listenLoopback(t, freePort(t))
	if _, err := u.Broadcast(func(netip.Addr) []byte { return bytes.Repeat([]byte("x"), 4000) }); err != nil {
		t.Fatal(err)
	}
	payload, _, err := u.Receive(t.Context())
	if err != nil || len(payload) != wire.MaxBeacon+1 {
		t.Errorf("%d bytes, %v; want %d", len(payload), err, wire.MaxBeacon+1)
	}
}

func TestExclusivePort(t *testing.T) {
	exclusive, err := net.ListenPacket("udp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer exclusive.Close()
	u := listenLoopback(t, exclusive.LocalAddr().(*net.UDPAddr).Port)
	if r := u.Report(); !r.PortTaken || r.ReceiveError == "" {
		t.Fatalf("report %+v, want the port taken", r)
	}
	if sent, err := u.Broadcast(func(netip.Addr) []byte { return []byte("still here") }); sent == 0 || err != nil {
		t.Errorf("sent %d without a receiver: %v", sent, err)
	}
	exclusive.Close()
	u.mu.Lock()
	if u.retry.IsZero() {
		t.Error("no retry planned")
	}
	u.retry = u.retry.Add(-retryBind) // as if that time had passed
	u.mu.Unlock()
	if !u.Refresh() {
		t.Error("getting the port is no change")
	}
	if r := u.Report(); r.PortTaken || r.ReceiveError != "" {
		t.Errorf("report %+v, want the port ours", r)
	}
	if _, err := u.Broadcast(func(netip.Addr) []byte { return []byte("hello") }); err != nil {
		t.Fatal(err)
	}
	if payload, _, err := u.Receive(t.Context()); err != nil || string(payload) != "hello" {
		t.Errorf("got %q, %v", payload, err)
	}
}

func TestBrokenReceiverIsReplaced(t *testing.T) {
	u := listenLoopback(t, freePort(t))
	u.mu.Lock()
	old := u.recv4
	u.mu.Unlock()
	old.close()              // as when the system takes the network away
	for !old.broken.Load() { // the test's timeout is the limit
		runtime.Gosched()
	}
	if !u.Refresh() {
		t.Error("a new receiver is no change")
	}
	if _, err := u.Broadcast(func(netip.Addr) []byte { return []byte("hello") }); err != nil {
		t.Fatal(err)
	}
	if payload, _, err := u.Receive(t.Context()); err != nil || string(payload) != "hello" {
		t.Errorf("got %q, %v", payload, err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	u := listenLoopback(t, freePort(t))
	before := u.Report()
	for range 2 {
		if err := u.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := u.Receive(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Receive: %v", err)
	}
	if _, err := u.Broadcast(func(netip.Addr) []byte { return nil }); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Broadcast: %v", err)
	}
	if u.Refresh() {
		t.Error("Refresh opens something after Close")
	}
	// The announcer may look once more while the program ends: it must not warn of a missing network.
	if after := u.Report(); !slices.EqualFunc(before.Interfaces, after.Interfaces, func(a, b InterfaceStatus) bool { return a.Name == b.Name && a.Skipped == b.Skipped }) {
		t.Errorf("Report lists %v after Close, want %v as before", after.Interfaces, before.Interfaces)
	}
}

// The end of its group ends a UDP that was not closed.
func TestGroupEndsUDP(t *testing.T) {
	g := group.New(t.Context(), nil)
	u, err := ListenUDP(g, UDPConfig{Port: freePort(t), Interfaces: []string{loopbackName(t)}})
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	ended := make(chan struct{})
	go func() { defer close(ended); g.Close() }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("a reader goes on")
	}
}

func TestListenUDPRefuses(t *testing.T) {
	g := group.New(context.Background(), nil)
	defer g.Close()
	_, err := ListenUDP(g, UDPConfig{Port: 1, Interfaces: []string{"no-such-0"}})
	if !errors.Is(err, ErrNoInterface) || !strings.Contains(err.Error(), loopbackName(t)) {
		t.Errorf("unknown interface: %v, want the names there are", err)
	}
	if _, err := ListenUDP(g, UDPConfig{Port: 70000, Interfaces: []string{loopbackName(t)}}); err == nil {
		t.Error("port 70000 is accepted")
	}
	g.Close()
	if _, err := ListenUDP(g, UDPConfig{Port: freePort(t), Interfaces: []string{loopbackName(t)}}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("in an ended group: %v", err)
	}
}

func TestTwoServicesOnLoopback(t *testing.T) {
	port := freePort(t)
	found := make(chan Announcement, 64)
	for n := 1; n <= 2; n++ {
		g := group.New(t.Context(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
		u, err := ListenUDP(g, UDPConfig{Port: port, Interfaces: []string{loopbackName(t)}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			u.Close()
			g.Close()
		})
		s := Start(g, Config{
			Transport: u,
			Self:      func() wire.Discovery { return peer(n) },
			OnAnnouncement: func(s Announcement) {
				if s.New {
					found <- s
				}
			},
			OnStatus: func(Status) {},
		})
		t.Cleanup(func() { // t.Context and so the group's have ended by now, as after a panic
			if err := s.Goodbye(context.Background()); err != nil {
				t.Errorf("goodbye: %v", err)
			}
		})
	}
	got := map[string]bool{}
	for len(got) < 2 {
		select {
		case s := <-found:
			got[s.ID] = true
			if len(s.Addrs) == 0 || s.Addrs[0].Port() != 8080 || !s.Addrs[0].Addr().IsLoopback() {
				t.Errorf("the addresses to dial for %s are %v", s.ID, s.Addrs)
			}
		case <-t.Context().Done():
			t.Fatal("not found")
		}
	}
}
