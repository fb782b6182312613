package votes_test

import (
	"encoding/json"
	"errors"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/vote"
)

// Records with good signatures and wrong content count nowhere.
func TestNothingForgedCounts(t *testing.T) {
	ids, keys := people(3)
	b := votes.NewRecords(lobby, ids[0])
	id, made := propose(t, b, on(keys...))
	ballot, err := vote.EncodeBallot(vote.Ballot{Proposal: id, Choice: vote.Approve})
	if err != nil {
		t.Fatal(err)
	}
	proposal := made[0].Body().Data
	sign := func(who *identity.Identity, body record.Body) *record.Record {
		r, err := record.Sign(who, body)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	feed := record.NewFeed(1)
	for name, r := range map[string]*record.Record{
		"another room":              sign(ids[1], record.Body{Room: record.OpenRoom("attic"), Kind: record.KindBallot, Data: ballot}),
		"a ballot as proposal":      sign(ids[1], record.Body{Room: lobby, Kind: record.KindProposal, Data: ballot}),
		"a ballot as cancel":        sign(ids[1], record.Body{Room: lobby, Kind: record.KindCancel, Data: ballot}),
		"a proposal as ballot":      sign(ids[1], record.Body{Room: lobby, Kind: record.KindBallot, Data: proposal}),
		"a ballot in a feed":        sign(ids[1], record.Body{Room: lobby, Feed: feed, Seq: 1, Prev: made[0].ID(), Kind: record.KindBallot, Data: ballot}),
		"a ballot with a time":      sign(ids[1], record.Body{Room: lobby, Time: record.Time{Ms: 1}, Kind: record.KindBallot, Data: ballot}),
		"off the roll":              sign(person(44), record.Body{Room: lobby, Kind: record.KindBallot, Data: ballot}),
		"another's cancel":          sign(ids[1], record.Body{Room: lobby, Kind: record.KindCancel, Data: json.RawMessage(`{"proposal":"` + id.String() + `"}`)}),
		"a key twice":               sign(ids[1], record.Body{Room: lobby, Kind: record.KindBallot, Data: json.RawMessage(`{"proposal":"` + id.String() + `","choice":"reject","choice":"approve"}`)}),
		"keys in another order":     sign(ids[1], record.Body{Room: lobby, Kind: record.KindBallot, Data: json.RawMessage(`{"choice":"approve","proposal":"` + id.String() + `"}`)}),
		"wrong case":                sign(ids[1], record.Body{Room: lobby, Kind: record.KindBallot, Data: json.RawMessage(`{"proposal":"` + id.String() + `","CHOICE":"approve"}`)}),
		"a word that is none":       sign(ids[1], record.Body{Room: lobby, Kind: record.KindBallot, Data: json.RawMessage(`{"proposal":"` + id.String() + `","choice":"yes"}`)}),
		"a roll without its author": sign(person(45), record.Body{Room: lobby, Time: record.Time{Ms: now}, Kind: record.KindProposal, Data: proposal}),
	} {
		before := b.Hash()
		out, err := add(b, r)
		if err == nil || len(out.Accepted) != 0 || b.Hash() != before {
			t.Errorf("%s: %v, kept %d", name, err, len(out.Accepted))
		}
	}
	// The same ballot again is idempotent, and its bytes follow from what it says.
	good := sign(ids[1], record.Body{Room: lobby, Kind: record.KindBallot, Data: ballot})
	if out := accept(t, b, good); stateOf(b, out.Proposal) != vote.Passed {
		t.Errorf("the good one: %v", stateOf(b, out.Proposal))
	}
	if out := accept(t, b, good); len(out.Accepted) != 0 {
		t.Error("the same ballot counts twice")
	}
}

func TestOutsidersHaveNoVote(t *testing.T) {
	ids, keys := people(3)
	b := votes.NewRecords(lobby, ids[0])
	id, _ := propose(t, b, on(keys...))
	data, _ := vote.EncodeBallot(vote.Ballot{Proposal: id, Choice: vote.Approve})
	for i := range 1000 {
		who := identity.FromSeed([32]byte{byte(i), byte(i >> 8), 3})
		r, err := record.Sign(who, record.Body{Room: lobby, Kind: record.KindBallot, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := add(b, r); !errors.Is(err, vote.ErrNotOnRoll) {
			t.Fatal(err)
		}
	}
	if v, _, _ := b.View(id, now); v.Tally.Yes != 1 {
		t.Errorf("%d approvals", v.Tally.Yes)
	}
	if n := len(allOf(b)); n != 2 {
		t.Errorf("%d records are kept, want the proposal and its author's approval", n)
	}
}
