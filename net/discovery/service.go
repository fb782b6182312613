package discovery

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// Config is what a Service needs. Transport and Announce must be set.
type Config struct {
	Transport Transport // the caller closes it, after Goodbye
	// Self says who we are now: all fields but IP, which is filled in for each sending address. It
	// is called by Start, Goodbye and the Service's goroutines, one at a time, and must not block.
	Self func() wire.Discovery
	// OnAnnouncement gets what others say, from one goroutine. It must not block. May be nil.
	OnAnnouncement func(Announcement)
	// OnStatus gets the status when something in it changed that a person would want to know, at most
	// once a second, from one goroutine. It must not block. May be nil.
	OnStatus func(Status)
}

// Service is running discovery. Its methods may be called from any goroutine, also from Config.Sighted
// and Config.Status, except that Goodbye must not be called from Config.Announce.
type Service struct {
	cfg       Config
	inspector Inspector        // nil if the Transport is none
	clock     func() time.Time // wall time, which goes on while the machine sleeps
	wake      chan struct{}    // holds one; the beat looks at the schedule again

	sending sync.Mutex // one beacon at a time; locked before mu
	gone    bool       // guarded by sending: Goodbye was said, nothing may follow it

	mu        sync.Mutex
	self      wire.Discovery
	schedule  schedule
	gate      gate
	instances table
	ours      [2]map[string]struct{} // datagrams of the last two beacons, to know their echo
	since     time.Time
	sent      uint64
	counts    Counts
	heardOwn  time.Time
	heardThem time.Time
	unheard   time.Time // oldest beacon since heardOwn
	sendError string
	told      Status // what Config.Status was given last
}

// Start begins to announce and to listen. Both end with g.
func Start(g *group.Group, cfg Config) *Service {
	return start(g, cfg, func() time.Time { return time.Now().Round(0) })
}

func start(g *group.Group, cfg Config, clock func() time.Time) *Service {
	now := time.Now()
	s := &Service{
		cfg:       cfg,
		clock:     clock,
		wake:      make(chan struct{}, 1),
		self:      cfg.Self(),
		schedule:  newSchedule(now),
		gate:      newGate(now),
		instances: make(table),
		since:     now,
	}
	s.inspector, _ = cfg.Transport.(Inspector)
	g.Go("discovery/receive", s.receive)
	g.Go("discovery/beat", s.beat)
	return s
}

// StartBurst sends a burst of beacons, for whoever knows of a reason: a new name or port, say. Changes of
// interfaces and wake-ups are noticed here.
func (s *Service) StartBurst() {
	s.plan(func(p *schedule) { p.burst(time.Now()) })
}

// SetLost says whether a known peer is lost, and has been for less than two minutes; the caller counts
// these. Meanwhile beacons go out every 2 s.
func (s *Service) SetLost(lost bool) {
	s.plan(func(p *schedule) { p.lost = lost })
}

// SetPeers says how many peers there are links to. The more, the rarer the beacons.
func (s *Service) SetPeers(n int) {
	s.plan(func(p *schedule) { p.peers = min(max(n, 0), maxInstances) })
}

func (s *Service) plan(change func(*schedule)) {
	s.mu.Lock()
	change(&s.schedule)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default: // the beat is already going to look
	}
}

// Goodbye tells everybody that this peer leaves; nothing is announced after it. It works also when the
// group's context has ended, while the Transport is open.
func (s *Service) Goodbye(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("discovery: goodbye: %w", err)
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.gone {
		return nil
	}
	s.gone = true
	_, err := s.broadcast(func(d *wire.Discovery) wire.Beacon { return wire.Beacon{Goodbye: d} })
	if err != nil {
		return fmt.Errorf("discovery: goodbye: %w", err)
	}
	return nil
}

// Status is how things stand now.
func (s *Service) Status() Status {
	now := time.Now()
	st := Status{}
	if s.inspector != nil {
		st.Report = s.inspector.Report()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Since, st.Sent, st.Counts = s.since, s.sent, s.counts
	st.HeardOwn, st.HeardOther = s.heardOwn, s.heardThem
	st.Others = s.instances.others(now)
	st.Troubles = troubles(now, &st, s.sendError, s.unheard, s.schedule.peers == 0)
	return st
}

// networks is the prefixes of the interfaces in use, as far as the Transport knows them.
func (s *Service) networks() []netip.Prefix {
	if s.inspector == nil {
		return nil
	}
	return s.inspector.Report().Networks
}
