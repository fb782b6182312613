package discovery

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"syscall"
	"time"
)

// Refresh brings the sockets in line with the interfaces as they are now, and tries again for the port
// if it was taken. It reports whether anybody may be reached, or may hear, who didn't before.
func (u *UDP) Refresh() (changed bool) {
	u.refreshing.Lock()
	defer u.refreshing.Unlock()
	nics, err := listNICs()
	if err != nil {
		return false // as before, then; the next second asks again
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed || u.ended {
		return false
	}
	var links []*link
	var skipped []InterfaceStatus
	for _, n := range nics {
		loopback := n.IsLoopback()
		if why := n.skip(u.names); why != "" {
			skipped = append(skipped, InterfaceStatus{Name: n.Name, Loopback: loopback, Skipped: why})
			continue
		}
		l := u.take(n)
		if l == nil {
			l = &link{status: InterfaceStatus{Name: n.Name, Loopback: loopback}}
			changed = true
		}
		l.nic = n
		if u.reopen(l) {
			changed = true
		}
		links = append(links, l)
	}
	for _, gone := range u.links { // those that take left
		gone.close()
		u.recv6.leave(gone)
		changed = true
	}
	u.links, u.skipped, u.networks = links, skipped, nil
	for _, l := range links {
		u.networks = append(u.networks, l.nic.Prefixes...)
	}
	if u.listen() {
		changed = true
	}
	return changed
}

// take removes the link of an interface from u.links, or gives nil if there is none. An interface that
// was deleted and made anew has another index.
func (u *UDP) take(n nic) *link {
	i := slices.IndexFunc(u.links, func(l *link) bool { return l.nic.Name == n.Name && l.nic.Index == n.Index })
	if i < 0 {
		return nil
	}
	l := u.links[i]
	u.links = slices.Delete(u.links, i, i+1)
	return l
}

// reopen gives a link a sender for each outlet of its interface, and reports whether that changed any.
func (u *UDP) reopen(l *link) (changed bool) {
	want := l.nic.outlets()
	var senders []*sender
	for _, s := range l.senders {
		if slices.ContainsFunc(want, func(o outlet) bool { return reflect.DeepEqual(o, s.outlet) }) {
			senders = append(senders, s)
			continue
		}
		s.conn.Close()
		changed = true
	}
	for _, o := range want {
		if slices.ContainsFunc(senders, func(s *sender) bool { return s.outlet.from == o.from }) {
			continue
		}
		s, err := openSender(l.nic.Index, o)
		if err != nil {
			// An IPv6 address that was just set up can't be bound for a second or two.
			if o.from.Is4() || len(want) == 1 {
				l.status.Error = err.Error()
			}
			continue
		}
		senders = append(senders, s)
		changed = true
	}
	if !changed {
		return false
	}
	l.senders = senders
	l.status.Error = ""
	l.status.Unheard = time.Time{} // what was sent on a closed socket is not waited for
	l.status.Addrs = nil
	for _, s := range senders {
		l.status.Addrs = append(l.status.Addrs, s.outlet.from)
	}
	return true
}

// openSender opens a socket bound to the address. That alone makes Linux send 255.255.255.255 without a
// default route, and by the right interface; the pin is for an address that two interfaces share, and
// for systems that route broadcasts by their tables.
func openSender(index int, o outlet) (*sender, error) {
	network := "udp4"
	if o.from.Is6() {
		network = "udp6"
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		// Without the pin most hosts send rightly all the same.
		return raw.Control(func(fd uintptr) { _ = pin(fd, o.from.Is6(), index) })
	}}
	conn, err := config.ListenPacket(context.Background(), network, netip.AddrPortFrom(o.from, 0).String())
	if err != nil {
		return nil, fmt.Errorf("open a socket on %s: %w", o.from, err)
	}
	udp := conn.(*net.UDPConn)
	return &sender{outlet: o, port: udp.LocalAddr().(*net.UDPAddr).AddrPort().Port(), conn: udp}, nil
}
