package vote_test

import (
	"errors"
	"slices"
	"testing"

	"chat.lan/p2pchat/vote"
)

func passed(t *testing.T, b *vote.Ledger, p vote.Proposal, yes int) {
	t.Helper()
	mustAdd(t, b, p)
	for _, k := range p.Roll[:yes] {
		cast(t, b, p.ID, k, vote.Approve)
	}
}

func TestCertificate(t *testing.T) {
	b := vote.NewLedger()
	p := proposalOf("p", 7)
	mustAdd(t, b, p)
	if _, ok := b.Certificate(p.ID); ok {
		t.Error("a certificate of what is open")
	}
	for _, k := range p.Roll[1:6] {
		cast(t, b, p.ID, k, vote.Approve)
	}
	cast(t, b, p.ID, p.Roll[0], vote.Reject)
	c, ok := b.Certificate(p.ID)
	if !ok || len(c.Ballots) != 5 || c.Check() != nil {
		t.Fatalf("%v, %d ballots, %v", ok, len(c.Ballots), c.Check())
	}
	for name, flaw := range map[string]func(*vote.Certificate){
		"too few":          func(c *vote.Certificate) { c.Ballots = c.Ballots[:3] },
		"none":             func(c *vote.Certificate) { c.Ballots = nil },
		"another's ballot": func(c *vote.Certificate) { c.Ballots[1].Proposal = named("q") },
		"a reject":         func(c *vote.Certificate) { c.Ballots[1].Choice = vote.Reject },
		"both":             func(c *vote.Certificate) { c.Ballots[1].Choice = vote.Both },
		"off the roll":     func(c *vote.Certificate) { c.Ballots[1].Voter = testKey(99) },
		"twice":            func(c *vote.Certificate) { c.Ballots[1] = c.Ballots[0] },
		"order":            func(c *vote.Certificate) { slices.Reverse(c.Ballots) },
		"need lowered":     func(c *vote.Certificate) { c.Proposal.Need, c.Ballots = 2, c.Ballots[:2] },
		"roll cut":         func(c *vote.Certificate) { c.Proposal.Roll = c.Proposal.Roll[1:] },
	} {
		bad := c
		bad.Ballots = slices.Clone(c.Ballots)
		flaw(&bad)
		err := bad.Check()
		if !errors.Is(err, vote.ErrCertificate) && !errors.Is(err, vote.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		fresh := vote.NewLedger()
		if _, err := fresh.AddCertificate(bad); err == nil || len(fresh.Proposals()) != 0 {
			t.Errorf("%s: taken", name)
		}
	}
	fresh := vote.NewLedger()
	r, err := fresh.AddCertificate(c)
	if err != nil || r.Verdict != vote.Accepted || r.Now != vote.Passed || len(r.Adopted) != 6 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err := fresh.AddCertificate(c); err != nil || r.Verdict != vote.Known {
		t.Errorf("again: %+v, %v", r, err)
	}
	if !fresh.Policy(nil).SecureOnly {
		t.Error("a certificate is all that it takes")
	}
}

func TestCertificateOfOff(t *testing.T) {
	b := vote.NewLedger()
	on := proposalOf("on", 3)
	passed(t, b, on, 3)
	off := proposalOf("off", 6)
	off.Action, off.Need, off.Ends = vote.Off, vote.StrongMajority(6), []vote.ID{on.ID}
	off.Author = off.Roll[5]
	mustAdd(t, b, off)
	for _, end := range b.Endings(&off) {
		if end.On != on.ID || end.Need != 2 || end.Have != 0 {
			t.Errorf("%+v", end)
		}
	}
	var newcomers int
	for _, k := range off.Roll {
		if !on.OnRoll(k) {
			cast(t, b, off.ID, k, vote.Approve)
			newcomers++
		}
	}
	cast(t, b, off.ID, on.Roll[0], vote.Approve)
	c, ok := b.Certificate(off.ID)
	if !ok || newcomers != 3 || c.Check() != nil || ends(c, &on) || !b.Policy(nil).SecureOnly {
		t.Errorf("passed %v without its ON's majority, and ends it: %v", ok, ends(c, &on))
	}
	cast(t, b, off.ID, on.Roll[1], vote.Approve)
	if c, _ = b.Certificate(off.ID); !ends(c, &on) || b.Policy(nil).SecureOnly {
		t.Error("it has the majority and does not end it")
	}
	if end := b.Endings(&off)[0]; end.Have != 2 || len(end.Whose) != 3 {
		t.Errorf("%+v", end)
	}
}

// ends reports whether the approvals of an OFF's certificate hold a majority of the ON's roll.
func ends(c vote.Certificate, on *vote.Proposal) bool {
	return c.ApprovedBy(on) >= vote.Majority(len(on.Roll))
}
