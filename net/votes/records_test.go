package votes_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/vote"
)

var lobby = record.OpenRoom("lobby")

// now is when the tests happen, ms since 1970.
const now = 1_795_000_000_000

func person(n byte) *identity.Identity { return identity.FromSeed([32]byte{n, 7}) }

// people makes n identities and returns their keys too.
func people(n int) (ids []*identity.Identity, keys []identity.Key) {
	for i := range n {
		ids = append(ids, person(byte(i+1)))
		keys = append(keys, ids[i].Key())
	}
	return ids, keys
}

func boxes(ids []*identity.Identity) []*votes.Records {
	var out []*votes.Records
	for _, id := range ids {
		out = append(out, votes.NewRecords(lobby, id))
	}
	return out
}

func on(roll ...identity.Key) vote.Draft {
	return vote.Draft{Slot: vote.SecureOnly, Action: vote.On, Roll: roll}
}

func propose(t *testing.T, b *votes.Records, w vote.Draft) (vote.ID, []*record.Record) {
	t.Helper()
	out, err := signProposal(b, w, now)
	if err != nil {
		t.Fatal(err)
	}
	return out.Proposal, out.Accepted
}

func accept(t *testing.T, b *votes.Records, recs ...*record.Record) votes.Change {
	t.Helper()
	var out votes.Change
	for _, r := range recs {
		var err error
		if out, err = add(b, r); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func cast(t *testing.T, b *votes.Records, id vote.ID, c vote.Choice) []*record.Record {
	t.Helper()
	out, err := signBallot(b, id, c, now)
	if err != nil {
		t.Fatal(err)
	}
	return out.Accepted
}

// add takes one verified record.
func add(b *votes.Records, r *record.Record) (votes.Change, error) {
	return b.ApplyOwn([]*record.Record{r})
}

// signProposal, signBallot and signCancel sign what the peer itself says and apply it.
func signProposal(b *votes.Records, w vote.Draft, now int64) (votes.Change, error) {
	return apply(b)(b.SignProposal(w, now))
}

func signBallot(b *votes.Records, id vote.ID, c vote.Choice, now int64) (votes.Change, error) {
	return apply(b)(b.SignBallot(id, c, now))
}

func signCancel(b *votes.Records, id vote.ID) (votes.Change, error) {
	return apply(b)(b.SignCancel(id))
}

func apply(b *votes.Records) func([]*record.Record, error) (votes.Change, error) {
	return func(own []*record.Record, err error) (votes.Change, error) {
		if err != nil {
			return votes.Change{}, err
		}
		return b.ApplyOwn(own)
	}
}

// allOf returns every record about the known proposals, as a peer without any would get them.
func allOf(b *votes.Records) []*record.Record {
	var ask vote.Map
	for _, e := range b.Map() {
		ask = append(ask, vote.MapEntry{Proposal: e.Proposal})
	}
	return b.ListRequested(ask)
}

// stateOf returns the state of a proposal.
func stateOf(b *votes.Records, id vote.ID) vote.State {
	v, _, _ := b.View(id, now)
	return v.Tally.State
}

func TestMajorityPasses(t *testing.T) {
	ids, keys := people(3)
	bs := boxes(ids)
	id, made := propose(t, bs[0], on(keys...))
	if len(made) != 2 {
		t.Fatalf("%d records, want the proposal and its author's approval", len(made))
	}
	accept(t, bs[1], made...)
	if v, s, _ := bs[1].View(id, now); v.Tally.Yes != 1 || v.Tally.Need != 2 || s != vote.StatusOpen || v.Label != "#1" {
		t.Fatalf("%+v %s", v, s)
	}
	yes := cast(t, bs[1], id, vote.Approve)
	if !bs[1].Policy().SecureOnly {
		t.Error("the second approval does not decide")
	}
	out := accept(t, bs[0], yes...)
	if !out.Policy || stateOf(bs[0], id) != vote.Passed || !bs[0].Policy().SecureOnly {
		t.Errorf("%+v", out)
	}
	// The third heard the ballots first, then the proposal.
	first := accept(t, bs[2], yes...)
	if len(first.Accepted) != 0 || bs[2].Policy().SecureOnly {
		t.Errorf("a ballot without its proposal did %+v", first)
	}
	last := accept(t, bs[2], made[0])
	if len(last.Accepted) != 2 {
		t.Errorf("the proposal brought in %d records, want itself and the ballot that waited", len(last.Accepted))
	}
	accept(t, bs[2], made[1])
	if !bs[2].Policy().SecureOnly || bs[2].Hash() != bs[0].Hash() || bs[1].Hash() != bs[0].Hash() {
		t.Error("the three differ")
	}
}

func TestBallotsAreFinal(t *testing.T) {
	ids, keys := people(3)
	bs := boxes(ids)
	id, made := propose(t, bs[0], on(keys...))
	accept(t, bs[1], made...)
	cast(t, bs[1], id, vote.Reject)
	if _, err := signBallot(bs[1], id, vote.Approve, now); !errors.Is(err, votes.ErrCast) {
		t.Errorf("a second ballot: %v", err)
	}
	stranger := votes.NewRecords(lobby, person(99))
	accept(t, stranger, made...)
	if _, err := signBallot(stranger, id, vote.Approve, now); !errors.Is(err, votes.ErrNoVote) {
		t.Errorf("a stranger's ballot: %v", err)
	}
	accept(t, bs[2], made...)
	if _, err := signBallot(bs[2], id, vote.Approve, now+vote.DefaultDuration.Milliseconds()); !errors.Is(err, votes.ErrClosed) {
		t.Errorf("a ballot after it closed: %v", err)
	}
	if _, err := signBallot(bs[2], vote.ID{1}, vote.Approve, now); !errors.Is(err, vote.ErrNoProposal) {
		t.Errorf("a ballot on nothing: %v", err)
	}
	if _, err := signCancel(bs[2], id); !errors.Is(err, votes.ErrNotOwn) {
		t.Errorf("another's cancel: %v", err)
	}
	out, err := signCancel(bs[0], id)
	if err != nil || stateOf(bs[0], id) != vote.Cancelled {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestLeftOutPeersDispute(t *testing.T) {
	ids, keys := people(3)
	bs := boxes(ids)
	id, made := propose(t, bs[0], on(keys[1]))
	accept(t, bs[1], made...)
	yes := cast(t, bs[1], id, vote.Approve)

	// The third was linked to the proposer and is off the roll.
	outs, refused := bs[2].AcceptAll(made[:1], keys[:2])
	if refused != 0 || len(outs) != 1 || !slices.Equal(outs[0].LeftOut, []identity.Key{keys[2]}) {
		t.Fatalf("%+v, %d refused", outs, refused)
	}
	accept(t, bs[2], append(made[1:], yes...)...)
	if bs[2].Policy().SecureOnly {
		t.Error("a disputed proposal took effect")
	}
	if _, s, _ := bs[2].View(id, now); s != vote.StatusDisputed {
		t.Errorf("it is called %s", s)
	}
	if changed, err := bs[2].SetDisputed(id, false); err != nil || !changed || !bs[2].Policy().SecureOnly {
		t.Errorf("accepting it: changed %v, %v", changed, err)
	}
	if changed, err := bs[2].SetDisputed(id, true); err != nil || !changed || bs[2].Policy().SecureOnly {
		t.Errorf("refusing it: changed %v, %v", changed, err)
	}
	// A newcomer disputes nothing, and a restart doesn't ask again.
	again := votes.NewRecords(lobby, ids[2])
	if n := again.Restore(allOf(bs[2]), []vote.ID{id}); n != 0 {
		t.Errorf("%d records refused", n)
	}
	if again.Policy().SecureOnly || again.Hash() != bs[2].Hash() {
		t.Error("a restart forgot the dispute or a record")
	}
	newcomer := votes.NewRecords(lobby, person(50))
	newcomer.AcceptAll(allOf(bs[0]), keys)
	accept(t, newcomer, yes...)
	if newcomer.Policy().SecureOnly {
		t.Error("a peer linked to all three applies a vote without the third")
	}
	// It may come decided, with all its ballots at once.
	late := votes.NewRecords(lobby, ids[2])
	outs, refused = late.AcceptAll(append(slices.Clone(made), yes...), keys[:2])
	if refused != 0 || len(outs) != 1 || !slices.Equal(outs[0].LeftOut, []identity.Key{keys[2]}) || late.Policy().SecureOnly {
		t.Errorf("decided without the third, which was there: %+v, %d refused, in force %v", outs, refused, late.Policy().SecureOnly)
	}
	fresh := votes.NewRecords(lobby, person(51))
	fresh.AcceptAll(append(allOf(bs[0]), yes...), nil)
	if !fresh.Policy().SecureOnly {
		t.Error("a newcomer does not tighten at once")
	}
}

// The same records give the same state, in any order and however they arrive.
func TestOrderDoesNotMatter(t *testing.T) {
	ids, keys := people(5)
	bs := boxes(ids)
	var all []*record.Record
	share := func(recs []*record.Record) {
		all = append(all, recs...)
		for _, b := range bs {
			for _, r := range recs {
				add(b, r)
			}
		}
	}
	rng := rand.New(rand.NewPCG(4, 2))
	for i := range 12 {
		w := on(keys...)
		switch {
		case i%4 == 1:
			w.Slot, w.Action = vote.Topic, string(rune('a'+i))
		case i%4 == 3 && bs[0].Policy().SecureOnly:
			w.Action = vote.Off
		}
		id, made := propose(t, bs[i%5], w)
		share(made)
		for _, j := range rng.Perm(5)[:rng.IntN(5)+1] {
			c := vote.Approve
			if rng.IntN(4) == 0 {
				c = vote.Reject
			}
			if out, err := signBallot(bs[j], id, c, now); err == nil {
				share(out.Accepted)
			}
		}
		if rng.IntN(3) == 0 {
			if out, err := signCancel(bs[i%5], id); err == nil {
				share(out.Accepted)
			}
		}
	}
	want := bs[0]
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 9))
		mixed := append(slices.Clone(all), all...)
		rng.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		b := votes.NewRecords(lobby, person(77))
		kept := map[record.ID]int{}
		note := func(out votes.Change) {
			for _, r := range out.Accepted {
				kept[r.ID()]++
			}
		}
		if seed%2 == 0 {
			for _, r := range mixed {
				out, err := add(b, r)
				if err != nil {
					t.Fatal(err)
				}
				note(out)
			}
		} else {
			outs, refused := b.AcceptAll(mixed, nil)
			if refused != 0 {
				t.Fatalf("seed %d: %d refused", seed, refused)
			}
			for _, out := range outs {
				note(out)
			}
		}
		if b.Hash() != want.Hash() {
			t.Fatalf("seed %d: hash differs", seed)
		}
		p, q := b.Policy(), want.Policy()
		if p.SecureOnly != q.SecureOnly || p.By != q.By || p.Topic != q.Topic {
			t.Fatalf("seed %d: policy %+v, want %+v", seed, p, q)
		}
		for _, r := range all {
			if kept[r.ID()] != 1 {
				t.Fatalf("seed %d: a record was named as kept %d times", seed, kept[r.ID()])
			}
		}
	}
}

// Peers that hold different records become equal by Map, ListMissing and ListRequested alone.
func TestSyncMakesEqual(t *testing.T) {
	ids, keys := people(4)
	bs := boxes(ids)
	for i, b := range bs {
		id, _ := propose(t, b, on(keys...))
		if i > 0 {
			bs[i-1].AcceptAll(allOf(b), nil)
			cast(t, bs[i-1], id, vote.Approve)
		}
	}
	for range 3 {
		for i := range bs {
			for j := range bs {
				if lacks := bs[i].ListMissing(bs[j].Map()); len(lacks) > 0 {
					bs[i].AcceptAll(bs[j].ListRequested(lacks), nil)
				}
			}
		}
	}
	for _, b := range bs[1:] {
		if b.Hash() != bs[0].Hash() {
			t.Error("they differ")
		}
	}
	if len(bs[0].ListMissing(bs[1].Map())) != 0 {
		t.Error("equals ask each other")
	}
}

// A decided vote is accepted as a whole, though undecided proposals fill its author's share.
func TestDecidedVotesComeFirst(t *testing.T) {
	ids, keys := people(3)
	author := votes.NewRecords(lobby, ids[0])
	flooded := votes.NewRecords(lobby, person(60))
	var good []*record.Record
	for i := range 400 {
		w := on(keys...)
		w.Note = "flood of proposals, one after the other, to fill the author's share of the room"
		// An hour apart, so that the earlier ones have closed.
		out, err := signProposal(author, w, now+int64(i)*3_600_000)
		if err != nil {
			t.Fatal(err)
		}
		if i == 5 {
			second := votes.NewRecords(lobby, ids[1])
			second.AcceptAll(out.Accepted, nil)
			yes, err := signBallot(second, out.Proposal, vote.Approve, now+int64(i)*3_600_000)
			if err != nil {
				t.Fatal(err)
			}
			good = append(slices.Clone(out.Accepted), yes.Accepted...)
			continue
		}
		flooded.AcceptAll(out.Accepted, nil)
	}
	outs, refused := flooded.AcceptAll(good, nil)
	if refused != 0 || len(outs) != 1 || stateOf(flooded, outs[0].Proposal) != vote.Passed || !flooded.Policy().SecureOnly {
		t.Errorf("%d outcomes, %d refused, policy %+v", len(outs), refused, flooded.Policy())
	}
}

func TestEquivocationIsEvidence(t *testing.T) {
	ids, keys := people(3)
	b := votes.NewRecords(lobby, ids[0])
	id, made := propose(t, b, on(keys...))
	one, two := votes.NewRecords(lobby, ids[1]), votes.NewRecords(lobby, ids[1])
	accept(t, one, made...)
	accept(t, two, made...)
	accept(t, b, cast(t, one, id, vote.Approve)...)
	out := accept(t, b, cast(t, two, id, vote.Reject)...)
	if out.Equivocator != keys[1] {
		t.Fatalf("%+v", out)
	}
	if v, _, _ := b.View(id, now); v.Tally.Yes != 2 || v.Tally.No != 0 {
		t.Errorf("tally %+v", v.Tally)
	}
	text, ok := b.EncodeEvidence(id)
	if !ok {
		t.Fatal("no file")
	}
	p := prove(t, text)
	if p.Equivocator != keys[1] || p.Proposal.ID != id {
		t.Errorf("%+v", p)
	}
}

// An OFF that passed on a larger roll still needs a majority of those who switched it on, and takes
// their approvals after it has passed.
func TestOffNeedsMajorityOfOnRoll(t *testing.T) {
	ids, keys := people(6)
	bs := boxes(ids)
	share := func(recs []*record.Record) {
		for _, b := range bs {
			b.AcceptAll(recs, nil)
		}
	}
	id, made := propose(t, bs[0], on(keys[:2]...))
	share(made)
	share(cast(t, bs[1], id, vote.Approve))
	w := on(keys...)
	w.Action = vote.Off
	off, made := propose(t, bs[2], w)
	share(made)
	for _, b := range bs[3:6] {
		share(cast(t, b, off, vote.Approve))
	}
	if v, _, _ := bs[0].View(off, now); v.Tally.State != vote.Passed || !bs[0].Policy().SecureOnly {
		t.Fatalf("%v, policy %+v", v.Tally, bs[0].Policy())
	}
	text, _ := bs[0].EncodeCertificate(off)
	if p := prove(t, text); len(p.Ends) != 1 || p.Ends[0].Ended() || p.Ends[0].Have != 0 || p.Ends[0].Need != 2 {
		t.Errorf("its certificate shows %+v", p.Ends)
	}
	share(cast(t, bs[0], off, vote.Approve))
	if !bs[0].Policy().SecureOnly {
		t.Error("one of two is no majority")
	}
	share(cast(t, bs[1], off, vote.Approve))
	if bs[0].Policy().SecureOnly {
		t.Error("both of those who switched it on approved, and it stands")
	}
}
