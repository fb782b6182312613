package plain

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"time"

	"chat.lan/p2pchat/net/wire"
)

// A beacon's source can be forged, and so can an mDNS response's. Three such datagrams must not make us write messages
// to a third host: a mail server, a printer. So an address that is known by nothing else is probed before it gets
// anything, on the connection that then carries the first object. The seed's programs report an error for an empty
// connection, so nothing is dialled until there is something to send. An address passes if
//
//   - it is on a network that this machine is connected to, and the port is none that systems reserve for services;
//   - its host doesn't refuse a datagram to the port that it announced itself from;
//   - its port accepts a connection and says nothing for a second, as the seed's programs do.
//
// Messages wait meanwhile, and for the next attempt if this fails.

const (
	firstUserPort = 1024                   // below are the ports of services
	refusalWithin = 125 * time.Millisecond // for a host to refuse a datagram; asked twice before anything is dialled
	silentFor     = time.Second            // a server that speaks first does so within that
	probeWithin   = 2 * time.Second        // a probe that goes well is over by then; WaitSpace waits for it
	probeEvery    = 30 * time.Second       // between two attempts at an address
	keepUnproven  = 65 * time.Second       // a message for an address that doesn't pass: three attempts
	mdnsPort      = 5353
)

// ErrUnlike says why an address gets nothing: see Handler.Unlike. Errors of a probe wrap it.
var ErrUnlike = errors.New("it doesn't behave like a chat")

// mdnsQuery asks for the service of the seed's programs (RFC 6762): a datagram that belongs on the mDNS port.
const mdnsQuery = "\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05_chat\x04_udp\x05local\x00\x00\x0c\x00\x01"

// dialUnproven probes an address and returns the connection, which is ready for the first object.
func (j *jsonPeers) dialUnproven(ctx context.Context, addr netip.AddrPort, byMDNS bool) (net.Conn, error) {
	inside := func(n netip.Prefix) bool { return n.Contains(addr.Addr().Unmap().WithZone("")) }
	switch {
	case !slices.ContainsFunc(j.cfg.Networks(), inside):
		return nil, fmt.Errorf("%w: it is on no network of this machine", ErrUnlike)
	case addr.Port() < firstUserPort:
		return nil, fmt.Errorf("%w: ports below %d are for other services", ErrUnlike, firstUserPort)
	}
	knock, err := j.dialAnnouncer(ctx, addr.Addr(), byMDNS)
	if err != nil {
		return nil, err
	}
	defer knock.Close()
	for range 2 {
		if err := knock.awaitRefusal(refusalWithin); err != nil {
			return nil, err
		}
	}
	conn, err := j.dial(ctx, addr.String())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnlike, err)
	}
	err = awaitSilence(ctx, conn)
	if err == nil {
		err = knock.awaitRefusal(time.Millisecond) // a host may be slow
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// announcer is a UDP socket to where a peer announces itself. It is connected, since no other socket hears of refusals.
type announcer struct {
	net.Conn
	datagram []byte
}

// dialAnnouncer connects to the port that a peer's beacons or its mDNS responses are sent to.
func (j *jsonPeers) dialAnnouncer(ctx context.Context, host netip.Addr, byMDNS bool) (*announcer, error) {
	port, datagram := j.cfg.BeaconPort, []byte(mdnsQuery)
	if byMDNS {
		port = mdnsPort
	} else {
		var err error
		if datagram, err = (wire.Beacon{Heartbeat: j.cfg.Self().ID}).Encode(); err != nil {
			return nil, err
		}
	}
	conn, err := j.cfg.Dial(ctx, "udp", net.JoinHostPort(host.String(), strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnlike, err)
	}
	return &announcer{conn, datagram}, nil
}

// awaitRefusal sends the datagram and returns an error if the host refuses it, or one before, within a time.
func (a *announcer) awaitRefusal(within time.Duration) error {
	_ = a.SetDeadline(time.Now().Add(within))
	_, err := a.Write(a.datagram)
	for buf := make([]byte, maxObject); err == nil; {
		_, err = a.Read(buf) // an answer is none to the question
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrUnlike, err)
}

// awaitSilence returns an error if the other side speaks or hangs up before we have said anything.
func awaitSilence(ctx context.Context, conn net.Conn) error {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	_ = conn.SetReadDeadline(time.Now().Add(silentFor))
	switch n, err := conn.Read(make([]byte, 1)); {
	case n > 0:
		return fmt.Errorf("%w: it speaks first", ErrUnlike)
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: it hangs up", ErrUnlike)
	}
	return conn.SetReadDeadline(time.Time{})
}

// mayProbeLocked reports whether an address may be probed now: it was never, or not lately.
func (j *jsonPeers) mayProbeLocked(addr netip.AddrPort, now time.Time) bool {
	if failed, ever := j.unlike[addr]; ever {
		return now.Sub(failed) >= probeEvery
	}
	if len(j.unlike) >= maxRemembered {
		j.forgetUnlikeLocked(now)
	}
	return len(j.unlike) < maxRemembered
}

// forgetUnlikeLocked forgets the attempts that failed so long ago that their addresses may be probed again.
func (j *jsonPeers) forgetUnlikeLocked(now time.Time) {
	maps.DeleteFunc(j.unlike, func(_ netip.AddrPort, failed time.Time) bool { return now.Sub(failed) >= probeEvery })
}

// notePassedLocked notes that an address has passed: it gets what waits, and what comes, at once.
func (j *jsonPeers) notePassedLocked(pe *jsonPeer) {
	pe.proven, pe.unlike, pe.probedAt = true, false, time.Time{}
	delete(j.unlike, pe.Addr)
}

// noteUnlikeLocked notes that an address hasn't passed, at an attempt that began then. unsent goes back to the queue.
func (j *jsonPeers) noteUnlikeLocked(pe *jsonPeer, addr netip.AddrPort, began time.Time, unsent outgoing) {
	j.forgetUnlikeLocked(began)
	j.unlike[addr] = began
	pe.unlike, pe.probedAt = true, time.Time{}
	if !j.leaving.Load() && j.byAddr[pe.Addr] == pe {
		pe.queue = append([]outgoing{unsent}, pe.queue...)
	} else {
		pe.queue = nil
	}
	if len(j.reportedUnlike) >= maxRemembered {
		clear(j.reportedUnlike) // better twice than never
	}
	if _, again := j.reportedUnlike[addr.Addr()]; !again {
		j.reportedUnlike[addr.Addr()] = struct{}{}
		j.group.Go("plain/unlike", func(context.Context) { j.cfg.Handler.Unlike(addr) })
	}
	j.progress.notify() // no one waits for it any more
}
