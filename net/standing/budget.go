package standing

import (
	"cmp"
	"container/heap"
)

// linkLocalSources is how many sources all IPv6 link-local addresses count as.
const linkLocalSources = 16

// Budget is a limit that keys share. It is not safe for use by several goroutines. Each call costs O(log n) of the
// number of keys. Victim looks at all of them where only known keys are left.
type Budget[K comparable] struct {
	limit     int
	strangers int // how much all keys that aren't known may use together
	used      int
	users     map[K]*user[K]
	levels    [levels]level[K]
	joined    uint64
	canGive   func(K) (can, last bool) // nil: all keys give alike
	heardPart int                      // see KeepForHeard; zero: heard keys give way before all others
}

// level holds the keys of one level by source.
type level[K comparable] struct {
	used      int
	sources   map[Source]*pool[K]
	others    rankHeap[*pool[K]] // all but IPv6 link-local ones
	linkLocal rankHeap[*pool[K]]
	local     int // used by link-local sources
}

// pool holds the keys of one source at one level.
type pool[K comparable] struct {
	source Source
	used   int
	joined uint64 // when its first key came
	users  rankHeap[*user[K]]
	aside  int // keys that are set aside: they aren't in users
	index  int // in its heap
}

// user is one key's use of a budget.
type user[K comparable] struct {
	key    K
	level  Level
	used   int
	joined uint64
	pool   *pool[K]
	aside  bool // neither it nor what it uses counts; see MakeSpace
	index  int  // in the pool's heap
}

// NewBudget returns a budget of limit units, of which keys that aren't known may use strangers together.
func NewBudget[K comparable](limit, strangers int) *Budget[K] {
	b := &Budget[K]{limit: limit, strangers: min(limit, strangers), users: map[K]*user[K]{}}
	for i := range b.levels {
		b.levels[i].sources = map[Source]*pool[K]{}
	}
	return b
}

// Limit returns how many units the budget has.
func (b *Budget[K]) Limit() int { return b.limit }

// Used returns how many units are used by all keys together.
func (b *Budget[K]) Used() int { return b.used }

// UsedBy returns how many units a key uses.
func (b *Budget[K]) UsedBy(key K) int {
	if u := b.users[key]; u != nil {
		return u.used
	}
	return 0
}

// HasFree reports whether nothing is over when a key of a level uses n units more.
func (b *Budget[K]) HasFree(level Level, n int) bool {
	return b.used+n <= b.limit && (level == Known || b.levels[Heard].used+b.levels[Met].used+n <= b.strangers)
}

// Add adds n units to a key's use, or takes them away if n is negative. It never refuses: the caller then asks Victim
// until nothing is over. A key that uses nothing any more is forgotten. level and source replace those before, but an
// unknown source doesn't: else all keys that no one handed on just now would share one.
func (b *Budget[K]) Add(key K, level Level, source Source, n int) {
	u := b.users[key]
	if u != nil && source == (Source{}) {
		source = u.pool.source
	}
	if u != nil && u.aside {
		b.takeBack(u)
	}
	switch {
	case u == nil && n <= 0:
		return
	case u == nil:
		b.joined++
		u = &user[K]{key: key, joined: b.joined}
		b.users[key] = u
	case u.level == level && u.pool.source == source && u.used+n > 0: // as mostly: it stays where it is
		u.used += n
		b.change(u, n)
		heap.Fix(&u.pool.users, u.index)
		return
	default:
		b.leave(u)
	}
	if u.used = max(0, u.used+n); u.used == 0 {
		delete(b.users, key)
		return
	}
	u.level = level
	b.enter(u, source)
}

// Take takes n units away from a key, whose level and source stay.
func (b *Budget[K]) Take(key K, n int) {
	if u := b.users[key]; u != nil {
		b.Add(key, u.level, u.pool.source, -n)
	}
}

// enter adds the user to the pool of its level and source.
func (b *Budget[K]) enter(u *user[K], source Source) {
	l := &b.levels[u.level]
	p := l.sources[source]
	if p == nil {
		p = &pool[K]{source: source, joined: u.joined}
		l.sources[source] = p
		heap.Push(l.heapOf(source), p)
	}
	u.pool = p
	heap.Push(&p.users, u)
	b.change(u, u.used)
}

// leave removes the user from its pool, and an empty pool from its level.
func (b *Budget[K]) leave(u *user[K]) {
	p := u.pool
	b.change(u, -u.used)
	heap.Remove(&p.users, u.index)
	if len(p.users)+p.aside == 0 {
		l := &b.levels[u.level]
		heap.Remove(l.heapOf(p.source), p.index)
		delete(l.sources, p.source)
	}
}

// change adds n to all sums that a user is part of.
func (b *Budget[K]) change(u *user[K], n int) {
	l := &b.levels[u.level]
	b.used += n
	l.used += n
	u.pool.used += n
	if u.pool.source.isLinkLocal() {
		l.local += n
	}
	heap.Fix(l.heapOf(u.pool.source), u.pool.index)
}

func (l *level[K]) heapOf(s Source) *rankHeap[*pool[K]] {
	if s.isLinkLocal() {
		return &l.linkLocal
	}
	return &l.others
}

// largest returns the source that uses most of a level.
func (l *level[K]) largest() *pool[K] {
	switch {
	case len(l.linkLocal) == 0:
		return l.others[0]
	case len(l.others) == 0, max(l.linkLocal[0].used, l.local/linkLocalSources) > l.others[0].used:
		return l.linkLocal[0]
	}
	return l.others[0]
}

// Victim returns the key that has to give way now, because newcomer just used more: false while nothing is over. It
// may be the newcomer itself.
func (b *Budget[K]) Victim(newcomer K) (victim K, over bool) {
	strangersOver := b.levels[Heard].used+b.levels[Met].used > b.strangers
	if b.used <= b.limit && !strangersOver {
		return victim, false
	}
	u := b.users[newcomer]
	if u != nil && u.level == Known && u.used > b.limit/8 && b.used > b.limit {
		return newcomer, true
	}
	if l := b.weakest(); l != nil {
		return l.largest().users[0].key, true
	}
	if u = b.lastVictim(u); u == nil {
		return victim, false
	}
	return u.key, true
}

// KeepForHeard protects one part in so many of what strangers use for heard keys: while they use no more, met keys give
// way first. Without it heard keys keep nothing: a stranger is met after a minute, and could then push out all newcomers.
func (b *Budget[K]) KeepForHeard(part int) { b.heardPart = part }

// weakest returns the level below known that gives way first; nil if neither has anything.
func (b *Budget[K]) weakest() *level[K] {
	heard, met := &b.levels[Heard], &b.levels[Met]
	switch {
	case heard.used+met.used == 0:
		return nil
	case heard.used == 0, met.used > 0 && b.heardPart > 0 && heard.used*b.heardPart <= heard.used+met.used:
		return met
	}
	return heard
}

// SetCanGive says how known keys give way where only known ones are left. A key that can give nothing goes after all
// that can, and a key that is last goes after its like. Without SetCanGive all keys give alike.
func (b *Budget[K]) SetCanGive(canGive func(key K) (can, last bool)) { b.canGive = canGive }

// lastVictim returns which known key gives way when only known ones are left; nil if there is none.
func (b *Budget[K]) lastVictim(newcomer *user[K]) (victim *user[K]) {
	turn := 0
	for _, p := range b.levels[Known].sources {
		for _, u := range p.users {
			if t := b.turnOf(u, newcomer); victim == nil || t < turn || t == turn && u.goesBefore(victim) {
				victim, turn = u, t
			}
		}
	}
	return victim
}

// turnOf returns how late a known key gives way: a key with more than an eighth, then the newcomer, then the others. So
// a room that became smaller takes from those that have most, and a newcomer takes from no one but itself. A key that
// can give nothing comes after all of these.
func (b *Budget[K]) turnOf(u, newcomer *user[K]) int {
	can, last := true, false
	if b.canGive != nil {
		can, last = b.canGive(u.key)
	}
	switch {
	case can && u.used > b.limit/8:
		return 0
	case can && !last && u == newcomer:
		return 1
	case can && !last:
		return 2
	case can:
		return 3
	case !last:
		return 4
	}
	return 5
}

// goesBefore reports whether a user uses more than another, or as much and came later.
func (u *user[K]) goesBefore(v *user[K]) bool {
	return cmp.Or(cmp.Compare(u.used, v.used), cmp.Compare(u.joined, v.joined)) > 0
}

// ranked is what a rankHeap holds: a pool or a user.
type ranked interface {
	rank() (used int, joined uint64)
	setIndex(int)
}

// rankHeap has the entry that uses most at its top, and of equal ones the entry that came last.
type rankHeap[T ranked] []T

func (h rankHeap[T]) Len() int { return len(h) }
func (h rankHeap[T]) Less(i, j int) bool {
	used, joined := h[i].rank()
	otherUsed, otherJoined := h[j].rank()
	return cmp.Or(cmp.Compare(otherUsed, used), cmp.Compare(otherJoined, joined)) < 0
}
func (h rankHeap[T]) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].setIndex(i)
	h[j].setIndex(j)
}
func (h *rankHeap[T]) Push(x any) {
	e := x.(T)
	e.setIndex(len(*h))
	*h = append(*h, e)
}
func (h *rankHeap[T]) Pop() any {
	old := *h
	e := old[len(old)-1]
	clear(old[len(old)-1:])
	*h = old[:len(old)-1]
	return e
}

func (p *pool[K]) rank() (used int, joined uint64) { return p.used, p.joined }
func (p *pool[K]) setIndex(i int)                  { p.index = i }
func (u *user[K]) rank() (used int, joined uint64) { return u.used, u.joined }
func (u *user[K]) setIndex(i int)                  { u.index = i }
