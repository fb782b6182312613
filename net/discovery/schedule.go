package discovery

import (
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"
)

// burst is when the beacons of a burst go out, after its start. A switch that is still learning, or Wi-Fi
// that drops a tenth of all broadcasts, may lose the first.
var burst = [...]time.Duration{0, 250 * time.Millisecond, time.Second, 3 * time.Second}

// replyRate and replyBurst bound the answers to new instances, so that invented instances can't make
// every peer of the network broadcast at their rate.
const (
	replyRate  = 0.5 // a second
	replyBurst = 8
)

// Times of answers and Heartbeats.
const (
	spreadPerPeer  = 20 * time.Millisecond   // the answers to a newcomer are spread over so much for each peer …
	spreadMost     = time.Second             // … up to this
	heartbeatLeast = 1250 * time.Millisecond // between two Heartbeats; more than that is between beacons outside bursts
)

// schedule computes when the next beacon is due. The Service has the clock and the lock.
type schedule struct {
	started   time.Time // start of the burst
	step      int       // index in burst of its next beacon; len(burst) when it is over
	last      time.Time // last beacon; zero before the first
	heartbeat time.Time // when the last Heartbeat went with one; zero before the first
	share     float64   // part of the interval to wait after last, 0.75–1

	peers   int
	lost    bool
	replyAt time.Time // when to answer a new instance; zero if none waits
	replies *rate.Limiter
}

func newSchedule(now time.Time) schedule {
	return schedule{started: now, share: 1, replies: rate.NewLimiter(replyRate, replyBurst)}
}

// scheduleReply makes a beacon due at once, in answer to a new instance. With many peers the answers spread over up to
// a second: a newcomer reads only so many in a second, and one answer then serves all newcomers of that time. No answer
// is needed if a burst says the same by then.
func (s *schedule) scheduleReply(now time.Time) {
	spread := min(time.Duration(s.peers)*spreadPerPeer, spreadMost)
	if s.step < len(burst) && s.started.Add(burst[s.step]).Sub(now) <= spread {
		return
	}
	if !s.replyAt.IsZero() || !s.replies.AllowN(now, 1) {
		return
	}
	s.replyAt = now.Add(time.Duration(rand.Float64() * float64(spread)))
}

// takeHeartbeat reports whether a Heartbeat goes with the beacon of now. The one of a moment ago says the same.
func (s *schedule) takeHeartbeat(now time.Time) bool {
	due := s.heartbeat.IsZero() || now.Sub(s.heartbeat) >= heartbeatLeast
	if due {
		s.heartbeat = now
	}
	return due
}

// interval returns the time between beacons outside bursts, without the random part.
func (s *schedule) interval() time.Duration {
	if s.lost {
		return searching
	}
	return min(ordinary+time.Duration(s.peers)*stretch, longest)
}

// next returns when the next beacon is due.
func (s *schedule) next() time.Time {
	at := s.last.Add(time.Duration(float64(s.interval()) * s.share))
	if s.step < len(burst) {
		if t := s.started.Add(burst[s.step]); s.last.IsZero() || t.Before(at) {
			at = t
		}
	}
	if !s.replyAt.IsZero() && s.replyAt.Before(at) {
		at = s.replyAt
	}
	if floor := s.last.Add(shortest); !s.last.IsZero() && at.Before(floor) {
		at = floor
	}
	return at
}

// markSent records that a beacon went out. It counts for everything that was due by then.
func (s *schedule) markSent(now time.Time) {
	s.last = now
	s.share = 1 - rand.Float64()/4
	s.replyAt = time.Time{}
	for s.step < len(burst) && !s.started.Add(burst[s.step]).After(now) {
		s.step++
	}
}
