// Package mdns announces this peer as the newest seed program does, and finds other peers that do. The
// service is _chat._udp.local; TXT holds app=p2pchat and peer_id=<uuid>, and SRV the port (RFC 6762). A
// native peer adds v=1 and key=<key> to TXT.
//
// The records are hashicorp/mdns's, but not its sockets. Those join the group on the system's default
// interface and answer on all, although --interface must exclude interfaces. They fail without a default
// route. And they answer by unicast to port 5353, which reaches only one of a machine's programs. Here
// each interface has two sockets:
//
//	shared  port 5353, shared with other programs, joined to 224.0.0.251 on the interface alone. It
//	        receives queries and multicast responses, and sends ours: receivers demand that port
//	query   any port; sends queries, and receives the unicast responses to them
//
// A query from port 5353 is answered by multicast whatever it asks for, so that every program of that
// machine receives the answer. Any other query is answered to its sender (RFC 6762 §6.7), if the sender is
// on the interface's own network. A found peer is an unauthenticated hint, at the address that the packet
// came from: a false A record changes nothing.
package mdns

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// Port is the UDP port of mDNS.
const Port = 5353

const (
	service  = "_chat._udp"
	domain   = "local."
	fullName = service + "." + domain

	queryEvery     = 10 * time.Second // a plain peer is late after 30 s
	pollEvery      = time.Second      // between two looks at the interfaces and our name
	multicastEvery = time.Second      // between two answers to the group, of an interface (RFC 6762 §6)
	perSecond      = 50               // packets of one socket that are decoded
	maxPacket      = 9000             // bytes (RFC 6762 §17)
)

// burst is when queries and announcements go out, after a start or a change.
var burst = []time.Duration{0, time.Second, 3 * time.Second}

// Self describes the local peer for others.
type Self struct {
	ID   string // uuid
	Name string
	Port int
	Key  identity.Key
}

// Config configures a Service; all but Port must be set. Any goroutine may call the functions,
// which must not block.
type Config struct {
	Self func() Self
	// Interfaces returns the names of the interfaces to use now. The Service calls it every second, and
	// uses loopback only if it is the only one.
	Interfaces func() []string
	// Found is called with a found peer, as a Discovery without IP, and its address. Native peers have V
	// and Key set. It is called again and again while the peer is there.
	Found func(d wire.Discovery, at netip.AddrPort)
	Port  int // for tests; 0 means Port
	Log   *slog.Logger
}

// Service announces the local peer and finds others. Its methods may be called from any goroutine.
type Service struct {
	cfg   Config
	group *group.Group

	mu     sync.Mutex
	nics   map[string]*nic   // by name
	failed map[string]string // why, by name; as last logged
	gone   bool
}

// Start starts to announce and to search. Both end with g. An interface that can't be used is no error:
// the Service logs it and tries again.
func Start(g *group.Group, cfg Config) *Service {
	cfg.Port = cmp.Or(cfg.Port, Port)
	s := &Service{cfg: cfg, group: g, nics: map[string]*nic{}, failed: map[string]string{}}
	g.Go("mdns/run", s.run)
	return s
}

// Leave announces that the local peer is gone, and ends the Service. It waits for no answer.
func (s *Service) Leave() { s.end(true) }

func (s *Service) end(goodbye bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	for _, n := range s.nics {
		if goodbye {
			n.multicast(n.packAnnouncement(true))
		}
		n.close()
	}
	clear(s.nics)
}

// run looks at the interfaces every second, and sends queries and announcements when they are due.
func (s *Service) run(ctx context.Context) {
	defer s.end(false)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var begun, asked time.Time
	var announced Self
	sent := len(burst)
	for {
		if now := time.Now(); s.refresh() || announced != s.cfg.Self() {
			begun, sent, announced = now, 0, s.cfg.Self()
		}
		now := time.Now()
		announce := sent < len(burst) && now.Sub(begun) >= burst[sent]
		if announce {
			sent++
		}
		if announce || now.Sub(asked) >= queryEvery {
			asked = now
			s.query(announce)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// query sends a query on each interface, after an announcement if there shall be one.
func (s *Service) query(announce bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nics {
		if announce {
			n.multicast(n.packAnnouncement(false))
		}
		n.send(n.query, packQuestion(), n.groupAddr()) // peers answer to this socket, or to the group
	}
}

// refresh opens and closes interfaces, and reports whether it opened any.
func (s *Service) refresh() (opened bool) {
	names := s.cfg.Interfaces()
	found, failed := map[string]*nic{}, map[string]string{}
	for _, name := range names {
		if n, err := findNIC(name, len(names) == 1); err != nil {
			failed[name] = err.Error()
		} else if n != nil {
			found[name] = n
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return false
	}
	for name, old := range s.nics {
		if n := found[name]; n == nil || n.Index != old.Index || !slices.Equal(n.Prefixes, old.Prefixes) || old.broken.Load() {
			old.close()
			delete(s.nics, name)
		}
	}
	for name, n := range found {
		if s.nics[name] != nil {
			continue
		}
		n.s = s
		if err := n.open(); err != nil {
			failed[name] = err.Error()
			continue
		}
		s.nics[name] = n
		opened = true
	}
	for name, why := range failed {
		if s.failed[name] != why {
			s.cfg.Log.Info("mdns", "interface", name, "error", why)
		}
	}
	s.failed = failed
	return opened
}
