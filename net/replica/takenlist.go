package replica

import (
	"maps"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// A peer that would have to hear of very many refused authors is sent the list of those that we take. That takes a
// while: a page goes out when little else waits before it, so that the list isn't in the way of messages. It begins with
// us, then come those who are known and met. The receiver uses a list only if it has all of it.

// Bounds of a list of authors that are taken.
const (
	maxTaken    = 100_000          // authors; above that there is no list
	pagesAtOnce = 2                // each a tick
	listBehind  = wire.MaxFrame    // bytes that may wait in the control queue before a page
	listFor     = 10 * time.Second // how long links that need a list are sent the same
	pagesApart  = time.Minute      // a list of which nothing came for that long is dropped
	maxAbsent   = 1024             // authors of a peer's list without records here, who may come: the peer names those it knows first
)

// takenList is the list for links that need one now. No one changes it any more.
type takenList struct {
	authors []identity.Key
	at      time.Time // when it was made
}

// notifyLinksLocked sends each link what it must hear.
func (r refusals) notifyLinksLocked() {
	now := time.Now()
	for _, p := range r.mu.linked {
		t := &p.telling
		if len(t.list) > 0 && now.Sub(t.pageAt) > pagesApart/2 { // the peer may drop what it has of it
			t.list, t.all = nil, time.Time{}
		}
		if len(t.list) > 0 {
			r.refusals.sendListLocked(p)
			continue
		}
		if len(t.due) == 0 {
			continue
		}
		maps.DeleteFunc(t.until, func(_ identity.Key, until time.Time) bool { return now.After(until) })
		if len(t.until)+len(t.due) <= maxTold {
			r.refusals.sendNamesLocked(p)
			continue
		}
		if t.list = r.refusals.takenLocked(); t.list != nil {
			clear(t.until)
			clear(t.due)
			t.pageAt = now
			r.refusals.sendListLocked(p)
			continue
		}
		r.refusals.sendNamesLocked(p)
		clear(t.due)
		t.all = now.Add(time.Minute) // it hears no more names until some of the earlier have ended
	}
	if now.Sub(r.mu.size.taken.at) >= listFor {
		r.mu.size.taken = takenList{}
	}
}

// sendNamesLocked names refused authors to a link, as far as it remembers them and has space. Others stay due.
func (r refusals) sendNamesLocked(p *peer) {
	t := &p.telling
	due := slices.Collect(maps.Keys(t.due))
	for page := range slices.Chunk(due[:min(len(due), maxTold-len(t.until))], wire.MaxRefused) {
		if !r.trySend(p.link, wire.Refused{Room: r.id, Authors: page, ForMs: refuseFor.Milliseconds()}) {
			return
		}
		for _, author := range page {
			t.until[author] = time.Now().Add(refuseFor)
			delete(t.due, author)
		}
	}
}

// sendListLocked sends the next pages of a list, as far as little else waits to be written.
func (r refusals) sendListLocked(p *peer) {
	t := &p.telling
	for range pagesAtOnce {
		n := min(len(t.list), wire.MaxRefused)
		more := n < len(t.list)
		if n == 0 || p.link.ControlBytes() > listBehind ||
			!r.trySend(p.link, wire.Refused{Room: r.id, Authors: t.list[:n], Taken: true, More: more, ForMs: refuseFor.Milliseconds()}) {
			return
		}
		t.list, t.pageAt = t.list[n:], time.Now()
		t.all = t.pageAt.Add(refuseFor)
		if !more {
			clear(t.due) // the list says so
		}
	}
}

// takenLocked lists the authors that we take: first us, then those that are met or linked, then the others that are here.
// It returns nil if they are too many.
func (r refusals) takenLocked() []identity.Key {
	s := &r.mu.size
	if !s.taken.at.IsZero() {
		return s.taken.authors
	}
	s.taken.at = time.Now()
	first := append([]identity.Key{r.cfg.Identity.Key()}, r.cfg.Host.ListMet()...)
	for _, p := range r.mu.linked {
		if !r.refusals.isRefusedLocked(p.key) {
			first = append(first, p.key)
		}
	}
	named := make(map[identity.Key]bool, len(first))
	for _, author := range first {
		if !named[author] {
			named[author] = true
			s.taken.authors = append(s.taken.authors, author)
		}
	}
	if len(named)+len(s.authors) > maxTaken {
		s.taken.authors = nil
		return nil
	}
	for author := range s.authors {
		if !named[author] {
			s.taken.authors = append(s.taken.authors, author)
		}
	}
	return s.taken.authors
}

// takenPages is a peer's list of the authors that it takes, as far as it came.
type takenPages struct {
	page   map[identity.Key]bool // those that are here, and maxAbsent others; nil: pages are ignored until a list begins
	absent int                   // how many others
	named  int                   // how many were named
	last   time.Time             // when the last page came
}

// takePageLocked takes a page of a peer's list. It returns the list if this ends it and all of it is here, else nil.
func (r refusals) takePageLocked(p *peer, m wire.Refused) (taken map[identity.Key]bool) {
	t := &p.told.takenPages
	t.expirePages()
	if len(m.Authors) > 0 && m.Authors[0] == p.key { // a list begins: the pages of an earlier one go
		*t = takenPages{page: map[identity.Key]bool{}}
	}
	t.last = time.Now()
	if t.named += len(m.Authors); t.named > maxTaken {
		t.page = nil
	}
	if t.page == nil {
		return nil
	}
	for _, author := range m.Authors {
		here := r.refusals.isHereLocked(author)
		if !here && t.absent >= maxAbsent {
			continue
		}
		if !t.page[author] && !here {
			t.absent++
		}
		t.page[author] = true
	}
	if m.More {
		return nil
	}
	taken = t.page
	*t = takenPages{}
	return taken
}

// expirePages drops a list whose pages stay away. The rest of it may still come, and isn't a whole list.
func (t *takenPages) expirePages() {
	if time.Since(t.last) > pagesApart {
		t.page = nil
	}
}

// isHereLocked reports whether something of an author is here, or may soon be.
func (r refusals) isHereLocked(author identity.Key) bool {
	if p := r.mu.peers[author]; r.mu.size.authors[author] != nil || p != nil && p.link != nil {
		return true
	}
	level, _ := r.cfg.Host.Standing(author, identity.Key{})
	return level >= standing.Met
}
