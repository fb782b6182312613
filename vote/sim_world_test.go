package vote_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/vote"
)

// The actors: honest peers, then the attackers' keys, then guests, who have no key of a native peer;
// what stands for them here is on no one's roll.
const (
	honest    = 5
	attackers = 3
	natives   = honest + attackers
	guests    = 2
)

// testKey returns a key for the place: its bytes pass identity's checks, and no test signs with it.
func testKey(n int) identity.Key {
	var raw [32]byte
	binary.BigEndian.PutUint32(raw[:], uint32(n)*2654435761)
	raw[4], raw[5], raw[6] = 1, byte(n), byte(n>>8)
	k, err := identity.KeyFromBytes(raw[:])
	if err != nil {
		panic(err)
	}
	return k
}

var foeKeys = []identity.Key{testKey(honest), testKey(honest + 1), testKey(honest + 2)}

// The invariants that a history can break.
const (
	sameState     = "same records and dispute set, same state in every order"
	staysApproved = "an approved proposal stays approved"
	everybody     = "a vote by everyone present ends with everyone equal"
	onlyAttackers = "attackers alone never turn an ON that honest keys approved to OFF"
	trueEvidence  = "evidence names only keys that really signed both"
	trueCount     = "what passed has M approvals that voters of its roll signed"
)

// violation is a broken invariant, and how.
type violation struct{ invariant, how string }

func (v *violation) Error() string { return v.invariant + ": " + v.how }

// peer is an honest participant.
type peer struct {
	m        machine
	online   bool
	side     int               // which part of a split network it is in
	have     []*signed         // on its disk, and what it holds back
	has      map[vote.Ref]bool // of have
	met      map[vote.ID]bool  // proposals that have arrived: the dispute set is settled then
	disputes vote.Disputes     // in its profile
	voted    map[vote.ID]bool  // what its user has voted on
	passed   map[vote.ID]bool  // the proposals that passed here once
	stood    map[vote.ID]bool  // ONs that held here, with M honest approvals
	backup   *peer             // an old copy of its profile
}

// world is one history.
type world struct {
	*rand.Rand
	rules
	build func() machine
	now   int // seconds
	peers [honest]*peer
	foes  [attackers]struct {
		online bool
		reach  [honest]bool // the actors that it has a link to
	}
	since    [honest][natives]int // when an honest peer's link to another came up; −1: it is down
	all      []*signed            // every record that anyone made
	byRef    map[vote.Ref]*signed // the true ones
	made     []*vote.Proposal     // every well-formed proposal
	spoke    map[vote.Ref]bool    // every ballot that its voter really signed
	seen     []*signed            // what attackers know
	violated map[string]*violation
}

func newWorld(seed uint64, r rules, build func() machine) *world {
	w := &world{
		Rand: rand.New(rand.NewPCG(seed, 0)), rules: r, build: build, now: 1000,
		byRef: map[vote.Ref]*signed{}, spoke: map[vote.Ref]bool{}, violated: map[string]*violation{},
	}
	for i := range w.peers {
		w.peers[i] = &peer{online: true, m: build()}
		w.peers[i].blank()
	}
	for i := range w.foes {
		w.rewireFoe(i)
	}
	for i := range w.since {
		for j := range w.since[i] {
			w.since[i][j] = -1
		}
	}
	w.rewire()
	return w
}

func (p *peer) blank() {
	p.has, p.met, p.voted = map[vote.Ref]bool{}, map[vote.ID]bool{}, map[vote.ID]bool{}
	p.disputes, p.passed, p.stood = vote.Disputes{}, map[vote.ID]bool{}, map[vote.ID]bool{}
}

func (w *world) fail(invariant, how string, args ...any) {
	if w.violated[invariant] == nil {
		w.violated[invariant] = &violation{invariant, fmt.Sprintf(how, args...)}
	}
}

func (w *world) rewireFoe(i int) {
	w.foes[i].online = w.IntN(4) > 0
	for j := range w.foes[i].reach {
		w.foes[i].reach[j] = w.IntN(2) == 0
	}
}

func (w *world) linked(i, j int) bool {
	if i == j || !w.peers[i].online {
		return false
	}
	if j >= honest {
		f := &w.foes[j-honest]
		return f.online && f.reach[i]
	}
	return w.peers[j].online && w.peers[i].side == w.peers[j].side
}

// rewire notes which links came up and which went down.
func (w *world) rewire() {
	for i := range w.since {
		for j := range w.since[i] {
			switch up := w.linked(i, j); {
			case !up:
				w.since[i][j] = -1
			case w.since[i][j] < 0:
				w.since[i][j] = w.now
			}
		}
	}
}

// neighbours returns the natives with a link to i for at least age seconds.
func (w *world) neighbours(i, age int) []identity.Key {
	var out []identity.Key
	for j, since := range w.since[i] {
		if since >= 0 && w.now-since >= age {
			out = append(out, testKey(j))
		}
	}
	return out
}

// roll applies rule 8: the proposer, its links, and what its neighbours' Links frames name.
func (w *world) roll(i int) []identity.Key {
	keys := append(w.neighbours(i, 0), testKey(i))
	for j := range honest {
		if w.since[i][j] >= 0 {
			keys = append(keys, w.neighbours(j, 0)...)
		}
	}
	return vote.NewRoll(keys...)
}

// disputed applies rule 6 at a proposal's arrival.
func (w *world) disputed(i int, p *vote.Proposal) bool {
	return len(p.ListLeftOut(testKey(i), w.neighbours(i, int(vote.DisputeAfter.Seconds())))) > 0
}

// deliver brings a record to an honest peer.
func (w *world) deliver(i int, s *signed) {
	p := w.peers[i]
	if s.proposal != nil && !p.met[s.proposal.ID] {
		p.met[s.proposal.ID] = true
		if w.disputed(i, s.proposal) {
			p.disputes[s.proposal.ID] = struct{}{}
		}
	}
	p.m.add(s)
	// A forgery is not stored, but stays in what a broken rule would have to judge again.
	if ref := s.ref(); !p.has[ref] && w.verifies(s) {
		p.has[ref] = true
		p.have = append(p.have, s)
	}
	if s.forged {
		return
	}
	for j := range w.foes {
		if w.foes[j].online && w.foes[j].reach[i] {
			w.seen = append(w.seen, s)
			break
		}
	}
}

// sign makes a true record and logs it.
func (w *world) sign(s *signed) *signed {
	w.all = append(w.all, s)
	w.byRef[s.ref()] = s
	if s.ballot != nil {
		w.spoke[s.ref()] = true
	}
	return s
}

func (w *world) id() vote.ID {
	var id vote.ID
	for i := 0; i < len(id); i += 8 {
		binary.BigEndian.PutUint64(id[i:], w.Uint64())
	}
	return id
}

func (w *world) ballot(key int, id vote.ID, c vote.Choice) *signed {
	k := testKey(key)
	return w.sign(&signed{ballot: &vote.Ballot{Proposal: id, Voter: k, Choice: c}, by: k, about: id})
}

func (w *world) number() uint64 { return uint64(len(w.made) + 1 - w.IntN(2)*w.IntN(len(w.made)+1)) }

// approvals counts the keys of the range of actors that really approved p.
func (w *world) approvals(p *vote.Proposal, from, to int) int {
	n := 0
	for i := from; i < to; i++ {
		k := testKey(i)
		if p.OnRoll(k) && w.spoke[vote.Ballot{Proposal: p.ID, Voter: k, Choice: vote.Approve}.Ref()] {
			n++
		}
	}
	return n
}

// excused reports whether an OFF that names the ON has an honest approval: then whatever came of it
// is not the attackers' work alone.
func (w *world) excused(on vote.ID) bool {
	return slices.ContainsFunc(w.made, func(p *vote.Proposal) bool {
		return p.IsOff() && slices.Contains(p.Ends, on) && w.approvals(p, 0, honest) > 0
	})
}

// check holds the invariants that must be true of a peer at any time.
func (w *world) check(i int) {
	p := w.peers[i]
	for _, q := range w.made {
		passed := p.m.state(q.ID) == vote.Passed
		if p.passed[q.ID] && !passed {
			w.fail(staysApproved, "peer %d: %s is %v", i, name(q), p.m.state(q.ID))
		}
		if passed && !p.passed[q.ID] {
			p.passed[q.ID] = true
			if n := w.approvals(q, 0, natives); n < q.Need {
				w.fail(trueCount, "peer %d: %s passed with %d of %d", i, name(q), n, q.Need)
			}
		}
	}
	pol := p.m.policy(w.rules.disputes(w, p))
	for id := range p.stood {
		if !pol.SecureOnly && !w.excused(id) {
			w.fail(onlyAttackers, "peer %d: %s held and no longer does", i, id.String()[:4])
		}
	}
	for _, q := range w.made {
		if slices.Contains(pol.Standing, q.ID) && w.approvals(q, 0, honest) >= q.Need {
			p.stood[q.ID] = true
		}
	}
	for _, e := range p.m.evidence() {
		refs := e.Ballots()
		if !w.spoke[refs[0]] || !w.spoke[refs[1]] {
			w.fail(trueEvidence, "peer %d: %s on %s", i, e.Voter.Short(), e.Proposal.String()[:4])
		}
	}
}

func name(p *vote.Proposal) string {
	return fmt.Sprintf("%s %s %s (need %d of %d)", p.ID.String()[:4], p.Slot, p.Action, p.Need, len(p.Roll))
}
