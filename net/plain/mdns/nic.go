package mdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/ipv4"

	"chat.lan/p2pchat/net/iface"
)

// multicastGroup is mDNS's IPv4 multicast group.
var multicastGroup = netip.AddrFrom4([4]byte{224, 0, 0, 251})

// nic is one interface in use, and its two sockets. Its Prefixes are those of IPv4.
type nic struct {
	iface.Interface
	s *Service

	shared *ipv4.PacketConn // the group's port
	query  *ipv4.PacketConn
	broken atomic.Bool // a socket failed

	mu   sync.Mutex
	last time.Time // multicast answer
	gate [2]gate   // of the two sockets
}

// findNIC looks an interface up by name. It returns nil if mDNS can't work on the interface, or if the
// interface is loopback and not the only one.
func findNIC(name string, alone bool) (*nic, error) {
	i, err := iface.Find(name)
	if err != nil {
		return nil, err
	}
	i.Prefixes = slices.DeleteFunc(i.Prefixes, func(p netip.Prefix) bool { return !p.Addr().Is4() })
	usable := i.IsLoopback() && alone || !i.IsLoopback() && i.Flags&net.FlagMulticast != 0
	if i.Flags&net.FlagUp == 0 || !usable || len(i.Prefixes) == 0 {
		return nil, nil
	}
	return &nic{Interface: i}, nil
}

// open makes the sockets and starts to read from them. Called with Service.mu held.
func (n *nic) open() error {
	// Bound to the interface's own address, so that no other is sent from or heard of.
	query, err := n.listen(netip.AddrPortFrom(n.Prefixes[0].Addr(), 0), nil)
	if err != nil {
		return fmt.Errorf("mdns: %w", err)
	}
	shared, err := n.listen(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(n.s.cfg.Port)), share)
	if err == nil {
		if err = shared.JoinGroup(n.Device(), net.UDPAddrFromAddrPort(n.to())); err != nil {
			shared.Close()
		}
	}
	if err != nil {
		query.Close()
		return fmt.Errorf("mdns: port %d: %w", n.s.cfg.Port, err)
	}
	n.query, n.shared = query, shared
	for i, c := range []*ipv4.PacketConn{shared, query} {
		started := n.s.group.Go("mdns/receive", func(ctx context.Context) {
			stop := context.AfterFunc(ctx, func() { c.Close() })
			defer stop()
			n.receive(c, &n.gate[i])
		})
		if !started {
			n.close()
			return net.ErrClosed
		}
	}
	return nil
}

func (n *nic) listen(at netip.AddrPort, control func(fd uintptr) error) (*ipv4.PacketConn, error) {
	cfg := net.ListenConfig{Control: controls(control)}
	conn, err := cfg.ListenPacket(n.s.group.Context(), "udp4", at.String())
	if err != nil {
		return nil, err
	}
	c := ipv4.NewPacketConn(conn)
	err = errors.Join(c.SetMulticastInterface(n.Device()), c.SetMulticastLoopback(true), c.SetMulticastTTL(255))
	if err != nil {
		conn.Close()
		return nil, err
	}
	_ = c.SetControlMessage(ipv4.FlagInterface, true) // where it can't be had, the source's network is looked at
	return c, nil
}

func (n *nic) close() {
	n.shared.Close()
	n.query.Close()
}

func (n *nic) to() netip.AddrPort { return netip.AddrPortFrom(multicastGroup, uint16(n.s.cfg.Port)) }

// local reports whether an address is on the interface's own networks.
func (n *nic) local(a netip.Addr) bool {
	return slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// receive takes packets from a socket until it is closed.
func (n *nic) receive(c *ipv4.PacketConn, gate *gate) {
	buf := make([]byte, maxPacket)
	for {
		size, cm, from, err := c.ReadFrom(buf)
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				n.broken.Store(true) // the next look at the interfaces makes it anew
			}
			return
		}
		source, ok := from.(*net.UDPAddr)
		if !ok {
			continue
		}
		at := source.AddrPort()
		at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
		if cm != nil && cm.IfIndex != 0 && cm.IfIndex != n.Index || !n.local(at.Addr()) {
			continue // from another interface: sockets of one port hear the groups of all
		}
		if gate.pass(time.Now()) {
			n.take(buf[:size], at)
		}
	}
}

// as is how the shared socket, which is bound to no address, sends: by this interface and from its
// address. Linux would take another interface's for what goes to the group on loopback.
func (n *nic) as() *ipv4.ControlMessage {
	if runtime.GOOS == "windows" {
		return nil // has no such thing, and takes the interface's address
	}
	return &ipv4.ControlMessage{IfIndex: n.Index, Src: n.Prefixes[0].Addr().AsSlice()}
}

// multicast sends a packet to the group.
func (n *nic) multicast(packet []byte) {
	if packet == nil {
		return
	}
	if _, err := n.shared.WriteTo(packet, n.as(), net.UDPAddrFromAddrPort(n.to())); err != nil {
		n.s.log.Debug("mdns", "interface", n.Name, "error", err)
	}
}

// ask sends a query; who hears it answers to the socket that sent it, or to the group.
func (n *nic) ask() {
	if packet := question(); packet != nil {
		if _, err := n.query.WriteTo(packet, nil, net.UDPAddrFromAddrPort(n.to())); err != nil {
			n.s.log.Debug("mdns", "interface", n.Name, "error", err)
		}
	}
}

// answer sends a response to who asked, or to the group if that is where he listens.
func (n *nic) answer(to netip.AddrPort, whole func() []byte, legacy func() []byte) {
	if to.Port() != uint16(n.s.cfg.Port) {
		if packet := legacy(); packet != nil {
			_, _ = n.shared.WriteTo(packet, n.as(), net.UDPAddrFromAddrPort(to))
		}
		return
	}
	n.mu.Lock()
	now := time.Now()
	soon := now.Sub(n.last) < multicastEvery
	if !soon {
		n.last = now
	}
	n.mu.Unlock()
	if !soon { // the answer of a moment ago was heard by everybody
		n.multicast(whole())
	}
}

// gate lets perSecond packets through each second.
type gate struct {
	begun time.Time
	n     int
}

func (g *gate) pass(now time.Time) bool {
	if now.Sub(g.begun) >= time.Second {
		g.begun, g.n = now, 0
	}
	g.n++
	return g.n <= perSecond
}
