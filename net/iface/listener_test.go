package iface

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"chat.lan/p2pchat/net/group"
)

// loopback returns the name of the loopback interface, which every machine has.
func loopback(t *testing.T) string {
	t.Helper()
	name, err := Loopback()
	if err != nil {
		t.Skip(err)
	}
	return name
}

func reaches(addr netip.Addr, l net.Listener) error {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	c, err := net.DialTimeout("tcp", net.JoinHostPort(addr.String(), port), 5*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	in, err := l.Accept()
	if err != nil {
		return err
	}
	return in.Close()
}

// TestListenOnInterfaces checks that all addresses of a named interface accept connections, and no others do.
func TestListenOnInterfaces(t *testing.T) {
	g := group.New(t.Context(), nil)
	defer g.Close()
	name := loopback(t)
	l, err := Network{Group: g, Interfaces: []string{name}}.Listen(t.Context(), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	own, err := addressesOf([]string{name})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range own {
		if err := reaches(a, l); err != nil {
			t.Errorf("%v: %v", a, err)
		}
	}
	others, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range others {
		a := netip.MustParsePrefix(o.String()).Addr()
		if !a.IsLoopback() && a.Is4() {
			if err := reaches(a, l); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%v, of another interface: %v, want a refusal", a, err)
			}
		}
	}
}

func TestListenSaysWhatIsWrong(t *testing.T) {
	g := group.New(t.Context(), nil)
	defer g.Close()
	if _, err := (Network{Group: g, Interfaces: []string{"nosuch0"}}).Listen(t.Context(), "tcp", ":0"); err == nil || !strings.Contains(err.Error(), "nosuch0") {
		t.Errorf("got %v, want an error that names the interface", err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	if _, err := (Network{Group: g, Interfaces: []string{loopback(t)}}).Listen(t.Context(), "tcp", ":"+port); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v, want address in use", err)
	}
}

// TestListenerFollowsAddresses checks that the port stays the same while addresses come and go.
func TestListenerFollowsAddresses(t *testing.T) {
	g := group.New(t.Context(), nil)
	defer g.Close()
	one, two := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")
	now := []netip.Addr{one}
	f := newListener(g, func() ([]netip.Addr, error) { return append([]netip.Addr(nil), now...), nil }, "tcp", "0")
	defer f.Close()
	if err := f.open(context.Background(), one); err != nil {
		t.Fatal(err)
	}
	probe, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("only Linux has all of 127.0.0.0/8: ", err)
	}
	probe.Close()
	now = []netip.Addr{two}
	before := f.Addr().(*net.TCPAddr).Port
	f.refresh(t.Context())
	if err := reaches(two, f); err != nil {
		t.Errorf("the address that came: %v", err)
	}
	if err := reaches(one, f); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the address that went: %v, want a refusal", err)
	}
	if after := f.Addr().(*net.TCPAddr).Port; after != before {
		t.Errorf("port %d became %d", before, after)
	}
	f.Close()
	if _, err := f.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
