package iface

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestList compares with what package net says of the same machine: names, flags and every address.
func TestList(t *testing.T) {
	all, err := List()
	if err != nil {
		t.Fatal(err)
	}
	want, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(want) {
		t.Fatalf("%d interfaces, want %d", len(all), len(want))
	}
	networks := Networks()
	for n, i := range all {
		if i.Name != want[n].Name || i.Index != want[n].Index || i.Flags != want[n].Flags {
			t.Errorf("interface %d is %+v, want %+v", n, i, want[n])
		}
		addrs, err := want[n].Addrs()
		if err != nil {
			t.Fatal(err)
		}
		if len(i.Prefixes) != len(addrs) || !slices.IsSortedFunc(i.Prefixes, netip.Prefix.Compare) {
			t.Errorf("%s has %v, want the addresses %v, sorted", i.Name, i.Prefixes, addrs)
		}
		for _, a := range addrs {
			if p := netip.MustParsePrefix(a.String()); !slices.Contains(i.Prefixes, p) || !slices.Contains(networks, p) {
				t.Errorf("%s lacks %s, or Networks does", i.Name, p)
			}
		}
		if same, err := Find(i.Name); err != nil || same.Index != i.Index || !slices.Equal(same.Prefixes, i.Prefixes) {
			t.Errorf("Find gives %+v, %v for %s, want %+v", same, err, i.Name, i)
		}
	}
}

// TestAddrs checks that only IPv6 link-local addresses get the interface's zone.
func TestAddrs(t *testing.T) {
	i := Interface{Name: "eth0", Prefixes: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("2001:db8::1/64"), netip.MustParsePrefix("fe80::1/64"),
	}}
	want := []netip.Addr{
		netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("fe80::1%eth0"),
	}
	if got := i.Addrs(); !slices.Equal(got, want) {
		t.Errorf("addresses %v, want %v", got, want)
	}
	if i.IsLoopback() || i.Device().Name != "eth0" {
		t.Error("eth0 is taken for another interface")
	}
}

// TestLoopback checks that the interface found is one whose addresses stay on this machine.
func TestLoopback(t *testing.T) {
	i, err := Find(loopback(t))
	if err != nil {
		t.Fatal(err)
	}
	if !i.IsLoopback() || !slices.ContainsFunc(i.Prefixes, func(p netip.Prefix) bool { return p.Addr().IsLoopback() }) {
		t.Errorf("%+v is not the loopback interface", i)
	}
}

// TestMissingInterface checks that the error names the interface and the others' addresses still come.
func TestMissingInterface(t *testing.T) {
	own, err := addressesOf([]string{loopback(t)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := addressesOf([]string{"nosuch0", loopback(t)})
	if err == nil || !strings.Contains(err.Error(), "nosuch0") || !slices.Equal(got, own) {
		t.Errorf("got %v and %v, want %v and an error that names nosuch0", got, err, own)
	}
}

// List tells of each interface what Find does.
func TestListAgreesWithFind(t *testing.T) {
	all, err := List()
	if err != nil || len(all) == 0 {
		t.Fatalf("%v, %v", all, err)
	}
	loopback, err := Loopback()
	if err != nil {
		t.Skip("there is no loopback interface here: ", err)
	}
	for _, i := range all {
		if i.Name != loopback {
			continue // others may change meanwhile
		}
		found, err := Find(i.Name)
		if err != nil || found.Index != i.Index || len(found.Prefixes) != len(i.Prefixes) {
			t.Errorf("%+v, listed as %+v: %v", found, i, err)
		}
	}
}

// Two sockets may have one UDP port if both share it, and only then.
func TestSharePort(t *testing.T) {
	sharing := net.ListenConfig{Control: SharePort}
	first, err := sharing.ListenPacket(t.Context(), "udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := sharing.ListenPacket(t.Context(), "udp4", first.LocalAddr().String())
	if err != nil {
		t.Fatalf("a shared port is taken: %v", err)
	}
	defer second.Close()
	if third, err := net.ListenPacket("udp4", first.LocalAddr().String()); err == nil {
		third.Close()
		t.Error("a socket that doesn't share the port has it")
	}
}
