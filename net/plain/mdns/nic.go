package mdns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.org/x/time/rate"

	"chat.lan/p2pchat/net/iface"
)

// multicastGroup is the IPv4 multicast group of mDNS.
var multicastGroup = netip.AddrFrom4([4]byte{224, 0, 0, 251})

// nic is one interface in use, and its two sockets. Its Prefixes are those of IPv4.
type nic struct {
	iface.Interface
	s *Service

	shared *ipv4.PacketConn // on the group's port
	query  *ipv4.PacketConn
	broken atomic.Bool // a socket failed

	answers *rate.Limiter // limits answers to the group
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
	return &nic{Interface: i, answers: rate.NewLimiter(rate.Every(multicastEvery), 1)}, nil
}

// open opens the sockets and starts to read from them.
func (n *nic) open() error {
	// Bound to the interface's own address, so that it uses no other interface.
	query, err := n.listen(netip.AddrPortFrom(n.Prefixes[0].Addr(), 0), nil)
	if err != nil {
		return fmt.Errorf("mdns: %w", err)
	}
	shared, err := n.listen(netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(n.s.cfg.Port)), iface.SharePort)
	if err == nil {
		if err = shared.JoinGroup(n.Device(), net.UDPAddrFromAddrPort(n.groupAddr())); err != nil {
			shared.Close()
		}
	}
	if err != nil {
		query.Close()
		return fmt.Errorf("mdns: port %d: %w", n.s.cfg.Port, err)
	}
	n.query, n.shared = query, shared
	for _, c := range []*ipv4.PacketConn{shared, query} {
		started := n.s.group.Go("mdns/receive", func(ctx context.Context) {
			stop := context.AfterFunc(ctx, func() { c.Close() })
			defer stop()
			n.receive(c)
		})
		if !started {
			n.close()
			return net.ErrClosed
		}
	}
	return nil
}

func (n *nic) listen(at netip.AddrPort, control func(_, _ string, c syscall.RawConn) error) (*ipv4.PacketConn, error) {
	cfg := net.ListenConfig{Control: control}
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
	_ = c.SetControlMessage(ipv4.FlagInterface, true) // without it, the source's network decides
	return c, nil
}

func (n *nic) close() {
	n.shared.Close()
	n.query.Close()
}

func (n *nic) groupAddr() netip.AddrPort {
	return netip.AddrPortFrom(multicastGroup, uint16(n.s.cfg.Port))
}

// isLocal reports whether an address is on the interface's own networks.
func (n *nic) isLocal(a netip.Addr) bool {
	return slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// receive handles packets from a socket until it closes.
func (n *nic) receive(c *ipv4.PacketConn) {
	limiter := rate.NewLimiter(perSecond, perSecond)
	buf := make([]byte, maxPacket)
	for {
		size, cm, from, err := c.ReadFrom(buf)
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				n.broken.Store(true) // the next refresh opens it again
			}
			return
		}
		source, ok := from.(*net.UDPAddr)
		if !ok {
			continue
		}
		at := source.AddrPort()
		at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
		if cm != nil && cm.IfIndex != 0 && cm.IfIndex != n.Index || !n.isLocal(at.Addr()) {
			continue // from another interface: a socket receives the group on all
		}
		if limiter.Allow() {
			n.handle(buf[:size], at)
		}
	}
}

// send sends a packet, which may be nil, from one of the sockets. The shared one is bound to no address, so
// options make it send by this interface and from its address. Without them Linux would send to the group on
// loopback from another interface's address. Windows has no such options, and does so anyway.
func (n *nic) send(c *ipv4.PacketConn, packet []byte, to netip.AddrPort) {
	if packet == nil {
		return
	}
	var options *ipv4.ControlMessage
	if c == n.shared && runtime.GOOS != "windows" {
		options = &ipv4.ControlMessage{IfIndex: n.Index, Src: n.Prefixes[0].Addr().AsSlice()}
	}
	if _, err := c.WriteTo(packet, options, net.UDPAddrFromAddrPort(to)); err != nil {
		n.s.cfg.Log.Debug("mdns", "interface", n.Name, "error", err)
	}
}

// multicast sends a packet to the group.
func (n *nic) multicast(packet []byte) { n.send(n.shared, packet, n.groupAddr()) }
