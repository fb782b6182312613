package standing

import (
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// stay is a registry with a clock that the test turns.
type stay struct {
	*Registry
	now   time.Time
	marks map[identity.Key]Mark
}

var self = keyOf(0)

func keyOf(n int) identity.Key {
	return identity.FromSeed([32]byte{byte(n), byte(n >> 8), 1}).Key()
}

func begin(remembered map[identity.Key]Links, now time.Time) *stay {
	s := &stay{now: now, marks: map[identity.Key]Mark{}}
	s.Registry = NewRegistry(Config{Self: self, Remembered: remembered, Now: func() time.Time { return s.now },
		Mark: func(key identity.Key) Mark { return s.marks[key] }})
	return s
}

// linkFor links a key for a while.
func (s *stay) linkFor(key identity.Key, from Source, d time.Duration) {
	s.LinkUp(key, from)
	s.now = s.now.Add(d)
	s.LinkDown(key)
}

func (s *stay) expect(t *testing.T, what string, key identity.Key, want Level) {
	t.Helper()
	if got := s.Level(key); got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func TestLevelOfLinks(t *testing.T) {
	s, bob := begin(nil, start), keyOf(1)
	home := sourceAt("10.0.0.2")
	s.expect(t, "never linked", bob, Heard)
	s.LinkUp(bob, home)
	s.now = s.now.Add(metAfter - 1)
	s.expect(t, "linked for less than a minute", bob, Heard)
	s.now = s.now.Add(1)
	s.expect(t, "linked for a minute", bob, Met)
	s.LinkUp(bob, home) // a second link replaces the first
	s.expect(t, "linked anew without a gap", bob, Met)
	s.LinkDown(bob)
	s.expect(t, "gone after a minute", bob, Heard)
	s.linkFor(bob, home, metInAll-metAfter)
	s.expect(t, "gone after ten minutes in all", bob, Met)
	s.linkFor(bob, home, knownInAll)
	s.expect(t, "linked for long, on one day", bob, Met)
	s.now = start.Add(knownApart - 1)
	s.linkFor(bob, home, metAfter)
	s.expect(t, "again, a moment too early", bob, Met)
	s.now = start.Add(knownApart)
	s.LinkUp(bob, home)
	s.now = s.now.Add(time.Second)
	s.Tick()
	s.expect(t, "again, 8 hours later", bob, Known)
	s.LinkDown(bob)
	s.now = s.now.Add(365 * day)
	s.expect(t, "a year later", bob, Known)
}

// One long link that the program looks after every minute counts once, and is one run: it makes no one known.
func TestOneLongLinkIsOneRun(t *testing.T) {
	s, bob := begin(nil, start), keyOf(1)
	s.LinkUp(bob, sourceAt("10.0.0.2"))
	for range 600 {
		s.now = s.now.Add(time.Minute)
		s.Tick()
	}
	s.LinkDown(bob)
	s.expect(t, "ten hours at a stretch", bob, Met)
	if got := s.keys[bob].links.InAll; got != 10*time.Hour {
		t.Errorf("10 h count as %v", got)
	}
}

func TestMarksComeFirst(t *testing.T) {
	s, bob := begin(nil, start), keyOf(1)
	s.expect(t, "our own key", self, Known)
	s.marks[bob] = Trusted
	s.expect(t, "trusted, never linked", bob, Known)
	s.marks[bob] = Unmarked
	s.linkFor(bob, sourceAt("10.0.0.2"), time.Hour)
	s.now = start.Add(knownApart)
	s.linkFor(bob, sourceAt("10.0.0.2"), time.Hour)
	s.expect(t, "known by its links", bob, Known)
	s.marks[bob] = Distrusted
	s.expect(t, "ignored", bob, Heard)
}

// A key that used more than its share is met at most.
func TestOverItsShareIsNeverKnown(t *testing.T) {
	s, bob := begin(nil, start), keyOf(1)
	s.LinkUp(bob, sourceAt("10.0.0.2"))
	s.NoteOver(bob)
	s.NoteOver(keyOf(2)) // never linked: nothing to remember
	s.now = s.now.Add(time.Hour)
	s.LinkDown(bob)
	s.now = start.Add(knownApart)
	s.linkFor(bob, sourceAt("10.0.0.2"), time.Hour)
	s.expect(t, "over its share once", bob, Met)
	remembered, changed := s.Remembered()
	again := begin(remembered, s.now.Add(day))
	again.linkFor(bob, sourceAt("10.0.0.2"), time.Hour)
	again.expect(t, "over its share in an earlier run", bob, Met)
	if !changed || len(remembered) != 1 {
		t.Errorf("remembered %v, %v", remembered, changed)
	}
}

// Of the keys of one source, four become known a day: a room of invented keys needs many days or addresses.
func TestFewOfASourceBecomeKnown(t *testing.T) {
	s := begin(nil, start)
	attacker := sourceAt("10.0.0.66")
	for run := range 3 {
		s.now = start.Add(time.Duration(run) * 12 * time.Hour)
		for i := 1; i <= 100; i++ {
			s.LinkUp(keyOf(i), attacker)
		}
		s.LinkUp(keyOf(101), sourceAt("10.0.0.2"))
		s.now = s.now.Add(time.Hour)
		for i := 1; i <= 101; i++ {
			s.LinkDown(keyOf(i))
		}
	}
	known := 0
	for i := 1; i <= 100; i++ {
		if s.Level(keyOf(i)) == Known {
			known++
		}
	}
	if known != knownPerSource {
		t.Errorf("%d keys of one address are known, want %d", known, knownPerSource)
	}
	s.expect(t, "one of another address", keyOf(101), Known)

	// The four come from elsewhere now. That gives their address no new places.
	for i := 1; i <= 100; i++ {
		from := attacker
		if s.Level(keyOf(i)) == Known {
			from = sourceAt("10.0.0.67")
		}
		s.LinkUp(keyOf(i), from)
	}
	s.now = s.now.Add(time.Hour)
	known = 0
	for i := 1; i <= 100; i++ {
		s.LinkDown(keyOf(i))
		if s.Level(keyOf(i)) == Known {
			known++
		}
	}
	if known != knownPerSource {
		t.Errorf("%d keys of one address are known after some moved, want %d", known, knownPerSource)
	}
}

// Above 1024 known keys the one unseen for longest makes room. Keys that were linked for a moment aren't remembered
// for ever either.
func TestRememberedKeysAreBounded(t *testing.T) {
	remembered := map[identity.Key]Links{}
	for i := 1; i <= maxKnown; i++ {
		remembered[keyOf(i)] = Links{InAll: time.Hour, First: start.Add(-day), Seen: start.Add(time.Duration(-i) * time.Second), KnownSince: start.Add(-day)}
	}
	s := begin(remembered, start)
	bob := keyOf(5000)
	s.linkFor(bob, sourceAt("10.0.0.2"), time.Hour)
	s.now = start.Add(knownApart)
	s.linkFor(bob, sourceAt("10.0.0.2"), time.Hour)
	s.expect(t, "the newcomer", bob, Known)
	s.expect(t, "the one unseen for longest", keyOf(maxKnown), Met)
	s.expect(t, "another", keyOf(maxKnown-1), Known)

	for i := range 2 * maxRemembered {
		s.linkFor(keyOf(10_000+i), sourceAt("10.0.0.66"), time.Second)
	}
	if len(s.keys) > maxRemembered {
		t.Errorf("%d keys are remembered", len(s.keys))
	}
	s.expect(t, "the newcomer after a flood of keys", bob, Known)
	if all, _ := s.Remembered(); len(all) != maxKnown+1 {
		t.Errorf("%d keys would be saved, want %d", len(all), maxKnown+1)
	}
	if _, changed := s.Remembered(); changed {
		t.Error("nothing changed, and yet all would be saved again")
	}
}

// The source is that of the author's own link. A peer that hands its records on counts only for authors that were
// never linked here.
func TestSourceIsTheAuthorsOwn(t *testing.T) {
	s, author, via := begin(nil, start), keyOf(1), keyOf(2)
	one, two := sourceAt("10.0.0.1"), sourceAt("10.0.0.2")
	if got := s.Source(author, via); got != (Source{}) {
		t.Errorf("nobody was ever linked: %v", got)
	}
	s.linkFor(via, two, time.Minute)
	if got := s.Source(author, via); got != two {
		t.Errorf("an author that was never linked: %v", got)
	}
	s.linkFor(author, one, time.Minute)
	if got := s.Source(author, via); got != one {
		t.Errorf("an author that was linked once: %v", got)
	}
	if got := s.Source(self, via); got != Machine {
		t.Errorf("our own records: %v", got)
	}
}
