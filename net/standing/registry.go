package standing

import (
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// What makes a key met or known (see the package comment).
const (
	metAfter       = time.Minute      // how long a present link lasts
	metInAll       = 10 * time.Minute // how long all links lasted together
	knownInAll     = 30 * time.Minute
	knownApart     = 8 * time.Hour // between the beginnings of two links
	knownPerSource = 4             // keys that become known by their links, a source and day
	maxKnown       = 1024          // keys that are known by their links
	maxRemembered  = 4096          // keys whose links are remembered at all
	day            = 24 * time.Hour
)

// Mark is what the user said about a key.
type Mark uint8

// The marks. Trusted is set by /verify and /trust, Distrusted by /ignore and /trust off.
const (
	Unmarked Mark = iota
	Trusted
	Distrusted
)

// Links is what is remembered of a key's links over all runs.
type Links struct {
	InAll      time.Duration // how long it was linked
	First      time.Time     // when its first link began
	Seen       time.Time     // when it was linked last
	Source     Source        // where its last link came from
	KnownSince time.Time     // when it became known by its links; zero: it isn't
	KnownFrom  Source        // where its link came from then
	WasOver    bool          // it used more than its share, and never becomes known by its links
}

// Config is what a registry needs. All but Remembered must be set.
type Config struct {
	Self       identity.Key
	Mark       func(identity.Key) Mark // what the user said; must not block. It is called under the registry's lock
	Remembered map[identity.Key]Links  // from earlier runs; the registry takes it over
	Now        func() time.Time        // the wall clock
}

// Registry knows the level and the source of each key. Its methods may be called from any goroutine. Its lock is a
// leaf: they call nothing but Config.Mark.
type Registry struct {
	cfg Config

	mu      sync.Mutex
	keys    map[identity.Key]*entry // guarded by mu
	changed bool                    // guarded by mu: since Remembered was called last
}

// entry is what is known of one key. links counts the time before the present link.
type entry struct {
	links  Links
	linked bool
	since  time.Time // when the present link began
}

// NewRegistry returns a registry that begins with what earlier runs remembered.
func NewRegistry(cfg Config) *Registry {
	r := &Registry{cfg: cfg, keys: map[identity.Key]*entry{}}
	for key, l := range cfg.Remembered {
		r.keys[key] = &entry{links: l}
	}
	r.cfg.Remembered = nil
	return r
}

// LinkUp notes that a key is linked now, from a source. A link that replaces another one goes on with its time.
func (r *Registry) LinkUp(key identity.Key, from Source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.cfg.Now()
	e := r.keys[key]
	if e == nil {
		r.makeRoomLocked()
		e = &entry{links: Links{First: now}}
		r.keys[key] = e
	}
	if !e.linked {
		e.linked, e.since = true, now
	}
	e.links.Source = from
	r.changed = true
}

// LinkDown notes that a key has no link any more.
func (r *Registry) LinkDown(key identity.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.keys[key]
	if e == nil || !e.linked {
		return
	}
	r.countLocked(e)
	e.linked = false
	r.promoteLocked(e)
	r.changed = true
}

// NoteOver notes that a key used more than its share of a budget: it doesn't become known by its links.
func (r *Registry) NoteOver(key identity.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.keys[key]; e != nil && !e.links.WasOver {
		e.links.WasOver = true
		r.changed = true
	}
}

// Level returns a key's level.
func (r *Registry) Level(key identity.Key) Level {
	if key == r.cfg.Self {
		return Known
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	mark := r.cfg.Mark(key)
	e := r.keys[key]
	if e == nil {
		return LevelOf(mark, Links{})
	}
	links := e.links
	links.InAll = r.inAllLocked(e)
	level := LevelOf(mark, links)
	if level == Heard && mark != Distrusted && e.linked && r.cfg.Now().Sub(e.since) >= metAfter {
		return Met
	}
	return level
}

// LevelOf returns the level of a key that isn't linked, from what the user said and from its links.
func LevelOf(m Mark, l Links) Level {
	switch {
	case m == Distrusted:
		return Heard
	case m == Trusted, !l.KnownSince.IsZero():
		return Known
	case l.InAll >= metInAll:
		return Met
	}
	return Heard
}

// Source returns where a key's records come from: the source of its own link, if it was ever linked here. Else it is
// the source of the key which handed them on.
func (r *Registry) Source(author, via identity.Key) Source {
	r.mu.Lock()
	defer r.mu.Unlock()
	if author == r.cfg.Self {
		return Machine
	}
	for _, key := range []identity.Key{author, via} {
		if e := r.keys[key]; e != nil {
			return e.links.Source
		}
	}
	return Source{}
}

// Tick counts the time of present links, so that little of it is lost when the program is killed, and decides who
// becomes known. Call it every minute or so.
func (r *Registry) Tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.keys {
		if e.linked {
			r.countLocked(e)
			r.promoteLocked(e)
			r.changed = true
		}
	}
}

// Remembered returns what later runs should know, and whether it changed since the call before.
func (r *Registry) Remembered() (map[identity.Key]Links, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changed := r.changed
	r.changed = false
	if !changed {
		return nil, false
	}
	out := make(map[identity.Key]Links, len(r.keys))
	for key, e := range r.keys {
		if e.links.InAll >= metAfter { // a key that was linked for a moment isn't worth a line in a file
			out[key] = e.links
		}
	}
	return out, true
}

// inAllLocked returns how long a key was linked, its present link included.
func (r *Registry) inAllLocked(e *entry) time.Duration {
	if !e.linked {
		return e.links.InAll
	}
	return e.links.InAll + max(0, r.cfg.Now().Sub(e.links.lastCounted(e.since)))
}

// lastCounted returns up to when a link that began at since is counted.
func (l Links) lastCounted(since time.Time) time.Time {
	if l.Seen.After(since) {
		return l.Seen
	}
	return since
}

// countLocked adds the time of the present link up to now.
func (r *Registry) countLocked(e *entry) {
	e.links.InAll = r.inAllLocked(e)
	e.links.Seen = r.cfg.Now()
}

// promoteLocked makes a key known that was linked for long enough, if its source has a place today.
func (r *Registry) promoteLocked(e *entry) {
	now := r.cfg.Now()
	began := e.since
	l := &e.links
	if !l.KnownSince.IsZero() || l.WasOver || l.InAll < knownInAll || began.Sub(l.First) < knownApart {
		return
	}
	known, ofSource := 0, 0
	var longest *entry
	for _, other := range r.keys {
		if other.links.KnownSince.IsZero() {
			continue
		}
		known++
		if other.links.KnownFrom == l.Source.Shared() && now.Sub(other.links.KnownSince) < day {
			ofSource++
		}
		if !other.linked && (longest == nil || other.links.Seen.Before(longest.links.Seen)) {
			longest = other
		}
	}
	if ofSource >= knownPerSource {
		return
	}
	if known >= maxKnown {
		if longest == nil {
			return
		}
		longest.links.KnownSince = time.Time{}
	}
	l.KnownSince, l.KnownFrom = now, l.Source.Shared()
}

// makeRoomLocked forgets a key when too many are remembered: one that has no link and isn't known, and of these the
// one that was linked for the shortest time.
func (r *Registry) makeRoomLocked() {
	if len(r.keys) < maxRemembered {
		return
	}
	var least identity.Key
	var found *entry
	for key, e := range r.keys {
		if e.linked || !e.links.KnownSince.IsZero() {
			continue
		}
		if found == nil || e.links.InAll < found.links.InAll ||
			e.links.InAll == found.links.InAll && e.links.Seen.Before(found.links.Seen) {
			least, found = key, e
		}
	}
	if found != nil {
		delete(r.keys, least)
	}
}
