// Package mdns announces this peer as the newest seed program does, and finds those that do: service
// _chat._udp.local, TXT app=p2pchat and peer_id=<uuid>, the port in SRV (DESIGN.md §9, RFC 6762).
//
// The records are hashicorp/mdns's. Its sockets are not used: they join the group on the system's default
// interface and answer what came in by any, and --interface must leave interfaces out; they fail without
// a default route; and they answer by unicast to port 5353, which reaches only one of the programs of a
// machine. Here, for each interface:
//
//	group   port 5353, shared, joined to 224.0.0.251 there; what came in elsewhere is dropped. It hears
//	        queries and multicast responses, and sends ours: from port 5353, as receivers demand
//	query   any port; sends queries, and hears the unicast responses to them
//
// A query that comes from port 5353 is answered by multicast whatever it asks for, so that every program
// of that machine hears it; any other is answered to its sender (RFC 6762 §6.7), if that is on the
// interface's own network. What is found is a hint from nobody in particular, at the address that the
// packet came from: A records are not believed.
package mdns

import (
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

// Port is mDNS's.
const Port = 5353

const (
	service  = "_chat._udp"
	domain   = "local."
	fullName = service + "." + domain

	queryEvery     = 10 * time.Second // a plain peer is late after 30 s
	pollEvery      = time.Second      // look at the interfaces and at our name
	multicastEvery = time.Second      // answers to the group, of one interface (RFC 6762 §6)
	perSecond      = 50               // packets of one socket that are looked at
	maxPacket      = 9000             // bytes (RFC 6762 §17)
)

// burst is when queries and announcements go out after a start or a change, since then.
var burst = []time.Duration{0, time.Second, 3 * time.Second}

// Self is who is announced.
type Self struct {
	ID   string // uuid
	Name string
	Port int
	Key  identity.Key
}

// Config is what a Service needs; all but Port and Log must be set. The functions are called from any
// goroutine and must not block.
type Config struct {
	Self func() Self
	// Interfaces names those to use now; it is asked every second. Loopback is used only if it is the
	// only one.
	Interfaces func() []string
	// Found gets who was found, as a Discovery without ip, and the address it is at. Native ones, whose
	// V and Key are set, are found too. It comes again for as long as the peer is there.
	Found func(d wire.Discovery, at netip.AddrPort)
	Port  int          // 0: Port. For tests
	Log   *slog.Logger // nil: slog's default
}

// Service announces and finds. Its methods may be called from any goroutine.
type Service struct {
	cfg   Config
	log   *slog.Logger
	group *group.Group

	mu      sync.Mutex
	nics    map[string]*nic // by name
	trouble map[string]string
	gone    bool
}

// Start begins to announce and to look. It ends with g. An interface that can't be used is no error:
// Trouble tells, and it is tried again.
func Start(g *group.Group, cfg Config) *Service {
	if cfg.Port == 0 {
		cfg.Port = Port
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Service{cfg: cfg, log: cfg.Log, group: g, nics: map[string]*nic{}, trouble: map[string]string{}}
	g.Go("mdns/beat", s.beat)
	return s
}

// Trouble says what is wrong with each interface that can't be used, by name.
func (s *Service) Trouble() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]string, len(s.trouble))
	for name, text := range s.trouble {
		out[name] = text
	}
	return out
}

// Leave tells everybody that this peer is gone, and ends all. It doesn't wait for anybody.
func (s *Service) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone {
		return
	}
	s.gone = true
	for _, n := range s.nics {
		n.multicast(n.goodbye())
		n.close()
	}
	clear(s.nics)
}

// beat looks at the interfaces, and sends what is due.
func (s *Service) beat(ctx context.Context) {
	defer s.end()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var begun, asked time.Time
	var told Self
	sent := len(burst)
	for {
		if now := time.Now(); s.refresh() || told != s.cfg.Self() {
			begun, sent, told = now, 0, s.cfg.Self()
		}
		now := time.Now()
		switch {
		case sent < len(burst) && now.Sub(begun) >= burst[sent]:
			sent++
			asked = now
			s.each(func(n *nic) { n.multicast(n.announcement()); n.ask() })
		case now.Sub(asked) >= queryEvery:
			asked = now
			s.each((*nic).ask)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Service) each(f func(*nic)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.nics {
		f(n)
	}
}

func (s *Service) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = true
	for _, n := range s.nics {
		n.close()
	}
	clear(s.nics)
}

// refresh opens and closes interfaces, and reports whether one was opened.
func (s *Service) refresh() (opened bool) {
	names := s.cfg.Interfaces()
	found := map[string]*nic{}
	trouble := map[string]string{}
	for _, name := range names {
		n, err := findNIC(name, len(names) == 1)
		if err != nil {
			trouble[name] = err.Error()
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
			trouble[name] = err.Error()
			if s.trouble[name] != trouble[name] {
				s.log.Info("mdns", "interface", name, "error", err)
			}
			continue
		}
		s.nics[name] = n
		opened = true
	}
	s.trouble = trouble
	return opened
}
