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

// Refresh implements Inspector: it matches the sockets with the present interfaces, and tries again to
// open the port if it was taken. It reports whether other peers can be reached that couldn't be before.
func (u *UDP) Refresh() (changed bool) {
	nics, err := listInterfaces()
	if err != nil {
		return false // nothing changes; the next second tries again
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed || u.group.Context().Err() != nil {
		return false
	}
	old := u.links
	var links []*link
	var skipped []InterfaceStatus
	for _, n := range nics {
		loopback := n.IsLoopback()
		if why := skipReason(&n, u.cfg.Interfaces); why != "" {
			skipped = append(skipped, InterfaceStatus{Name: n.Name, Loopback: loopback, Skipped: why})
			continue
		}
		l := &link{status: InterfaceStatus{Name: n.Name, Loopback: loopback}}
		// An interface that was deleted and created again has another index.
		same := func(l *link) bool { return l.nic.Name == n.Name && l.nic.Index == n.Index }
		if i := slices.IndexFunc(old, same); i >= 0 {
			l = old[i]
			old = slices.Delete(old, i, i+1)
		} else {
			changed = true
		}
		l.nic = n
		changed = u.updateSendersLocked(l) || changed
		links = append(links, l)
	}
	for _, gone := range old { // whose interfaces are gone
		gone.close()
		u.recv6.setMember(gone, false)
		changed = true
	}
	u.links, u.skipped = links, skipped
	return u.openReceiversLocked() || changed
}

// updateSendersLocked opens and closes senders until a link has one for each outlet of its interface. It
// reports whether any changed.
func (u *UDP) updateSendersLocked(l *link) (changed bool) {
	want := listOutlets(&l.nic)
	l.senders = slices.DeleteFunc(l.senders, func(s *sender) bool {
		if slices.ContainsFunc(want, func(o outlet) bool { return reflect.DeepEqual(o, s.outlet) }) {
			return false
		}
		s.conn.Close()
		changed = true
		return true
	})
	for _, o := range want {
		if slices.ContainsFunc(l.senders, func(s *sender) bool { return s.outlet.from == o.from }) {
			continue
		}
		s, err := openSender(l.nic.Index, o)
		if err != nil {
			// A new IPv6 address can't be bound for a second or two.
			if o.from.Is4() || len(want) == 1 {
				l.status.Error = err.Error()
			}
			continue
		}
		l.senders = append(l.senders, s)
		changed = true
	}
	if changed {
		l.status.Error, l.status.Addrs = "", nil
		l.status.Unheard = time.Time{} // no echo comes back to a closed socket
		for _, s := range l.senders {
			l.status.Addrs = append(l.status.Addrs, s.outlet.from)
		}
	}
	return changed
}

// openSender opens a socket bound to the address. That alone makes Linux send to 255.255.255.255 without a
// default route and by the right interface. The pin helps where two interfaces share an address, and on
// systems that route broadcasts by their tables.
func openSender(index int, o outlet) (*sender, error) {
	network := "udp4"
	if o.from.Is6() {
		network = "udp6"
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		// Most hosts choose the right interface even without the pin.
		return raw.Control(func(fd uintptr) { _ = pin(fd, o.from.Is6(), index) })
	}}
	conn, err := config.ListenPacket(context.Background(), network, netip.AddrPortFrom(o.from, 0).String())
	if err != nil {
		return nil, fmt.Errorf("open a socket on %s: %w", o.from, err)
	}
	udp := conn.(*net.UDPConn)
	return &sender{outlet: o, port: udp.LocalAddr().(*net.UDPAddr).AddrPort().Port(), conn: udp}, nil
}
