package discovery

import (
	"math/rand/v2"
	"time"
)

// burst is when the beacons of a burst go out, after its start: the first may meet a switch that is
// still learning or a Wi-Fi that loses one in ten.
var burst = [...]time.Duration{0, 250 * time.Millisecond, time.Second, 3 * time.Second}

// answerRate and answerBurst bound the answers to new instances: whoever makes up instances must not
// make every peer of the network broadcast at his rate.
const (
	answerRate  = 0.5 // a second
	answerBurst = 8
)

// schedule says when the next beacon is due. It only computes; the Service has the clock and the lock.
type schedule struct {
	started time.Time // start of the burst
	step    int       // index in burst of its next beacon; len(burst) when it is over
	last    time.Time // last beacon; zero before the first
	share   float64   // of the interval that is waited after last, 0.75–1

	peers   int
	lost    bool
	answer  time.Time // when to answer a new instance; zero if none waits
	answers bucket
}

func newSchedule(now time.Time) schedule {
	return schedule{started: now, share: 1, answers: newBucket(answerRate, answerBurst, now)}
}

// burst starts a new burst, also in the middle of one.
func (s *schedule) burst(now time.Time) { s.started, s.step = now, 0 }

// reply asks for a beacon at once, because a new instance was heard. With many peers the answers are
// spread over a quarter of a second, so that they don't all meet in the newcomer's socket.
func (s *schedule) reply(now time.Time) {
	if !s.answer.IsZero() || !s.answers.take(now) {
		return
	}
	spread := min(time.Duration(s.peers)*2*time.Millisecond, shortest)
	s.answer = now.Add(time.Duration(rand.Float64() * float64(spread)))
}

// interval is the time between beacons outside bursts, before the random part is taken away.
func (s *schedule) interval() time.Duration {
	if s.lost {
		return searching
	}
	return min(ordinary+time.Duration(s.peers)*stretch, longest)
}

// next is when the next beacon is due.
func (s *schedule) next() time.Time {
	at := s.last.Add(time.Duration(float64(s.interval()) * s.share))
	if s.step < len(burst) {
		if t := s.started.Add(burst[s.step]); s.last.IsZero() || t.Before(at) {
			at = t
		}
	}
	if !s.answer.IsZero() && s.answer.Before(at) {
		at = s.answer
	}
	if floor := s.last.Add(shortest); !s.last.IsZero() && at.Before(floor) {
		at = floor
	}
	return at
}

// sent notes that a beacon went out. It serves for everything that was due by then.
func (s *schedule) sent(now time.Time) {
	s.last = now
	s.share = 1 - rand.Float64()/4
	s.answer = time.Time{}
	for s.step < len(burst) && !s.started.Add(burst[s.step]).After(now) {
		s.step++
	}
}
