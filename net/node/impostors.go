package node

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/lookalike"
	"chat.lan/p2pchat/net/standing"
)

const (
	alarmsOfName = 4           // alarms about one name …
	alarmsWithin = time.Minute // … in this time: a stranger's addresses cost nothing
	maxAlarmed   = 1024        // names and addresses that an alarm was raised for
)

// impostors warns of cleartext peers that go by the name of a person who is known by key. A stranger on the path can
// cut that person's encrypted link, and be there in cleartext under the same name.
type impostors struct {
	n *Node

	mu struct {
		sync.Mutex
		alarmed map[alarmed]bool       // an alarm was raised
		lately  map[string][]time.Time // when, by what the name claims
	}
}

// alarmed is what an alarm is about.
type alarmed struct {
	claim    string // see lookalike.Claim
	from     netip.Addr
	verified bool
}

func newImpostors(n *Node) *impostors {
	i := &impostors{n: n}
	i.mu.alarmed, i.mu.lately = map[alarmed]bool{}, map[string][]time.Time{}
	return i
}

// check raises an alarm if a cleartext peer's name could be taken for that of a known person, once for each address.
// It reports whether that person is verified, so that nothing goes to the peer in their place.
func (i *impostors) check(name string, from netip.AddrPort) (verified bool) {
	key, called, verified := i.findNamesake(name)
	if !key.IsZero() && i.mayAlarm(alarmed{lookalike.Claim(name), from.Addr(), verified}) {
		i.alarm(name, called, from, key, verified)
	}
	return verified
}

// checkGuest raises an alarm if the name of a peer's guest could be taken for that of a known person. That peer
// answers for its guests, and hands on to them what it reads: so nothing can be held back.
func (i *impostors) checkGuest(name string, host event.Peer) {
	key, called, _ := i.findNamesake(name)
	if !key.IsZero() && i.mayAlarm(alarmed{claim: lookalike.Claim(name), from: host.Addr.Addr()}) {
		i.n.notice(event.Alarm, fmt.Sprintf("%s, an unencrypted guest of %s, may not be the %s you know (%s); it may get what you write", name, host.Name, called, key.Short()), "")
	}
}

// mayAlarm reports whether an alarm is new and none of too many, and notes it.
func (i *impostors) mayAlarm(about alarmed) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now()
	lately := i.mu.lately[about.claim]
	for len(lately) > 0 && now.Sub(lately[0]) >= alarmsWithin {
		lately = lately[1:]
	}
	if i.mu.alarmed[about] || len(lately) >= alarmsOfName {
		return false
	}
	if len(i.mu.alarmed) >= maxAlarmed {
		clear(i.mu.alarmed)
		clear(i.mu.lately)
	}
	i.mu.alarmed[about], i.mu.lately[about.claim] = true, append(lately, now)
	return true
}

// alarm warns of a cleartext peer, as loudly as anything is said.
func (i *impostors) alarm(name, called string, from netip.AddrPort, key identity.Key, verified bool) {
	text := fmt.Sprintf("%s at %v is unencrypted and may not be the %s you know (%s); it gets what you write", name, unmapped(from), called, key.Short())
	hint := "/verify " + called + " once that person is here encrypted, then nothing goes to this namesake unasked"
	if verified {
		text = fmt.Sprintf("%s at %v is unencrypted and may not be the %s you verified (%s); it gets nothing that you write", name, unmapped(from), called, key.Short())
		hint = "/unsigned TEXT writes to it anyway"
	}
	i.n.notice(event.Alarm, text, hint)
}

// findNamesake returns the key of a known person whose name could be taken for this one, a verified one before others.
// called is the name as it is remembered, or this one.
func (i *impostors) findNamesake(name string) (found identity.Key, called string, verified bool) {
	n := i.n
	claim := lookalike.Claim(name)
	consider := func(key identity.Key, known string, compared bool) {
		if !verified && (compared || found.IsZero() && n.standings.Level(key) == standing.Known) {
			found, called, verified = key, known, compared
		}
	}
	n.mu.Lock()
	for _, p := range n.mu.peers {
		if p.nameClaim() == claim {
			consider(p.Key, p.Name, p.Verified)
		}
	}
	n.mu.Unlock()
	if n.cfg.Known != nil {
		for key, known := range n.cfg.Known.Lookalikes(name) {
			consider(key, known, n.cfg.Known.Verified(key))
		}
	}
	return found, called, verified
}

// nameClaim returns what the peer's name claims. It is computed once for each name.
func (p *peer) nameClaim() string {
	if p.claimOf != p.Name {
		p.claim, p.claimOf = lookalike.Claim(p.Name), p.Name
	}
	return p.claim
}
