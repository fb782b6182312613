package replica

import (
	"encoding/binary"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// inventedKeys returns n keys without an identity.
func inventedKeys(t *testing.T, from, n int) (out []identity.Key) {
	t.Helper()
	for i := range n {
		var b [32]byte
		binary.BigEndian.PutUint64(b[:], uint64(from+i))
		b[31] = 1
		key, err := identity.KeyFromBytes(b[:])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, key)
	}
	return out
}

// hasAuthors has a member hold a little of many authors, as far as refusing asks.
func (m *member) hasAuthors(keys []identity.Key) {
	m.Replica.mu.Lock()
	defer m.Replica.mu.Unlock()
	for _, key := range keys {
		m.Replica.mu.size.authors[key] = &authorUse{}
	}
}

// mustTellOfMany has a link have to hear of more refused authors than are named.
func (m *member) mustTellOfMany(t *testing.T, to identity.Key) {
	t.Helper()
	m.Replica.mu.Lock()
	defer m.Replica.mu.Unlock()
	for _, key := range inventedKeys(t, 1<<30, maxTold+1) {
		m.refusals.noteRefusedLocked(to, key)
	}
}

// told returns what a member heard of another one's refusals.
func (m *member) told(from identity.Key) told {
	m.Replica.mu.Lock()
	defer m.Replica.mu.Unlock()
	return m.Replica.mu.peers[from].told
}

// A long list goes out page by page, the met authors first, and never keeps the control queue full. It goes on where it
// stopped, and nothing is sent twice.
func TestTakenListInPages(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		authors := inventedKeys(t, 1, 20_000)
		a.hasAuthors(authors)
		b.hasAuthors(authors[:50])
		friend := inventedKeys(t, 1<<20, 1)[0]
		a.rank(friend, standing.Known, sourceAt("10.0.0.9"))
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		l.mu.Lock()
		l.mu.limits[control] = 17 // as many as 1 MiB has of 60 KiB
		l.mu.Unlock()
		l.reset()
		l.hold(true)
		a.mustTellOfMany(t, b.key())
		pass(5 * time.Second)
		said := sent[wire.Refused](l)
		if len(said) == 0 || len(said) > pagesAtOnce {
			t.Fatalf("%d pages wait in a queue that isn't written", len(said))
		}
		if first := said[0].Authors; !slices.Contains(first, friend) || !slices.Contains(first, a.key()) || !slices.Contains(first, b.key()) {
			t.Error("we, the link and a friend aren't in the first page")
		}
		l.hold(false)
		pass(3 * time.Second)
		if got := b.told(a.key()); got.taken != nil || got.page == nil {
			t.Error("a part of the list is taken for all of it, or for nothing")
		}
		pass(30 * time.Second)
		named := map[identity.Key]int{}
		total := 0
		for _, m := range sent[wire.Refused](l) {
			for _, key := range m.Authors {
				named[key]++
			}
			total += len(m.Authors)
		}
		if len(named) != total || total != len(authors)+3 {
			t.Errorf("%d names of %d authors were sent, want %d", total, len(named), len(authors)+3)
		}
		got := b.told(a.key())
		if got.page != nil || len(got.taken) != 52+maxAbsent { // the 50 that are here, and both of us
			t.Errorf("%d authors of a list are remembered, want 52 that are here and %d others", len(got.taken), maxAbsent)
		}
		b.Replica.mu.Lock()
		defer b.Replica.mu.Unlock()
		p := b.Replica.mu.peers[a.key()]
		if p.refusesAuthor(authors[7]) || !p.refusesAuthor(inventedKeys(t, 1<<30, 1)[0]) {
			t.Error("the list isn't followed")
		}
	})
}

// A list goes over a link whose control queue is never idle, too. While much waits there nothing goes out, and nothing
// counts as sent. A list that stood still so long that the peer may have dropped its beginning is sent from there.
func TestTakenListOverABusyLink(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		tellingAll := func() time.Time {
			a.Replica.mu.Lock()
			defer a.Replica.mu.Unlock()
			return a.Replica.mu.peers[b.key()].telling.all
		}
		expect := func(what string, taken int) {
			t.Helper()
			if got := b.told(a.key()); len(got.taken) != taken || !got.until.After(time.Now()) {
				t.Errorf("%s: %d authors of a list are there until %v, want %d", what, len(got.taken), got.until, taken)
			}
			for _, m := range sent[wire.Refused](l) {
				if !m.Taken {
					t.Errorf("%s: %d authors are named beside the list", what, len(m.Authors))
				}
			}
		}
		l.backlog.Store(listBehind + 1)
		a.hasAuthors(inventedKeys(t, 1, 2000))
		for range 2 {
			a.mustTellOfMany(t, b.key())
			pass(5 * time.Second)
		}
		if n := len(sent[wire.Refused](l)); n != 0 || !tellingAll().IsZero() {
			t.Errorf("%d pages were sent while much else waits; more is told from %v on", n, tellingAll())
		}
		l.backlog.Store(100)
		pass(5 * time.Second)
		expect("little waits at any time", 2+maxAbsent)
		if n := len(sent[wire.Refused](l)); n != 3 {
			t.Errorf("a list of 2,002 authors took %d pages", n)
		}

		pass(refuseFor + listFor)
		a.hasAuthors(inventedKeys(t, 1, 20_000))
		l.reset()
		a.mustTellOfMany(t, b.key())
		pass(3 * time.Second)
		l.backlog.Store(listBehind + 1)
		pass(pagesApart + 5*time.Second)
		if n := len(sent[wire.Refused](l)); n == 0 || n > 20 {
			t.Fatalf("%d pages were sent at first", n)
		}
		l.backlog.Store(0)
		a.mustTellOfMany(t, b.key())
		pass(30 * time.Second)
		expect("the list from its beginning", 2+maxAbsent)
	})
}

// Above the greatest length there is no list: the peer hears some names, and then nothing more for a while.
func TestNoTakenListAboveTheLimit(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		a.hasAuthors(inventedKeys(t, 1, maxTaken))
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		for range 5 {
			a.mustTellOfMany(t, b.key())
			pass(10 * time.Second)
		}
		names := 0
		for _, m := range sent[wire.Refused](l) {
			if names += len(m.Authors); m.Taken {
				t.Fatal("a list is sent that no receiver takes as a whole")
			}
		}
		if names != maxTold {
			t.Errorf("%d refused authors were named, want %d", names, maxTold)
		}
		if got := b.told(a.key()); len(got.authors) != maxTold || got.taken != nil {
			t.Errorf("%d refused authors are known", len(got.authors))
		}
		a.Replica.mu.Lock()
		defer a.Replica.mu.Unlock()
		if left := time.Until(a.Replica.mu.peers[b.key()].telling.all); left < 5*time.Second {
			t.Errorf("it is looked again for what the peer may hear in %v", left)
		}
	})
}

// A name that the control queue has no space for is sent later.
func TestRefusedNamesWaitForSpace(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		l.mu.Lock()
		l.mu.limits[control] = 0
		l.mu.Unlock()
		stranger := inventedKeys(t, 1, 1)[0]
		a.Replica.mu.Lock()
		a.refusals.noteRefusedLocked(b.key(), stranger)
		a.Replica.mu.Unlock()
		pass(3 * time.Second)
		if got := b.told(a.key()); len(got.authors) != 0 {
			t.Fatal("the queue isn't full")
		}
		l.mu.Lock()
		l.mu.limits[control] = 256
		l.mu.Unlock()
		pass(3 * time.Second)
		if got := b.told(a.key()); len(got.authors) != 1 || len(sent[wire.Refused](l)) != 1 {
			t.Errorf("%d refused authors are known, %d frames were sent", len(got.authors), len(sent[wire.Refused](l)))
		}
	})
}

// A list of which a part is missing or that is too long is never taken for a whole one, which would refuse all others.
// The next one is.
func TestCutListIsNoList(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		keys := inventedKeys(t, 1, 1000)
		keys[0] = b.key() // a list begins with its sender
		a.hasAuthors(keys)
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		page := func(from, n int, more bool) {
			a.Message(l, wire.Refused{Room: a.ID(), Authors: keys[from : from+n], Taken: true, More: more, ForMs: 600_000})
		}
		expect := func(what string, refused bool, taken int) {
			t.Helper()
			a.Replica.mu.Lock()
			defer a.Replica.mu.Unlock()
			p := a.Replica.mu.peers[b.key()]
			if got := p.refusesAuthor(keys[999]); got != refused || len(p.told.taken) != taken {
				t.Errorf("%s: another author is refused: %v, %d are taken; want %v, %d", what, got, len(p.told.taken), refused, taken)
			}
			if len(p.told.page) > len(keys) {
				t.Errorf("%s: %d authors of a list that isn't complete are remembered", what, len(p.told.page))
			}
		}
		page(1, 10, true)
		page(1, 10, false)
		expect("its beginning is missing", false, 0)
		tooLong := func() {
			page(0, 900, true)
			for range maxTaken/899 + 1 {
				page(1, 899, true)
			}
		}
		tooLong()
		expect("too long", false, 0)
		page(1, 899, false)
		expect("the end of it", false, 0)

		page(0, 500, true)
		pass(30 * time.Second)
		page(500, 100, true)
		pass(pagesApart + 2*time.Second)
		if got := a.told(b.key()); got.page != nil {
			t.Error("a list whose pages stay away is remembered")
		}
		expect("its pages stay away", false, 0)
		page(600, 100, true)
		page(700, 100, false)
		expect("the end of it comes late", false, 0)

		page(0, 10, true)
		pass(30 * time.Second)
		page(10, 10, false)
		expect("a whole list", true, 20)
		page(0, 5, true)
		pass(pagesApart + 2*time.Second)
		expect("another one that isn't complete", true, 20)
		page(0, 15, false)
		expect("the next whole list", true, 15)
		tooLong()
		page(0, 10, true)
		page(10, 2, false)
		expect("a whole list behind one that is too long", true, 12)
		page(0, 30, true)
		page(0, 10, true)
		page(10, 1, false)
		expect("a list that its sender began again", true, 11)
	})
}

// What is remembered of a list is bounded by what is here: names cost the peer nothing.
func TestListOfStrangersIsNotRemembered(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		met := inventedKeys(t, 1<<20, 1)
		a.rank(met[0], standing.Met, sourceAt("10.0.0.9"))
		all := append(append([]identity.Key{b.key()}, inventedKeys(t, 1, 50_000)...), met...)
		for page := range slices.Chunk(all, 900) {
			a.Message(a.links[b.key()], wire.Refused{Room: a.ID(), Authors: page, Taken: true, More: true, ForMs: 60_000})
		}
		if got := a.told(b.key()); len(got.page) != 2+maxAbsent || !got.page[met[0]] || !got.page[all[1]] {
			t.Errorf("%d names of strangers are remembered", len(got.page))
		}
		a.Message(a.links[b.key()], wire.Refused{Room: a.ID(), Authors: nil, Taken: true, ForMs: 60_000})
		if got := a.told(b.key()); len(got.taken) != 2+maxAbsent { // the sender, one that we met, and others
			t.Errorf("%d names are remembered of a whole list", len(got.taken))
		}
	})
}

// Authors that went are forgotten in order of age, a few at each removal: a sweep of all at each one would hold up the
// room while a flood of keys comes and goes.
func TestRefusedByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &Replica{}
		r.refusals, r.mu.size = refusals{r}, newSizeState(1<<20)
		keys := inventedKeys(t, 1, maxRefused+1000)
		refuse := func(keys ...identity.Key) {
			for _, key := range keys {
				r.refusals.refuseLocked(key)
			}
		}
		refuse(keys[:1000]...)
		time.Sleep(time.Minute)
		refuse(keys[1000:]...)
		if got := len(r.mu.size.refused); got != maxRefused || r.refusals.isRefusedLocked(keys[maxRefused]) {
			t.Errorf("%d are remembered", got)
		}
		time.Sleep(refuseFor - time.Minute + time.Second)
		if r.refusals.isRefusedLocked(keys[0]) || !r.refusals.isRefusedLocked(keys[1000]) {
			t.Error("the first are still refused, or later ones aren't any more")
		}
		refuse(keys[0], keys[maxRefused]) // the first one again, and until later
		if got := len(r.mu.size.refused); got != maxRefused-1000+2 {
			t.Errorf("%d are remembered once the first have ended", got)
		}
		time.Sleep(refuseFor - time.Second)
		refuse(keys[5])
		if got := len(r.mu.size.refused); got != 3 || !r.refusals.isRefusedLocked(keys[0]) || r.refusals.isRefusedLocked(keys[1000]) {
			t.Errorf("%d are remembered at last", got)
		}
		refuse(keys[7])
		time.Sleep(time.Minute)
		refuse(keys[7])
		time.Sleep(refuseFor - time.Second)
		if refuse(keys[8]); !r.refusals.isRefusedLocked(keys[7]) {
			t.Error("an author that was refused again isn't any more when the first time ends")
		}
	})
}

// A removal costs as much when the memory of those that went is full.
func TestRefusingCostsTheSameWhenFull(t *testing.T) {
	r := &Replica{}
	r.refusals, r.mu.size = refusals{r}, newSizeState(1<<20)
	keys := inventedKeys(t, 1, maxRefused+1000)
	cost := func(from int) time.Duration {
		least := time.Hour
		for i := range 5 { // one of them isn't disturbed
			began := time.Now()
			for _, key := range keys[from+i*100 : from+i*100+100] {
				r.refusals.refuseLocked(key)
			}
			least = min(least, time.Since(began))
		}
		return least
	}
	empty := cost(0)
	for _, key := range keys[500:maxRefused] {
		r.refusals.refuseLocked(key)
	}
	if full := cost(maxRefused); full > 50*max(empty, 20*time.Microsecond) {
		t.Errorf("100 removals take %v when full, %v at first", full, empty)
	}
}
