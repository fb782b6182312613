package vote_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/vote"
)

func sortIDs(ids []vote.ID) { slices.SortFunc(ids, vote.ID.Compare) }

func mustAdd(t testing.TB, b *vote.Ledger, p vote.Proposal) {
	t.Helper()
	if r, err := b.AddProposal(p); err != nil || r.Verdict != vote.Accepted {
		t.Fatalf("%v: %v", r.Verdict, err)
	}
}

func cast(t testing.TB, b *vote.Ledger, id vote.ID, k identity.Key, c vote.Choice) vote.Result {
	t.Helper()
	r, err := b.AddBallot(vote.Ballot{Proposal: id, Voter: k, Choice: c})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOutsidersHaveNoVote(t *testing.T) {
	b := vote.NewLedger()
	p := proposalOf("p", 9)
	mustAdd(t, b, p)
	for i := range 2000 { // 1,000 guests' made-up keys and 1,000 keys outside the roll are one to it
		for _, c := range []vote.Choice{vote.Approve, vote.Reject} {
			r, err := b.AddBallot(vote.Ballot{Proposal: p.ID, Voter: testKey(1000 + i), Choice: c})
			if !errors.Is(err, vote.ErrNotOnRoll) || r.Verdict != vote.Refused {
				t.Fatalf("%v: %v", r.Verdict, err)
			}
		}
	}
	for _, c := range []vote.Choice{vote.None, vote.Both, 7} {
		if _, err := b.AddBallot(vote.Ballot{Proposal: p.ID, Voter: p.Roll[0], Choice: c}); !errors.Is(err, vote.ErrChoice) {
			t.Errorf("choice %d: %v", c, err)
		}
	}
	v, _ := b.View(p.ID)
	if want := (vote.Tally{N: 9, Need: 5, State: vote.Open}); v.Tally != want {
		t.Errorf("%+v, want %+v", v.Tally, want)
	}
}

func TestBallotsBeforeTheirProposal(t *testing.T) {
	b := vote.NewLedger()
	p := proposalOf("p", 5)
	for _, k := range p.Roll[:3] {
		if r := cast(t, b, p.ID, k, vote.Approve); r.Verdict != vote.Pending {
			t.Fatalf("%v", r.Verdict)
		}
		cast(t, b, p.ID, k, vote.Approve) // twice is once
	}
	cast(t, b, p.ID, testKey(500), vote.Approve)
	r, err := b.AddProposal(p)
	if err != nil || r.Was != vote.Unknown || r.Now != vote.Passed || len(r.Adopted) != 3 || len(r.Discarded) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestPendingIsBounded(t *testing.T) {
	b := vote.NewLedger()
	p := proposalOf("p", 3)
	cast(t, b, p.ID, p.Roll[0], vote.Approve)
	for i := range vote.MaxPending {
		r := cast(t, b, named(fmt.Sprint(i)), p.Roll[0], vote.Approve)
		if got, want := len(r.Discarded), i/(vote.MaxPending-1); got != want {
			t.Fatalf("%d forgotten after %d more", got, i+1)
		}
	}
	mustAdd(t, b, p)
	if c := b.Choice(p.ID, p.Roll[0]); c != vote.None {
		t.Errorf("the oldest was not forgotten: %v", c)
	}
	if r := cast(t, b, p.ID, p.Roll[0], vote.Approve); r.Verdict != vote.Accepted {
		t.Errorf("the exchange brings it again: %v", r.Verdict)
	}
}

func TestVerdicts(t *testing.T) {
	b := vote.NewLedger()
	p := proposalOf("p", 3)
	mustAdd(t, b, p)
	if r, err := b.AddProposal(p); err != nil || r.Verdict != vote.Known {
		t.Errorf("a second time: %v, %v", r.Verdict, err)
	}
	if r := cast(t, b, p.ID, p.Roll[0], vote.Reject); r.Verdict != vote.Accepted || r.Equivocated {
		t.Errorf("%+v", r)
	}
	if r := cast(t, b, p.ID, p.Roll[0], vote.Reject); r.Verdict != vote.Known {
		t.Errorf("%+v", r)
	}
	if r := cast(t, b, p.ID, p.Roll[0], vote.Approve); r.Verdict != vote.Accepted || !r.Equivocated {
		t.Errorf("%+v", r)
	}
	if r, err := b.AddCancel(vote.Cancel{Proposal: p.ID, By: p.Roll[1]}); !errors.Is(err, vote.ErrNotAuthor) {
		t.Errorf("%+v, %v", r, err)
	}
	cancel := vote.Cancel{Proposal: p.ID, By: p.Author}
	if r, err := b.AddCancel(cancel); err != nil || r.Now != vote.Cancelled {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := b.AddCancel(cancel); err != nil || r.Verdict != vote.Known {
		t.Errorf("%+v, %v", r, err)
	}
	if r := cast(t, b, p.ID, p.Roll[1], vote.Approve); r.Was != vote.Cancelled || r.Now != vote.Passed {
		t.Errorf("the M-th approval after a cancel: %+v", r)
	}
	if got, want := b.Evidence(), []vote.Evidence{{Proposal: p.ID, Voter: p.Roll[0]}}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// TestOrder: whatever records there are, their order and repetition changes nothing.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type record func(*vote.Ledger)
		var records []record
		var ids []vote.ID
		var props []vote.Proposal
		for i := range rapid.IntRange(1, 8).Draw(t, "proposals") {
			p := proposalOf(fmt.Sprint(i), rapid.IntRange(1, 6).Draw(t, "n"))
			p.Number = uint64(rapid.IntRange(1, 3).Draw(t, "number"))
			switch rapid.IntRange(0, 2).Draw(t, "slot") {
			case 0:
				p.Slot, p.Action = vote.Topic, fmt.Sprint("topic ", i)
				if len(ids) > 0 {
					p.Base = rapid.SampledFrom(ids).Draw(t, "base")
				}
			case 1:
				if len(ids) > 0 {
					p.Action = vote.Off
					p.Ends = slices.Compact(rapid.SliceOfN(rapid.SampledFrom(ids), 1, 3).Draw(t, "ends"))
					sortIDs(p.Ends)
					p.Ends = slices.Compact(p.Ends)
				}
			}
			p.Need = vote.Threshold(p.Slot, p.Action, len(p.Roll))
			ids, props = append(ids, p.ID), append(props, p)
			records = append(records, func(b *vote.Ledger) {
				if _, err := b.AddProposal(p); err != nil {
					t.Fatal(err)
				}
			})
			for _, k := range append(slices.Clone(p.Roll), testKey(77)) {
				c := rapid.IntRange(0, 5).Draw(t, "ballot")
				for bit, said := range map[int]vote.Choice{1: vote.Approve, 2: vote.Reject} {
					if c == 4 || c&bit != 0 {
						records = append(records, func(b *vote.Ledger) {
							_, _ = b.AddBallot(vote.Ballot{Proposal: p.ID, Voter: k, Choice: said})
						})
					}
				}
			}
			if rapid.Bool().Draw(t, "cancel") {
				records = append(records, func(b *vote.Ledger) { _, _ = b.AddCancel(vote.Cancel{Proposal: p.ID, By: p.Author}) })
			}
		}
		disputes := vote.Disputes{}
		for _, id := range ids {
			if rapid.Bool().Draw(t, "disputed") {
				disputes[id] = struct{}{}
			}
		}
		order := rapid.Permutation(append(slices.Clone(records), records[len(records)/2:]...)).Draw(t, "order")
		a, b := vote.NewLedger(), vote.NewLedger()
		for _, r := range records {
			r(a)
		}
		for _, r := range order {
			r(b)
		}
		same := cmp.Comparer(func(x, y identity.Key) bool { return x == y })
		for _, d := range []vote.Disputes{nil, disputes} {
			if diff := cmp.Diff(a.Policy(d), b.Policy(d)); diff != "" {
				t.Fatal(diff)
			}
		}
		for i := range props {
			va, _ := a.View(ids[i])
			vb, _ := b.View(ids[i])
			if diff := cmp.Diff(va, vb, same); diff != "" {
				t.Fatal(diff)
			}
		}
		if diff := cmp.Diff(a.Map(), b.Map()); diff != "" || a.Hash() != b.Hash() || a.Bytes() != b.Bytes() {
			t.Fatalf("map, hash or size: %s", diff)
		}
	})
}

// TestTallyIsTheCountOfBallots checks that the tally from scratch and the one that is kept are the same.
func TestTallyIsTheCountOfBallots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := proposalOf("p", rapid.IntRange(1, 12).Draw(t, "n"))
		b := vote.NewLedger()
		mustAddRapid(t, b, p)
		var ballots []vote.Ballot
		for range rapid.IntRange(0, 30).Draw(t, "ballots") {
			v := vote.Ballot{
				Proposal: rapid.SampledFrom([]vote.ID{p.ID, p.ID, p.ID, named("other")}).Draw(t, "for"),
				Voter:    testKey(rapid.IntRange(1, 14).Draw(t, "voter")),
				Choice:   rapid.SampledFrom([]vote.Choice{vote.Approve, vote.Reject}).Draw(t, "choice"),
			}
			ballots = append(ballots, v)
			_, _ = b.AddBallot(v)
			view, _ := b.View(p.ID)
			if yes, no := count(&p, ballots); yes != view.Tally.Yes || no != view.Tally.No {
				t.Fatalf("%d yes and %d no, the ledger has %+v", yes, no, view.Tally)
			}
		}
	})
}

// count counts from scratch: an approval dominates a reject of the same voter.
func count(p *vote.Proposal, ballots []vote.Ballot) (yes, no int) {
	choices := map[identity.Key]vote.Choice{}
	for _, v := range ballots {
		if v.Proposal == p.ID && p.OnRoll(v.Voter) {
			choices[v.Voter] |= v.Choice
		}
	}
	for _, c := range choices {
		if c == vote.Reject {
			no++
		} else {
			yes++
		}
	}
	return yes, no
}

func mustAddRapid(t *rapid.T, b *vote.Ledger, p vote.Proposal) {
	if _, err := b.AddProposal(p); err != nil {
		t.Fatal(err)
	}
}
