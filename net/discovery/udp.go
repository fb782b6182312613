package discovery

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/iface"
)

const (
	retryBind  = 3 * time.Second        // between attempts to open a port that is taken
	writeLimit = 250 * time.Millisecond // for one datagram into a full queue
	inboxSize  = 256                    // datagrams that wait for Receive; the kernel drops more
)

// ErrNoInterface is returned by ListenUDP for a name that no interface has.
var ErrNoInterface = errors.New("no such network interface")

// UDPConfig says where UDP sends and listens.
type UDPConfig struct {
	Port       int      // 0 means Port
	Interfaces []string // names; empty means all that lead to other machines, and loopback
}

// UDP is the Transport over real interfaces, and an Inspector. Its methods may be called from any
// goroutine, Refresh from one at a time.
type UDP struct {
	cfg   UDPConfig
	group *group.Group
	inbox chan datagram
	done  chan struct{} // closed by Close

	mu         sync.Mutex
	closed     bool
	links      []*link // in the system's order
	skipped    []InterfaceStatus
	recv4      *receiver // nil while the port can't be opened
	recv6      *receiver // nil without IPv6
	receiveErr error     // why not
	retry      time.Time // when to open recv4 again
}

// datagram is a received datagram.
type datagram struct {
	payload []byte
	from    netip.AddrPort
}

// link is one interface in use.
type link struct {
	nic     iface.Interface
	status  InterfaceStatus
	senders []*sender
	joined  bool // recv6 receives MulticastGroup on it
}

// sender is a socket bound to one address of one interface.
type sender struct {
	outlet outlet
	port   uint16
	conn   *net.UDPConn
}

// ListenUDP opens the sockets. The receivers end with g's context; the senders stay for a Goodbye until
// Close, which the caller must call. A port that another program holds, or an interface that is down, is
// no error: Report shows it, and Refresh tries again.
func ListenUDP(g *group.Group, cfg UDPConfig) (*UDP, error) {
	if cfg.Port == 0 {
		cfg.Port = Port
	}
	if cfg.Port < 0 || cfg.Port > 65535 {
		return nil, fmt.Errorf("discovery: port %d is not between 1 and 65535", cfg.Port)
	}
	if g.Context().Err() != nil {
		return nil, fmt.Errorf("discovery: %w", net.ErrClosed)
	}
	nics, err := listInterfaces()
	if err != nil {
		return nil, err
	}
	var have []string
	for _, n := range nics {
		have = append(have, n.Name)
	}
	for _, name := range cfg.Interfaces {
		if !slices.Contains(have, name) {
			return nil, fmt.Errorf("discovery: %w: %q; there are %s", ErrNoInterface, name, strings.Join(have, ", "))
		}
	}
	u := &UDP{
		cfg:   cfg,
		group: g,
		inbox: make(chan datagram, inboxSize),
		done:  make(chan struct{}),
	}
	u.Refresh()
	return u, nil
}

// Close closes all sockets and ends Receive. The Report stays as it was: a program that ends is not one
// without a network. Close may be called more than once.
func (u *UDP) Close() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		return nil
	}
	u.closed = true
	close(u.done)
	for _, l := range u.links {
		l.close()
	}
	u.recv4.close()
	u.recv6.close()
	return nil
}

func (l *link) close() {
	for _, s := range l.senders {
		s.conn.Close()
	}
}

// Addrs implements Transport.
func (u *UDP) Addrs() []netip.Addr {
	u.mu.Lock()
	defer u.mu.Unlock()
	var addrs []netip.Addr
	for _, l := range u.links {
		addrs = append(addrs, l.status.Addrs...)
	}
	return addrs
}

// Report implements Inspector.
func (u *UDP) Report() Report {
	u.mu.Lock()
	defer u.mu.Unlock()
	r := Report{
		Port:       u.cfg.Port,
		Interfaces: make([]InterfaceStatus, 0, len(u.links)+len(u.skipped)),
	}
	if u.receiveErr != nil {
		r.PortTaken, r.ReceiveError = taken(u.receiveErr), u.receiveErr.Error()
	}
	for _, l := range u.links {
		r.Interfaces = append(r.Interfaces, l.status) // its Addrs are replaced, never modified
		r.Networks = append(r.Networks, l.nic.Prefixes...)
	}
	r.Interfaces = append(r.Interfaces, u.skipped...)
	return r
}

// Receive implements Transport. It truncates datagrams to 1201 bytes.
func (u *UDP) Receive(ctx context.Context) ([]byte, netip.AddrPort, error) {
	select {
	case d := <-u.inbox:
		return d.payload, d.from, nil
	case <-ctx.Done():
		return nil, netip.AddrPort{}, ctx.Err()
	case <-u.done:
		return nil, netip.AddrPort{}, net.ErrClosed
	}
}

// Broadcast implements Transport. An interface that fails doesn't keep the others from sending; the Report
// shows its error until it works again.
func (u *UDP) Broadcast(build func(from netip.Addr) []byte) (sent int, err error) {
	u.mu.Lock()
	if u.closed {
		u.mu.Unlock()
		return 0, net.ErrClosed
	}
	links := slices.Clone(u.links)
	u.mu.Unlock()
	if len(links) == 0 {
		return 0, errors.New("no network interface to send on")
	}
	for _, l := range links {
		n, failed := u.sendOn(l, build)
		sent, err = sent+n, errors.Join(err, failed)
	}
	return sent, err
}

// sendOn sends on one interface. It fails only if no datagram left, because some networks refuse one of
// the two broadcast addresses.
func (u *UDP) sendOn(l *link, build func(from netip.Addr) []byte) (sent int, err error) {
	u.mu.Lock()
	senders := slices.Clone(l.senders)
	waiting := !l.status.Unheard.IsZero()
	if !waiting {
		l.status.Unheard = time.Now() // before sending: the echo may be quick
	}
	u.mu.Unlock()
	for _, s := range senders {
		payload := build(s.outlet.from)
		if payload == nil {
			continue
		}
		for _, to := range s.outlet.to {
			s.conn.SetWriteDeadline(time.Now().Add(writeLimit))
			if _, werr := s.conn.WriteToUDPAddrPort(payload, netip.AddrPortFrom(to, uint16(u.cfg.Port))); werr != nil {
				err = fmt.Errorf("%s: %w", l.nic.Name, werr)
			} else {
				sent++
			}
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	l.status.Sent += uint64(sent)
	if sent > 0 {
		l.status.Error = ""
		return sent, nil
	}
	if !waiting {
		l.status.Unheard = time.Time{}
	}
	if err == nil || errors.Is(err, net.ErrClosed) { // Refresh closed the socket meanwhile
		return 0, nil
	}
	l.status.Error = err.Error()
	return 0, err
}
