package vote_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/vote"
)

func TestThreshold(t *testing.T) {
	f, err := os.Open(filepath.Join(vectors, "rule.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	next := 1
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		var n, majority, strong int
		if _, err := fmt.Sscan(lines.Text(), &n, &majority, &strong); err != nil || n != next {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		next++
		if vote.Majority(n) != majority || vote.StrongMajority(n) != strong {
			t.Errorf("n = %d: %d and %d, want %d and %d", n, vote.Majority(n), vote.StrongMajority(n), majority, strong)
		}
		// What the numbers are for: no two disjoint majorities, two thirds, and within reach.
		if 2*majority <= n || 2*(majority-1) > n || 3*strong < 2*n || strong < majority || strong > n {
			t.Errorf("n = %d: %d and %d", n, majority, strong)
		}
		for _, r := range []struct {
			slot   vote.Slot
			action string
			want   int
		}{{vote.SecureOnly, vote.On, majority}, {vote.SecureOnly, vote.Off, strong}, {vote.Topic, vote.Off, majority}} {
			if got := vote.Threshold(r.slot, r.action, n); got != r.want {
				t.Errorf("%s %s of %d: %d, want %d", r.slot, r.action, n, got, r.want)
			}
		}
	}
	if next != vote.MaxRoll+1 {
		t.Errorf("the table ends at %d", next-1)
	}
}

// manyKeys returns n keys in ascending order.
func manyKeys(from, n int) []identity.Key {
	keys := make([]identity.Key, n)
	for i := range keys {
		keys[i] = testKey(from + i)
	}
	slices.SortFunc(keys, identity.Key.Compare)
	return keys
}

// proposalOf returns a valid ON on a roll of n.
func proposalOf(name string, n int) vote.Proposal {
	roll := manyKeys(1, n)
	return vote.Proposal{
		ID: named(name), Author: roll[0], Time: 1000, Closes: 181_000, Number: 1, Slot: vote.SecureOnly,
		Action: vote.On, Roll: roll, Need: vote.Majority(n),
	}
}

func TestNeed(t *testing.T) {
	for n := 1; n <= vote.MaxRoll; n++ {
		for _, action := range []string{vote.On, vote.Off} {
			p := proposalOf("p", n)
			if p.Action = action; action == vote.Off {
				p.Ends = []vote.ID{named("on")}
			}
			least := vote.Threshold(p.Slot, p.Action, n)
			for _, need := range []int{-1, 0, least - 1, least, n, n + 1} {
				p.Need = need
				err := vote.Validate(&p)
				if ok := need >= least && need <= n; ok != (err == nil) || !ok && !errors.Is(err, vote.ErrNeed) {
					t.Fatalf("%s: need %d of %d: %v", action, need, n, err)
				}
			}
		}
	}
}

func TestForgedProposals(t *testing.T) {
	for name, forge := range map[string]func(*vote.Proposal){
		"author missing":     func(p *vote.Proposal) { p.Author = testKey(1000) },
		"no author":          func(p *vote.Proposal) { p.Author = identity.Key{} },
		"duplicate key":      func(p *vote.Proposal) { p.Roll[2] = p.Roll[1] },
		"re-ordered keys":    func(p *vote.Proposal) { p.Roll[2], p.Roll[1] = p.Roll[1], p.Roll[2] },
		"zero key":           func(p *vote.Proposal) { p.Roll[0], p.Author = identity.Key{}, p.Roll[1] },
		"empty roll":         func(p *vote.Proposal) { p.Roll = nil },
		"too large":          func(p *vote.Proposal) { p.Roll, p.Need = manyKeys(1, 257), 200; p.Author = p.Roll[0] },
		"no id":              func(p *vote.Proposal) { p.ID = vote.ID{} },
		"closes before time": func(p *vote.Proposal) { p.Closes = p.Time },
		"closes never":       func(p *vote.Proposal) { p.Closes = p.Time + vote.MaxDuration.Milliseconds() + 1 },
		"negative number":    func(p *vote.Proposal) { p.Number = 1 << 63 },
	} {
		p := proposalOf("p", 5)
		forge(&p)
		b := vote.NewLedger()
		r, err := b.AddProposal(p)
		if !errors.Is(err, vote.ErrInvalid) || r.Verdict != vote.Refused || len(b.Proposals()) != 0 {
			t.Errorf("%s: %v, %v", name, r.Verdict, err)
		}
	}
	p := proposalOf("p", 5)
	if _, err := vote.NewLedger().AddProposal(p); err != nil {
		t.Errorf("and unforged: %v", err)
	}
}

func TestListLeftOut(t *testing.T) {
	p := proposalOf("p", 3)
	a, b, c := p.Roll[0], p.Roll[1], p.Roll[2]
	x, y := testKey(100), testKey(101)
	off := p
	off.Action, off.Ends = vote.Off, []vote.ID{named("on")}
	for _, test := range []struct {
		name   string
		p      *vote.Proposal
		self   identity.Key
		linked []identity.Key
		want   []identity.Key
	}{
		{"all on it", &p, b, []identity.Key{a, c}, nil},
		{"just started", &p, x, nil, nil},
		{"a neighbour is left out", &p, b, []identity.Key{a, x}, []identity.Key{x}},
		{"self is left out, linked to the proposer", &p, x, []identity.Key{a}, []identity.Key{x}},
		{"self is not on it, never met the proposer", &p, x, []identity.Key{b}, nil},
		{"both", &p, x, []identity.Key{a, y}, vote.NewRoll(x, y)},
		{"one's own", &p, a, []identity.Key{x}, nil},
		{"an off", &off, x, []identity.Key{a, y}, nil},
	} {
		if got := test.p.ListLeftOut(test.self, test.linked); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
