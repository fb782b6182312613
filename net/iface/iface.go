// Package iface lists the network interfaces of this machine and listens on some of them.
//
// An interface is looked at in one place, so that discovery, mDNS and the listener agree about its
// addresses. Nothing here is cached: interfaces come and go, and callers ask again when they poll.
package iface

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// LoopbackAlias names the loopback interface on every system, unless another interface has that name.
// Linux calls it lo, macOS lo0, and Windows uses a long name.
const LoopbackAlias = "lo"

// Interface is one network interface as the system described it.
type Interface struct {
	Name     string
	Index    int
	Flags    net.Flags
	Prefixes []netip.Prefix // its addresses with their networks, without zones, sorted
}

// Device returns what package net calls the interface, for socket options.
func (i *Interface) Device() *net.Interface { return &net.Interface{Index: i.Index, Name: i.Name} }

// IsLoopback reports whether packets sent on the interface stay on this machine.
func (i *Interface) IsLoopback() bool { return i.Flags&net.FlagLoopback != 0 }

// Addrs returns the addresses to listen on. Those that are IPv6 link-local have the interface's zone.
func (i *Interface) Addrs() []netip.Addr {
	addrs := make([]netip.Addr, 0, len(i.Prefixes))
	for _, p := range i.Prefixes {
		a := p.Addr()
		if a.Is6() && a.IsLinkLocalUnicast() {
			a = a.WithZone(i.Name)
		}
		addrs = append(addrs, a)
	}
	return addrs
}

// List returns all interfaces in the system's order. An interface that disappears meanwhile has no
// addresses.
func List() ([]Interface, error) {
	all, err := list()
	if err == nil && !slices.ContainsFunc(all, func(i Interface) bool { return len(i.Prefixes) > 0 }) {
		return list() // the system's answer comes short when its tables change meanwhile
	}
	return all, err
}

func list() ([]Interface, error) {
	found, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	all := make([]Interface, 0, len(found))
	for _, f := range found {
		i, _ := describe(f)
		all = append(all, i)
	}
	return all, nil
}

// Find returns the interface of that name.
func Find(name string) (Interface, error) {
	f, err := net.InterfaceByName(name)
	if err != nil {
		return Interface{}, err
	}
	return describe(*f)
}

// describe reads the interface's addresses.
func describe(f net.Interface) (Interface, error) {
	i := Interface{Name: f.Name, Index: f.Index, Flags: f.Flags}
	addrs, err := f.Addrs()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			i.Prefixes = append(i.Prefixes, p)
		}
	}
	slices.SortFunc(i.Prefixes, netip.Prefix.Compare) // the system's order may change by itself
	return i, err
}

// Networks returns the networks that this machine is in, or nil if the system doesn't say.
func Networks() []netip.Prefix {
	all, _ := List()
	var networks []netip.Prefix
	for _, i := range all {
		networks = append(networks, i.Prefixes...)
	}
	return networks
}

// Loopback returns the system's name for the loopback interface.
func Loopback() (name string, err error) {
	all, err := List()
	if err != nil {
		return "", err
	}
	for _, i := range all {
		if i.IsLoopback() && i.Flags&net.FlagUp != 0 {
			return i.Name, nil
		}
	}
	return "", errors.New("no loopback interface is up")
}
