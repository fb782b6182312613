package memnet

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"time"
)

// inbox is how many datagrams wait for Receive; more are dropped and counted.
const inbox = 1024

// Packets sends broadcast datagrams from one process of a host, and receives those of all processes.
type Packets struct {
	host   *Host
	port   uint16
	queue  chan datagram // filled with the network's lock held
	done   chan struct{} // closed by shut
	closed bool          // guarded by the network's lock
}

type datagram struct {
	from    netip.AddrPort
	payload []byte
}

// Packets opens a receiver. Each receiver of a host gets every datagram. The caller closes it, or
// Network.Close does.
func (h *Host) Packets() *Packets {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	p := &Packets{host: h, port: h.reservePort(), queue: make(chan datagram, inbox), done: make(chan struct{})}
	h.packets = append(h.packets, p)
	if h.net.closed {
		p.shut()
	}
	return p
}

// Addrs returns the host's present addresses, as Host.Addrs does.
func (p *Packets) Addrs() []netip.Addr { return p.host.Addrs() }

// Broadcast sends one datagram from each of the host's addresses to every host in reach, its own included.
// A host is in reach of an address if one of its own is on the same side of the partition. Broadcast calls
// build with each address and without a lock; build may return nil to send no datagram from it. sent
// counts the datagrams that left, not their receivers. The error is net.ErrClosed.
func (p *Packets) Broadcast(build func(from netip.Addr) []byte) (sent int, err error) {
	var out []datagram
	for _, from := range p.Addrs() {
		if payload := build(from); payload != nil {
			out = append(out, datagram{netip.AddrPortFrom(from, p.port), slices.Clone(payload)})
		}
	}
	n := p.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if p.closed {
		return 0, p.fail("write")
	}
	for _, d := range out {
		for _, h := range n.hosts {
			n.sendDatagram(d, n.broadcastPath(p.host, d.from.Addr(), h))
		}
	}
	return len(out), nil
}

// broadcastPath returns the path of a broadcast from one host's address to another host. It ends at the
// first address that gets the datagram, else at the last.
func (n *Network) broadcastPath(from *Host, a netip.Addr, to *Host) path {
	p := path{from, to, pair{a, a}}
	if from == to {
		return p
	}
	for _, p.pair.to = range to.addrs {
		if p.passesDatagrams() {
			break
		}
	}
	return p
}

// sendDatagram sends a datagram along a path, with the faults of its link.
func (n *Network) sendDatagram(d datagram, way path) {
	n.traffic.Datagrams++
	if !way.passesDatagrams() {
		n.traffic.Lost++
		return
	}
	if way.from == way.to {
		n.receive(d, way)
		return
	}
	l := n.link(way.pair)
	s := n.behaviour(l)
	lost, twice, late := l.chance(s.Loss), l.chance(s.Duplicate), l.chance(s.Reorder)
	wait := l.latency(s)
	if late {
		unit := max(s.MaxLatency, s.MinLatency, time.Millisecond)
		wait += unit + time.Duration(l.rng.Int64N(2*int64(unit)+1))
		n.traffic.Reordered++
	}
	if lost {
		n.traffic.Lost++
		return
	}
	n.receiveAfter(wait, d, way)
	if twice {
		n.traffic.Duplicated++
		n.receiveAfter(l.latency(s), d, way)
	}
}

// receiveAfter calls receive after a delay.
func (n *Network) receiveAfter(wait time.Duration, d datagram, way path) {
	if wait == 0 {
		n.receive(d, way)
		return
	}
	n.scheduler.at(time.Now().Add(wait), func() { n.receive(d, way) })
}

// receive passes a datagram to every receiver of the host, unless the route was cut meanwhile.
func (n *Network) receive(d datagram, way path) {
	if !way.passesDatagrams() {
		n.traffic.Lost++
		return
	}
	for _, p := range way.to.packets {
		select {
		case p.queue <- datagram{d.from, slices.Clone(d.payload)}:
		default:
			n.traffic.Overflowed++
		}
	}
}

// Receive waits for a datagram, whose payload belongs to the caller. It returns the context's error when
// the context ends, and net.ErrClosed after Close.
func (p *Packets) Receive(ctx context.Context) (payload []byte, from netip.AddrPort, err error) {
	select {
	case <-p.done: // first, so that nothing is received after Close
	case <-ctx.Done():
		return nil, netip.AddrPort{}, ctx.Err()
	default:
		select {
		case d := <-p.queue:
			return d.payload, d.from, nil
		case <-ctx.Done():
			return nil, netip.AddrPort{}, ctx.Err()
		case <-p.done:
		}
	}
	return nil, netip.AddrPort{}, p.fail("read")
}

// Close ends Receive and Broadcast. It may be called more than once.
func (p *Packets) Close() error {
	p.host.net.mu.Lock()
	defer p.host.net.mu.Unlock()
	p.shut()
	return nil
}

func (p *Packets) shut() {
	if p.closed {
		return
	}
	p.closed = true
	close(p.done)
	p.host.release(p.port)
	p.host.packets = slices.DeleteFunc(p.host.packets, func(o *Packets) bool { return o == p })
}

// fail returns the error of a call on a closed receiver.
func (p *Packets) fail(op string) error { return &net.OpError{Op: op, Net: "udp", Err: net.ErrClosed} }
