package vote_test

import (
	"slices"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/vote"
)

// finish brings everyone together, looks whether they agree, and has them vote.
func (w *world) finish() {
	for _, p := range w.peers {
		p.online, p.side = true, 0
	}
	foes := 0
	for i := range w.foes {
		w.foes[i].online = w.IntN(2) == 0
		if w.foes[i].online {
			foes++
			w.foes[i].reach = [honest]bool{true, true, true, true, true}
		}
	}
	w.rewire()
	w.now += 11
	w.foeSends()
	for range 2 { // what waited for its proposal is in no one's map until that has come
		for i := 1; i < honest; i++ {
			w.sync(0, i)
		}
		for i := 1; i < honest; i++ {
			w.sync(i, 0)
		}
	}
	w.compare()
	w.reorder(w.IntN(honest))
	w.everybodyOn()
	w.everybodyTopic()
	if vote.StrongMajority(honest+foes) <= honest {
		w.everybodyOff()
	}
}

// compare: peers with the same records and the same dispute set agree.
func (w *world) compare() {
	first := w.peers[0]
	for i, p := range w.peers[1:] {
		for _, d := range []vote.Disputes{nil, first.disputes, p.disputes} {
			if want, got := first.m.policy(d), p.m.policy(d); !equal(want, got) {
				w.fail(sameState, "peers 0 and %d: %s", i+1, cmp.Diff(want, got))
			}
		}
		a, ok := first.m.(real)
		if b, _ := p.m.(real); ok && (a.Hash() != b.Hash() || len(a.ListMissing(b.Map())) > 0) {
			w.fail(sameState, "peers 0 and %d are not level after an exchange", i+1)
		}
	}
}

// reorder: a peer's records in another order, some of them twice, give the same, and so does the
// model.
func (w *world) reorder(i int) {
	p := w.peers[i]
	again := []machine{w.build()}
	if _, ok := p.m.(real); ok {
		again = append(again, newModel(rightRules()))
	}
	for _, m := range again {
		for range 2 {
			for _, at := range w.Perm(len(p.have)) {
				if s := p.have[at]; w.IntN(2) == 0 || !p.has[s.ref()] {
					m.add(s)
				}
			}
		}
		for _, at := range w.Perm(len(p.have)) {
			m.add(p.have[at])
		}
		for _, d := range []vote.Disputes{nil, p.disputes} {
			if got, want := m.policy(d), p.m.policy(d); !equal(got, want) {
				w.fail(sameState, "peer %d: %T in another order: %s", i, m, cmp.Diff(want, got))
			}
		}
		for _, q := range w.made {
			if got, want := m.state(q.ID), p.m.state(q.ID); got != want {
				w.fail(sameState, "peer %d: %T in another order: %s is %v, was %v", i, m, name(q), got, want)
			}
		}
		if want, got := p.m.evidence(), m.evidence(); !slices.Equal(want, got) {
			w.fail(sameState, "peer %d: %T in another order: evidence %v, was %v", i, m, got, want)
		}
	}
}

// equal compares without cmp.Equal, which would take most of the simulation's time.
func equal(a, b vote.Policy) bool {
	return a.SecureOnly == b.SecureOnly && a.By == b.By && slices.Equal(a.Standing, b.Standing) &&
		a.Topic == b.Topic && a.TopicBy == b.TopicBy
}

// present votes on a proposal that one peer makes with everyone present on its roll, and all
// approve.
func (w *world) present(slot vote.Slot, action string) *vote.Proposal {
	i := w.IntN(honest)
	p := w.peers[i]
	q := w.propose(p.m, w.rules.disputes(w, p), testKey(i), slot, action, w.roll(i))
	if q == nil {
		return nil
	}
	q.Need = p.m.need(slot, action, len(q.Roll))
	records := []*signed{w.sign(&signed{proposal: q, by: q.Author, about: q.ID})}
	for j := range honest {
		records = append(records, w.ballot(j, q.ID, vote.Approve))
	}
	for f := honest; f < natives; f++ {
		records = append(records, w.ballot(f, q.ID, vote.Reject))
	}
	for j := range honest {
		for _, at := range w.Perm(len(records)) {
			w.deliver(j, records[at])
		}
		w.check(j)
		if s := w.peers[j].m.state(q.ID); s != vote.Passed {
			w.fail(everybody, "peer %d: %s is %v", j, name(q), s)
		}
	}
	return q
}

func (w *world) policyOf(i int) vote.Policy {
	p := w.peers[i]
	return p.m.policy(w.rules.disputes(w, p))
}

func (w *world) everybodyOn() {
	q := w.present(vote.SecureOnly, vote.On)
	for i := range honest {
		if !w.policyOf(i).SecureOnly {
			w.fail(everybody, "peer %d: off after %s passed", i, name(q))
		}
	}
}

func (w *world) everybodyTopic() {
	q := w.present(vote.Topic, "together")
	for i := range honest {
		if p := w.policyOf(i); p.TopicBy != q.ID {
			w.fail(everybody, "peer %d: topic %q of %s after %s passed", i, p.Topic, p.TopicBy.String()[:4], name(q))
		}
	}
}

// everybodyOff ends every ON on whose roll the honest are a majority. That leaves the rolls of the
// attackers' making, which each refuses.
func (w *world) everybodyOff() {
	if w.present(vote.SecureOnly, vote.Off) == nil {
		return
	}
	for i, p := range w.peers {
		for _, id := range w.policyOf(i).Standing {
			on := w.byRef[vote.Ref{Kind: vote.RefProposal, Proposal: id}].proposal
			here := 0
			for j := range honest {
				if on.OnRoll(testKey(j)) {
					here++
				}
			}
			if here >= w.majority(len(on.Roll)) {
				w.fail(everybody, "peer %d: %s stands after everyone's off", i, name(on))
			}
			p.disputes[id] = struct{}{}
		}
		if w.policyOf(i).SecureOnly {
			w.fail(everybody, "peer %d: still on", i)
		}
	}
}
