package verify

import "chat.lan/p2pchat/net/fair"

// list is slots in the order in which they were pushed. A slot is in one list at a time.
type list struct{ first, last *slot }

// arrivals is the slots with claims in the order of Submit. Those that are taken out of turn stay until all before them
// are out, too.
type arrivals struct {
	slots []*slot // from head on
	head  int
}

func (a *arrivals) push(s *slot) {
	if a.head > 64 && a.head > len(a.slots)/2 {
		n := copy(a.slots, a.slots[a.head:])
		clear(a.slots[n:])
		a.slots, a.head = a.slots[:n], 0
	}
	a.slots = append(a.slots, s)
}

// first returns the first slot that is not out, or nil.
func (a *arrivals) first() *slot {
	for a.head < len(a.slots) && a.slots[a.head].out {
		a.slots[a.head] = nil
		a.head++
	}
	if a.head < len(a.slots) {
		return a.slots[a.head]
	}
	a.slots, a.head = a.slots[:0], 0
	return nil
}

func (l *list) push(s *slot) {
	s.next = nil
	if l.first == nil {
		l.first = s
	} else {
		l.last.next = s
	}
	l.last = s
}

func (l *list) pop() *slot {
	s := l.first
	if l.first = s.next; l.first == nil {
		l.last = nil
	}
	return s
}

// appendLocked adds a slot of a flow, and has it verified.
func (q *Queue) appendLocked(s *slot, of fair.Flow, rank int) {
	q.queued += s.cost
	q.bytes += s.size
	q.numbered++
	s.number = q.numbered
	if s.left == 0 {
		q.passing.push(s)
	} else {
		q.waiting.Push(of, rank, max(s.size, 1), s)
		q.arrived.push(s)
	}
	q.refillLocked()
}

// isEmptyLocked reports whether nothing waits for Next.
func (q *Queue) isEmptyLocked() bool {
	return q.ahead.first == nil && q.passing.first == nil && q.waiting.Len() == 0
}

// hasWorkLocked reports whether a worker may take a claim.
func (q *Queue) hasWorkLocked() bool {
	return q.work != nil || q.waiting.Len() > 0 && q.mayGoAheadLocked()
}

func (q *Queue) mayGoAheadLocked() bool {
	return q.aheadJobs < aheadJobs || q.aheadBytes < aheadBytes
}

// refillLocked calls for workers if there is work, and lets pass what needs none.
func (q *Queue) refillLocked() {
	q.passLocked()
	if q.hasWorkLocked() {
		q.pool.pushLocked(q)
		n := q.waiting.Len()
		if q.work != nil {
			n += q.work.countClaims() - q.work.taken
		} else if n == 1 {
			s, _ := q.waiting.Peek()
			n = s.left
		}
		q.pool.wakeWorkersLocked(n)
	}
	q.wakeNextLocked()
}

// passLocked moves slots without claims to ahead, once all that was submitted before them is there.
func (q *Queue) passLocked() {
	first := q.arrived.first()
	for s := q.passing.first; s != nil && (first == nil || s.number < first.number); s = q.passing.first {
		q.aheadLocked(q.passing.pop())
	}
}

func (q *Queue) aheadLocked(s *slot) {
	q.ahead.push(s)
	q.aheadJobs++
	q.aheadBytes += s.size
}

// takeLocked hands out the next claim to verify. The queue must have work.
func (q *Queue) takeLocked() (s *slot, i int) {
	if q.work == nil {
		q.work, _ = q.waiting.Pop()
		q.work.out = true
		q.aheadLocked(q.work)
		q.passLocked()
	}
	s, i = q.work, q.work.taken
	if s.taken++; s.taken == s.countClaims() {
		q.work = nil
	}
	return s, i
}

// wakeNextLocked wakes Next if it waits and has something to return.
func (q *Queue) wakeNextLocked() {
	first := q.ahead.first
	if q.nextWaits && (first != nil && first.left == 0 || q.ended && q.isEmptyLocked()) {
		q.nextWaits = false
		q.ready <- struct{}{} // taken before Next waits again, so there is place
	}
}
