package vote_test

import (
	"maps"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/vote"
)

// step plays a random event.
func (w *world) step() {
	switch w.IntN(20) {
	case 0, 1:
		w.now += 1 + w.IntN(15)
	case 2: // a split, or its end
		for _, p := range w.peers {
			p.side = w.IntN(1 + w.IntN(2))
		}
	case 3: // churn
		i := w.IntN(honest)
		if w.peers[i].online = !w.peers[i].online; w.peers[i].online {
			w.restart(i)
		}
	case 4:
		w.restart(w.IntN(honest))
	case 5:
		w.rewireFoe(w.IntN(attackers))
	case 6, 7:
		w.honestProposes()
	case 8, 9, 10:
		for range 4 {
			w.votes(w.IntN(honest))
		}
	case 11:
		w.honestCancels()
	case 12, 13:
		w.foeProposes()
	case 14:
		w.foeSigns()
	case 15:
		w.foeReplays()
	case 16:
		w.user()
	case 17:
		i := w.IntN(honest)
		w.profile(i)
		w.votes(i)
		w.votes(i)
	case 18: // two peers exchange what they lack
		if i, j := w.IntN(honest), w.IntN(honest); w.linked(i, j) {
			w.sync(i, j)
		}
	case 19:
		w.foeSends()
	}
	w.rewire()
	w.gossip()
}

// gossip delivers some records from somebody to somebody: any order, any number of times.
func (w *world) gossip() {
	for range w.IntN(6) {
		i, j := w.IntN(honest), w.IntN(honest)
		if from := w.peers[j].have; w.linked(i, j) && len(from) > 0 {
			at := len(from) - 1 - w.IntN(min(len(from), 8))
			w.deliver(i, from[at])
			w.check(i)
		}
	}
}

// share gives a peer its own record; others may get it at once.
func (w *world) share(i int, s *signed) {
	w.deliver(i, s)
	w.check(i)
	for j := range honest {
		if w.linked(i, j) && w.IntN(3) > 0 {
			w.deliver(j, s)
			w.check(j)
		}
	}
}

// restart makes a peer's state from its disk, in an order of its own.
func (w *world) restart(i int) {
	p := w.peers[i]
	p.m = w.build()
	for _, at := range w.Perm(len(p.have)) {
		p.m.add(p.have[at])
	}
	for j := range w.since[i] {
		w.since[i][j] = -1
		if j < honest {
			w.since[j][i] = -1
		}
	}
	w.check(i)
}

// profile saves a peer's profile, or brings the old one back: it may then vote a second time.
func (w *world) profile(i int) {
	p := w.peers[i]
	if p.backup == nil {
		p.backup = &peer{
			have: slices.Clone(p.have), has: maps.Clone(p.has), met: maps.Clone(p.met),
			disputes: maps.Clone(p.disputes), voted: maps.Clone(p.voted),
		}
		return
	}
	old := p.backup
	old.passed, old.stood, old.online, old.side = map[vote.ID]bool{}, map[vote.ID]bool{}, p.online, p.side
	w.peers[i] = old
	w.restart(i)
}

// user disputes a proposal or accepts it.
func (w *world) user() {
	i := w.IntN(honest)
	p := w.peers[i]
	if len(w.made) == 0 {
		return
	}
	q := w.made[w.IntN(len(w.made))]
	if !p.met[q.ID] || q.IsOff() {
		return
	}
	if p.disputes.Has(q.ID) {
		delete(p.disputes, q.ID)
	} else if w.IntN(3) == 0 {
		p.disputes[q.ID] = struct{}{}
		clear(p.stood) // he wanted it so; what still stands is noted again
	}
	w.check(i)
}

// propose makes a proposal as machine m would have it made.
func (w *world) propose(m machine, d vote.Disputes, author identity.Key, slot vote.Slot, action string, roll []identity.Key) *vote.Proposal {
	p := &vote.Proposal{
		ID: w.id(), Author: author, Time: int64(w.now) * 1000, Number: w.number(), Slot: slot, Action: action,
		Roll: roll, Need: m.need(slot, action, len(roll)), Base: m.base(slot, d),
		Closes: int64(w.now)*1000 + vote.DefaultDuration.Milliseconds(),
	}
	if p.IsOff() {
		if p.Ends = m.toEnd(d); len(p.Ends) == 0 {
			return nil
		}
	}
	if w.IntN(8) == 0 {
		p.Need += w.IntN(len(roll) - p.Need + 1)
	}
	w.made = append(w.made, p)
	return p
}

func (w *world) honestProposes() {
	i := w.IntN(honest)
	p := w.peers[i]
	if !p.online {
		return
	}
	slot, action := vote.SecureOnly, vote.On
	switch n := w.IntN(8); {
	case n < 2 || n < 5 && p.m.policy(p.disputes).SecureOnly:
		action = vote.Off
	case n == 5:
		slot, action = vote.Topic, string(rune('a'+w.IntN(26)))
	}
	q := w.propose(p.m, w.rules.disputes(w, p), testKey(i), slot, action, w.roll(i))
	if q == nil {
		return
	}
	p.met[q.ID], p.voted[q.ID] = true, true
	w.share(i, w.sign(&signed{proposal: q, by: q.Author, about: q.ID}))
	w.share(i, w.ballot(i, q.ID, vote.Approve)) // goes with it
}

// votes has an honest peer's user vote on something recent.
func (w *world) votes(i int) {
	p := w.peers[i]
	for range 6 {
		if len(w.made) == 0 || !p.online {
			return
		}
		q := w.made[len(w.made)-1-w.IntN(min(len(w.made), 8))]
		if p.m.state(q.ID) == vote.Unknown || p.voted[q.ID] || !q.OnRoll(testKey(i)) {
			continue
		}
		c, likes := vote.Reject, 8
		if q.IsOff() && slices.Contains(foeKeys, q.Author) {
			likes = 2
		}
		if w.IntN(10) < likes {
			c = vote.Approve
		}
		p.voted[q.ID] = true
		w.share(i, w.ballot(i, q.ID, c))
		return
	}
}

func (w *world) honestCancels() {
	i := w.IntN(honest)
	for _, q := range w.made {
		if p := w.peers[i]; p.online && q.Author == testKey(i) && p.m.state(q.ID) == vote.Open {
			w.share(i, w.sign(&signed{cancel: &vote.Cancel{Proposal: q.ID, By: q.Author}, by: q.Author, about: q.ID}))
			return
		}
	}
}

// foeProposes makes whatever an attacker likes: any roll, any ONs to end; sometimes a malformed one.
func (w *world) foeProposes() {
	f := honest + w.IntN(attackers)
	var roll []identity.Key
	honestToo := w.IntN(2) == 0
	for j := range natives {
		if j == f || j >= honest && w.IntN(3) > 0 || j < honest && honestToo && w.IntN(2) == 0 {
			roll = append(roll, testKey(j))
		}
	}
	roll = vote.NewRoll(roll...)
	slot, action := vote.SecureOnly, vote.Off
	switch w.IntN(8) {
	case 0:
		action = vote.On
	case 1:
		slot, action = vote.Topic, "x"
	}
	m := w.peers[w.IntN(honest)].m // the attackers' programs know what somebody knows
	p := w.propose(m, nil, testKey(f), slot, action, roll)
	if p == nil {
		return
	}
	switch w.IntN(10) {
	case 0:
		p.Need = 1
	case 1:
		slices.Reverse(p.Roll)
	case 2:
		p.Roll = append(p.Roll, p.Roll[0])
	}
	w.seen = append(w.seen, w.sign(&signed{proposal: p, by: p.Author, about: p.ID}))
	for a := honest; a < natives; a++ { // they agree among each other
		if w.IntN(4) > 0 {
			w.seen = append(w.seen, w.ballot(a, p.ID, vote.Approve))
		}
	}
	for g := natives; g < natives+guests; g++ {
		w.seen = append(w.seen, w.ballot(g, p.ID, vote.Approve))
	}
	w.foeSends()
	if w.IntN(3) == 0 {
		w.foeReplays()
	}
}

// foeSigns has an attacker approve, reject or both, on a roll or off it.
func (w *world) foeSigns() {
	if len(w.made) == 0 {
		return
	}
	q := w.made[w.IntN(len(w.made))]
	f := honest + w.IntN(attackers+guests)
	c := vote.Choice(1 + w.IntN(3))
	for _, one := range []vote.Choice{vote.Approve, vote.Reject} {
		if c&one != 0 {
			w.seen = append(w.seen, w.ballot(f, q.ID, one))
		}
	}
	w.foeSends()
}

// foeReplays shows ballots that somebody signed for one proposal as ballots for another, and some of
// the attackers' own as somebody else's.
func (w *world) foeReplays() {
	if len(w.made) == 0 || len(w.seen) == 0 {
		return
	}
	q := w.made[w.IntN(len(w.made))]
	for _, p := range w.made { // best of all the last OFF of their own
		if p.IsOff() && slices.Contains(foeKeys, p.Author) && w.IntN(4) > 0 {
			q = p
		}
	}
	for _, s := range w.seen {
		if s.ballot == nil || w.IntN(4) == 0 {
			continue
		}
		b := *s.ballot
		b.Proposal = q.ID
		by := s.by
		if w.IntN(8) == 0 {
			b.Voter, by = testKey(w.IntN(honest)), testKey(honest)
		}
		forged := &signed{ballot: &b, by: by, about: s.about, forged: true}
		for i := range honest {
			for f := range w.foes {
				if w.linked(i, honest+f) && w.IntN(2) == 0 {
					w.deliver(i, forged)
				}
			}
		}
	}
	for i := range honest {
		w.check(i)
	}
}

// foeSends sends some of the attackers' records to some of their links.
func (w *world) foeSends() {
	for i := range honest {
		reached := false
		for f := range w.foes {
			reached = reached || w.linked(i, honest+f)
		}
		if !reached {
			continue
		}
		for _, s := range w.seen[max(0, len(w.seen)-12):] {
			if w.IntN(2) == 0 {
				w.deliver(i, s)
			}
		}
		w.check(i)
	}
}

// sync brings to i what j has: by the map of rule 10 where there is one.
func (w *world) sync(i, j int) {
	to, from := w.peers[i], w.peers[j]
	a, ok := to.m.(real)
	b, _ := from.m.(real)
	if ok {
		for _, ref := range b.ListRequested(a.ListMissing(b.Map())) {
			w.deliver(i, w.byRef[ref])
		}
	} else {
		for _, s := range from.have {
			w.deliver(i, s)
		}
	}
	w.check(i)
}
