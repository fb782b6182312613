package discovery

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"chat.lan/p2pchat/net/iface"
	"chat.lan/p2pchat/net/wire"
)

// receiver is a socket of one family on the port, which it shares with other programs.
type receiver struct {
	conn   net.PacketConn
	v4     *ipv4.PacketConn // exactly one of the two
	v6     *ipv6.PacketConn
	broken atomic.Bool // a read failed; Refresh opens another socket
}

// close closes the socket, which ends its reader. It does nothing on a nil receiver.
func (r *receiver) close() {
	if r != nil {
		r.conn.Close()
	}
}

// usable reports whether the receiver is open and works.
func (r *receiver) usable() bool { return r != nil && !r.broken.Load() }

// setMember joins or leaves the IPv6 group on the link's interface. It does nothing on a nil receiver.
func (r *receiver) setMember(l *link, member bool) {
	if r == nil || l.joined == member {
		return
	}
	group := &net.UDPAddr{IP: net.ParseIP(MulticastGroup)}
	if member {
		l.joined = r.v6.JoinGroup(l.nic.Device(), group) == nil
		return
	}
	l.joined = false
	_ = r.v6.LeaveGroup(l.nic.Device(), group) // fails if the interface is gone, which has ended the membership
}

// openReceiver opens the shared port for one family. Windows alone doesn't report on which interface a
// datagram came; there the source address decides.
func openReceiver(network string, port int) (*receiver, error) {
	config := net.ListenConfig{Control: iface.SharePort}
	conn, err := config.ListenPacket(context.Background(), network, fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	r := &receiver{conn: conn}
	if network == "udp6" {
		r.v6 = ipv6.NewPacketConn(conn)
		_ = r.v6.SetControlMessage(ipv6.FlagInterface, true)
	} else {
		r.v4 = ipv4.NewPacketConn(conn)
		_ = r.v4.SetControlMessage(ipv4.FlagInterface, true)
	}
	return r, nil
}

// openReceiversLocked opens missing receivers and joins the group on new links, after u.links was updated.
func (u *UDP) openReceiversLocked() (changed bool) {
	now := time.Now()
	if !u.recv4.usable() && !now.Before(u.retry) {
		u.recv4.close()
		u.recv4, u.receiveErr = openReceiver("udp4", u.cfg.Port)
		if u.receiveErr == nil {
			u.startReader(u.recv4)
			changed = true
		} else {
			u.retry = now.Add(retryBind)
		}
	}
	if slices.ContainsFunc(u.links, (*link).hasIPv6) && !u.recv6.usable() {
		u.recv6.close()
		u.recv6 = nil
		for _, l := range u.links {
			l.joined = false
		}
		// Report covers IPv4 only, which works without IPv6.
		if r, err := openReceiver("udp6", u.cfg.Port); err == nil {
			u.recv6 = r
			u.startReader(r)
			changed = true
		}
	}
	for _, l := range u.links {
		u.recv6.setMember(l, l.hasIPv6())
	}
	return changed
}

// startReader starts the receiver's goroutine, which ends when the socket closes or fails.
func (u *UDP) startReader(r *receiver) {
	started := u.group.Go("discovery/udp-read", func(ctx context.Context) {
		stop := context.AfterFunc(ctx, r.close)
		defer stop()
		buffer := make([]byte, wire.MaxBeacon+1)
		for {
			n, index, from, err := r.next(buffer)
			if tooLong(err) {
				n = len(buffer)
			} else if err != nil {
				r.broken.Store(true)
				return
			}
			if !u.countArrival(index, from) {
				continue
			}
			select {
			case u.inbox <- datagram{append([]byte(nil), buffer[:n]...), from}:
			case <-u.done:
				return
			case <-ctx.Done():
				return
			}
		}
	})
	if !started {
		r.close()
	}
}

// next reads one datagram. index is the interface that it came on, or 0 if the system doesn't say.
func (r *receiver) next(buffer []byte) (n, index int, from netip.AddrPort, err error) {
	var source net.Addr
	if r.v6 != nil {
		var cm *ipv6.ControlMessage
		if n, cm, source, err = r.v6.ReadFrom(buffer); cm != nil {
			index = cm.IfIndex
		}
	} else {
		var cm *ipv4.ControlMessage
		if n, cm, source, err = r.v4.ReadFrom(buffer); cm != nil {
			index = cm.IfIndex
		}
	}
	if a, ok := source.(*net.UDPAddr); ok {
		from = netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
	}
	return n, index, from, err
}

// countArrival counts a datagram for its interface, and reports false if we don't use that interface.
func (u *UDP) countArrival(index int, from netip.AddrPort) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, l := range u.links {
		if index != l.nic.Index && (index != 0 || !l.contains(from.Addr())) {
			continue
		}
		for _, s := range l.senders {
			if s.port == from.Port() && s.outlet.from.WithZone("") == from.Addr().WithZone("") {
				l.status.Unheard = time.Time{}
				return true
			}
		}
		l.status.Heard++
		return true
	}
	return false
}

// hasIPv6 reports whether beacons leave the link by IPv6.
func (l *link) hasIPv6() bool { return slices.ContainsFunc(l.status.Addrs, netip.Addr.Is6) }

// contains reports whether the address is in one of the link's networks.
func (l *link) contains(a netip.Addr) bool {
	return slices.ContainsFunc(l.nic.Prefixes, func(p netip.Prefix) bool {
		if a.Is6() {
			return a.Zone() == l.nic.Name
		}
		return p.Contains(a)
	})
}
