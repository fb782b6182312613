package discovery

import (
	"context"
	"fmt"
	"sync"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// Config configures a Service. All fields must be set.
type Config struct {
	Transport Transport // the caller closes it, after Goodbye
	// Self returns the local peer's Discovery without IP, which the Service fills in for each sending
	// address. Start, Goodbye and the Service's goroutines call it one at a time. It must not block.
	Self func() wire.Discovery
	// OnAnnouncement is called with announcements of others, from a single goroutine. It must not block.
	OnAnnouncement func(Announcement)
	// OnStatus is called when something in the status has changed that matters to a person, at most once a
	// second and from a single goroutine. It must not block.
	OnStatus func(Status)
}

// Service runs discovery. Its methods may be called from any goroutine, also from OnAnnouncement and
// OnStatus. Goodbye must not be called from Config.Self.
type Service struct {
	cfg       Config
	inspector Inspector        // nil if the Transport isn't an Inspector
	clock     func() time.Time // wall time, which goes on while the machine sleeps
	wake      chan struct{}    // size 1; makes the announcer look at the schedule again

	// sending is held while a beacon goes out. Lock order: sending, then mu.
	sending     sync.Mutex
	saidGoodbye bool // no beacon may follow the Goodbye

	mu         sync.Mutex
	self       wire.Discovery
	schedule   schedule
	filter     filter
	instances  instanceTable
	ours       [2]map[string]struct{} // datagrams of the last two beacons, to recognise their echo
	since      time.Time
	heardOther time.Time
	sendError  string // why the last beacon failed everywhere, or ""
}

// Start starts to announce and to listen. Both end with g.
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
		filter:    newFilter(),
		instances: make(instanceTable),
		since:     now,
	}
	s.inspector, _ = cfg.Transport.(Inspector)
	g.Go("discovery/receive", s.receive)
	g.Go("discovery/announce", s.runAnnouncer)
	return s
}

// StartBurst sends a burst of beacons, after a change of name or port for instance. The Service itself
// notices changes of interfaces and wake-ups.
func (s *Service) StartBurst() {
	s.reschedule(func(p *schedule) { p.started, p.step = time.Now(), 0 })
}

// SetLost says whether a known peer has been lost for less than two minutes. Meanwhile beacons go out
// every 2 s.
func (s *Service) SetLost(lost bool) {
	s.reschedule(func(p *schedule) { p.lost = lost })
}

// SetPeers says how many peers are linked. The more there are, the rarer beacons become.
func (s *Service) SetPeers(n int) {
	s.reschedule(func(p *schedule) { p.peers = min(max(n, 0), maxInstances) })
}

func (s *Service) reschedule(change func(*schedule)) {
	s.mu.Lock()
	change(&s.schedule)
	s.mu.Unlock()
	s.wakeAnnouncer()
}

func (s *Service) wakeAnnouncer() {
	select {
	case s.wake <- struct{}{}:
	default: // it looks already
	}
}

// Goodbye broadcasts that the local peer leaves. No beacon follows it. It works after the group's context
// has ended, as long as the Transport is open.
func (s *Service) Goodbye(ctx context.Context) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	err := ctx.Err()
	if err == nil && !s.saidGoodbye {
		s.saidGoodbye = true
		_, err = s.broadcastLocked(func(d *wire.Discovery) wire.Beacon { return wire.Beacon{Goodbye: d} })
	}
	if err != nil {
		return fmt.Errorf("discovery: goodbye: %w", err)
	}
	return nil
}

// Status returns the present status.
func (s *Service) Status() Status {
	var report Report
	if s.inspector != nil {
		report = s.inspector.Report()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	st := Status{Since: s.since, Report: report, HeardOther: s.heardOther, Others: s.instances.countOthers(now)}
	st.Troubles = diagnose(now, &st, s.sendError, s.schedule.peers == 0)
	return st
}
