package memnet

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

const (
	// MaxDatagram is how many bytes a datagram holds at most, as with UDP over IPv4.
	MaxDatagram = 65507
	// inbox is how many datagrams wait for Receive; more are dropped and counted.
	inbox = 1024
)

// Packets sends broadcast datagrams from one process of a host, and receives those of all processes.
type Packets struct {
	host  *Host
	port  uint16
	queue chan datagram // filled with the network's lock held
	done  chan struct{} // closed by Close, Kill or Network.Close
}

type datagram struct {
	from    netip.AddrPort
	payload []byte
}

// Packets opens a receiver. Each receiver of a host gets every datagram. The caller closes it, or Kill and
// Network.Close do. On a closed network or a killed host it is closed from the start.
func (h *Host) Packets() *Packets {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	p := &Packets{host: h, queue: make(chan datagram, inbox), done: make(chan struct{})}
	if h.checkUsable() != nil {
		close(p.done)
		return p
	}
	p.port = h.freePort()
	h.ports[p.port]++
	h.packets = append(h.packets, p)
	return p
}

// Addrs returns the host's present addresses, as Host.Addrs does.
func (p *Packets) Addrs() []netip.Addr { return p.host.Addrs() }

// Broadcast sends one datagram from each of the host's addresses to every host in reach, its own included.
// A host is in reach of an address if one of its own, of the same family, is on the same side of the
// partition. Broadcast calls build with each address and without a lock; build may return nil to send no
// datagram from it. sent counts the datagrams that left, not their receivers. The error is net.ErrClosed,
// or EMSGSIZE for a datagram above MaxDatagram; the others are sent.
func (p *Packets) Broadcast(build func(from netip.Addr) []byte) (sent int, err error) {
	for _, from := range p.Addrs() {
		payload := build(from)
		if payload == nil {
			continue
		}
		if len(payload) > MaxDatagram {
			err = p.fail("write", syscall.EMSGSIZE)
			continue
		}
		if !p.send(from, slices.Clone(payload)) {
			return sent, p.fail("write", net.ErrClosed)
		}
		sent++
	}
	if sent == 0 && err == nil && p.closed() {
		err = p.fail("write", net.ErrClosed)
	}
	return sent, err
}

func (p *Packets) closed() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// send reports false if the receiver is closed.
func (p *Packets) send(from netip.Addr, payload []byte) bool {
	n := p.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.closed() {
		return false
	}
	d := datagram{netip.AddrPortFrom(from, p.port), payload}
	for _, h := range n.hosts {
		if to, heard := n.chooseReceiver(p.host, from, h); to.IsValid() {
			n.sendDatagram(p.host, d, h, to, heard)
		}
	}
	return true
}

// chooseReceiver returns which address of a host receives a broadcast from another's. If none does, it
// returns the first of the same family, which is invalid if there is none.
func (n *Network) chooseReceiver(from *Host, a netip.Addr, to *Host) (b netip.Addr, heard bool) {
	if from == to {
		return a, n.owner[a] == from
	}
	for _, o := range to.addrs {
		if o.Is4() != a.Is4() {
			continue
		}
		if n.datagramsPass(from, a, to, o) {
			return o, true
		}
		if !b.IsValid() {
			b = o
		}
	}
	return b, false
}

// sendDatagram sends a datagram to one address, with the link's faults.
func (n *Network) sendDatagram(from *Host, d datagram, to *Host, b netip.Addr, heard bool) {
	l := n.link(d.from.Addr(), b)
	l.traffic.Datagrams++
	if !heard {
		l.traffic.Lost++
		return
	}
	if from == to {
		n.receive(from, d, to, b)
		return
	}
	s := n.behaviour(l)
	lost, twice, late := l.chance(s.Loss), l.chance(s.Duplicate), l.chance(s.Reorder)
	wait := l.latency(s)
	if late {
		unit := max(s.MaxLatency, s.MinLatency, time.Millisecond)
		wait += unit + time.Duration(l.rng.Int64N(2*int64(unit)+1))
		l.traffic.Reordered++
	}
	if lost {
		l.traffic.Lost++
		return
	}
	waits := []time.Duration{wait}
	if twice {
		l.traffic.Duplicated++
		waits = append(waits, l.latency(s))
	}
	for _, w := range waits {
		if w == 0 {
			n.receive(from, d, to, b)
			continue
		}
		n.scheduler.at(time.Now().Add(w), func() { n.receive(from, d, to, b) })
	}
}

// receive passes a datagram to every receiver of the host, unless the route was cut meanwhile.
func (n *Network) receive(from *Host, d datagram, to *Host, b netip.Addr) {
	t := &n.link(d.from.Addr(), b).traffic
	if !n.datagramsPass(from, d.from.Addr(), to, b) {
		t.Lost++
		return
	}
	for _, p := range to.packets {
		select {
		case p.queue <- datagram{d.from, slices.Clone(d.payload)}:
		default:
			t.Overflowed++
		}
	}
}

// Receive waits for a datagram, whose payload belongs to the caller. It returns the context's error when
// the context ends, and net.ErrClosed after Close.
func (p *Packets) Receive(ctx context.Context) (payload []byte, from netip.AddrPort, err error) {
	if err := ctx.Err(); err != nil {
		return nil, netip.AddrPort{}, err
	}
	if !p.closed() {
		select {
		case d := <-p.queue:
			return d.payload, d.from, nil
		case <-ctx.Done():
			return nil, netip.AddrPort{}, ctx.Err()
		case <-p.done:
		}
	}
	return nil, netip.AddrPort{}, p.fail("read", net.ErrClosed)
}

// Close ends Receive and Broadcast. It may be called more than once.
func (p *Packets) Close() error {
	n := p.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.closed() {
		return nil
	}
	close(p.done)
	p.host.release(p.port)
	p.host.packets = slices.DeleteFunc(p.host.packets, func(o *Packets) bool { return o == p })
	return nil
}

func (p *Packets) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: "udp", Err: err}
}
