// Package fair shares work between those it is done for, so that no one waits behind another's flood.
//
// A Flow names whose work something is: a key, and the group of keys it shares with, such as all keys of one address.
// A Queue keeps the order of each key's work. Between keys it serves by bytes: first each group gets the same, then
// each key within its group. A key that sends little is always served next, whatever waits of others.
//
// It is start-time fair queueing (Goyal, Vin and Cheng, 1996), in two levels. A key's work begins, in virtual time,
// where its work before ended, or now if it had none. What begins first is served first; of equals the greater rank,
// then the smaller, then what came first. A group has the rank of the work with which it begins to wait. So there is no
// clock, no quantum and no tuning.
package fair

import (
	"cmp"
	"container/heap"
	"net/netip"

	"chat.lan/p2pchat/crypto/identity"
)

// Flow names whose work something is. The zero Flow is one as any other.
type Flow struct {
	Group Group
	Key   identity.Key
}

// Group names flows that share one part: those from one network, or of one kind. Groups compare with ==, and the zero
// Group is one as any other.
type Group struct {
	Kind string
	From netip.Prefix
}

// How many idle flows a queue remembers at most, while it is busy and once it is empty. Forgetting one costs the
// others its last message.
const (
	maxIdle = 4096
	maxKept = 64
)

// maxSpare is how many places for work an idle flow keeps.
const maxSpare = 64

// Queue holds the work that waits, of values of type T. It is not safe for use by several goroutines. The zero Queue
// is empty. Each call costs O(log n) of the number of flows.
type Queue[T any] struct {
	flows  map[identity.Key]*flow[T] // idle ones too
	recent *flow[T]                  // the flow that find returned last; nil: none
	groups map[Group]*group[T]       // each with at least one flow
	busy   schedule[*group[T]]
	joined uint64
	length int
	bytes  int
}

// group is the flows that share one group's part.
type group[T any] struct {
	tags
	name   Group
	flows  int // idle ones too
	busy   schedule[*flow[T]]
	length int
	bytes  int
}

// flow is one key's work.
type flow[T any] struct {
	tags
	key   identity.Key
	group *group[T]
	work  []item[T] // from head on
	head  int
	bytes int
}

type item[T any] struct {
	size  int
	value T
}

// Push adds work of a flow. size is what it costs; rank decides between flows that are equal. While a key has work
// that waits, it stays in the group in which that is, so that its order stays.
func (q *Queue[T]) Push(of Flow, rank, size int, value T) {
	f := q.flowOf(of)
	g := f.group
	f.push(item[T]{size, value})
	q.joined++
	if f.len() == 1 {
		g.busy.start(f, rank, size, q.joined)
	}
	if g.length == 0 {
		q.busy.start(g, rank, size, q.joined)
	}
	f.bytes += size
	g.length, g.bytes = g.length+1, g.bytes+size
	q.length, q.bytes = q.length+1, q.bytes+size
}

// flowOf returns the flow of a key, in its group.
func (q *Queue[T]) flowOf(of Flow) *flow[T] {
	f := q.find(of.Key)
	if f != nil && (f.len() > 0 || f.group.name == of.Group) {
		return f
	}
	if f != nil {
		q.forget(f)
	}
	q.forgetIdle(maxIdle)
	if q.flows == nil {
		q.flows, q.groups = map[identity.Key]*flow[T]{}, map[Group]*group[T]{}
	}
	g := q.groups[of.Group]
	if g == nil {
		g = &group[T]{name: of.Group}
		q.groups[of.Group] = g
	}
	g.flows++
	f = &flow[T]{key: of.Key, group: g}
	q.flows[of.Key] = f
	return f
}

// find returns the flow of a key, or nil. Mostly it is the one as before.
func (q *Queue[T]) find(key identity.Key) *flow[T] {
	if q.recent == nil || q.recent.key != key {
		q.recent = q.flows[key]
	}
	return q.recent
}

// forget forgets an idle flow, and its group with the last one.
func (q *Queue[T]) forget(f *flow[T]) {
	if q.recent == f {
		q.recent = nil
	}
	delete(q.flows, f.key)
	if f.group.flows--; f.group.flows == 0 {
		delete(q.groups, f.group.name)
	}
}

// forgetIdle forgets flows that have nothing waiting, once they are many.
func (q *Queue[T]) forgetIdle(many int) {
	if len(q.flows)-q.length < many {
		return
	}
	for _, f := range q.flows {
		if f.len() == 0 {
			q.forget(f)
		}
	}
}

// Peek returns what Pop would return. The queue must not be empty.
func (q *Queue[T]) Peek() (value T, size int) {
	f := q.busy.waiting[0].busy.waiting[0]
	return f.work[f.head].value, f.work[f.head].size
}

// Pop removes the work that is served next. The queue must not be empty.
func (q *Queue[T]) Pop() (value T, size int) {
	g := q.busy.waiting[0]
	f := g.busy.waiting[0]
	w := f.pop()
	f.bytes -= w.size
	g.length, g.bytes = g.length-1, g.bytes-w.size
	q.length, q.bytes = q.length-1, q.bytes-w.size
	g.busy.serve(w.size, f.nextSize())
	q.busy.serve(w.size, g.nextSize())
	if q.length == 0 {
		q.forgetIdle(maxKept)
	}
	return w.value, w.size
}

// Len returns how many values wait.
func (q *Queue[T]) Len() int { return q.length }

// Bytes returns the sum of their sizes.
func (q *Queue[T]) Bytes() int { return q.bytes }

// Of returns how much waits of a flow, and of its whole group.
func (q *Queue[T]) Of(of Flow) (own, shared Usage) {
	var g *group[T]
	switch f := q.find(of.Key); {
	case f != nil && f.len() > 0:
		own, g = Usage{f.len(), f.bytes}, f.group
	case f != nil && f.group.name == of.Group:
		g = f.group
	default:
		g = q.groups[of.Group]
	}
	if g != nil {
		shared = Usage{g.length, g.bytes}
	}
	return own, shared
}

// Usage is how much waits.
type Usage struct{ Len, Bytes int }

func (f *flow[T]) len() int { return len(f.work) - f.head }

// nextSize returns the size of a flow's first work, or -1 if it has none.
func (f *flow[T]) nextSize() int {
	if f.len() == 0 {
		return -1
	}
	return f.work[f.head].size
}

// nextSize returns the size of the work that a group serves next, or -1 if it has none.
func (g *group[T]) nextSize() int {
	if g.length == 0 {
		return -1
	}
	return g.busy.waiting[0].nextSize()
}

func (f *flow[T]) push(w item[T]) {
	if f.head > 64 && f.head > len(f.work)/2 {
		n := copy(f.work, f.work[f.head:])
		clear(f.work[n:])
		f.work, f.head = f.work[:n], 0
	}
	f.work = append(f.work, w)
}

func (f *flow[T]) pop() item[T] {
	w := f.work[f.head]
	f.work[f.head] = item[T]{}
	if f.head++; f.head == len(f.work) {
		f.work, f.head = f.work[:0], 0
		if cap(f.work) > maxSpare {
			f.work = nil
		}
	}
	return w
}

// tags says when a flow or a group is served.
type tags struct {
	start, finish int // in virtual time: of its first work, and of the work that was served last
	rank, size    int // size: of its first work
	joined        uint64
}

func (t *tags) tagged() *tags { return t }

// schedule orders those that have work.
type schedule[E interface{ tagged() *tags }] struct {
	now     int // virtual time: the start of what was served last, or where all ended if nothing waits
	end     int // the latest finish so far
	waiting []E // a heap
}

// start adds one that had no work.
func (s *schedule[E]) start(e E, rank, size int, joined uint64) {
	t := e.tagged()
	t.start, t.rank, t.size, t.joined = max(s.now, t.finish), rank, size, joined
	heap.Push(s, e)
}

// serve accounts for work of the first one, whose next work has the size next, or which leaves if that is negative.
func (s *schedule[E]) serve(size, next int) {
	t := s.waiting[0].tagged()
	s.now = t.start
	t.finish = t.start + size
	s.end = max(s.end, t.finish)
	if t.start, t.size = t.finish, next; next >= 0 {
		heap.Fix(s, 0)
	} else {
		heap.Pop(s)
		if len(s.waiting) == 0 {
			s.now = s.end // no one has an advantage any more
		}
	}
}

// Len implements heap.Interface.
func (s *schedule[E]) Len() int { return len(s.waiting) }

// Less implements heap.Interface.
func (s *schedule[E]) Less(i, j int) bool {
	a, b := s.waiting[i].tagged(), s.waiting[j].tagged()
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(b.rank, a.rank), cmp.Compare(a.size, b.size), cmp.Compare(a.joined, b.joined)) < 0
}

// Swap implements heap.Interface.
func (s *schedule[E]) Swap(i, j int) { s.waiting[i], s.waiting[j] = s.waiting[j], s.waiting[i] }

// Push implements heap.Interface.
func (s *schedule[E]) Push(x any) { s.waiting = append(s.waiting, x.(E)) }

// Pop implements heap.Interface.
func (s *schedule[E]) Pop() any {
	last := len(s.waiting) - 1
	e := s.waiting[last]
	var none E
	s.waiting[last] = none
	s.waiting = s.waiting[:last]
	return e
}
