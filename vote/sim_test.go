package vote_test

import (
	"flag"
	"fmt"
	"slices"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/vote"
)

var (
	histories = flag.Int("histories", defaultHistories, "random histories to simulate")
	firstSeed = flag.Uint64("seed", 1, "seed of the first history; each further history adds 1")
)

const steps = 80

// history plays one history and returns what it broke.
func history(seed uint64, r rules, build func() machine) map[string]*violation {
	w := newWorld(seed, r, build)
	for range steps {
		w.step()
	}
	w.finish()
	return w.violated
}

// TestHistories simulates the rules of package vote on the real ledger. Play one history again with
// go test ./vote -run TestHistories -histories 1 -seed N.
func TestHistories(t *testing.T) {
	const shards = 8
	for shard := range shards {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			for n := shard; n < *histories; n += shards {
				seed := *firstSeed + uint64(n)
				for _, v := range history(seed, rightRules(), newReal) {
					t.Errorf("seed %d: %v", seed, v)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// TestModelHistories shows that the model which the broken rules are put into is itself right.
func TestModelHistories(t *testing.T) {
	r := rightRules()
	for seed := uint64(1); seed <= 100; seed++ {
		for _, v := range history(seed, r, func() machine { return newModel(r) }) {
			t.Fatalf("seed %d: %v", seed, v)
		}
	}
}

// TestHistoriesReach shows that the invariants are put to a test: what they guard against happens.
func TestHistoriesReach(t *testing.T) {
	reached := map[string]int{}
	const n = 300
	for seed := uint64(1); seed <= n; seed++ {
		w := newWorld(seed, rightRules(), newReal)
		for range steps {
			w.step()
		}
		for _, p := range w.peers {
			b := p.m.(real)
			for _, q := range w.made {
				v, known := b.View(q.ID)
				count := func(what string, is bool) {
					if known && is {
						reached[what]++
					}
				}
				own := v.Proposal != nil && slices.Contains(foeKeys, q.Author)
				count("passed", v.Tally.State == vote.Passed)
				count("rejected", v.Tally.State == vote.Rejected)
				count("cancelled", v.Tally.State == vote.Cancelled)
				count("disputed and passed", v.Tally.State == vote.Passed && p.disputes.Has(q.ID))
				count("ended", v.Ended)
				count("attackers' off passed", own && q.IsOff() && v.Tally.State == vote.Passed)
				count("attackers' on passed", own && q.IsOn() && v.Tally.State == vote.Passed)
				count("topic on a topic", q.Slot == vote.Topic && b.State(q.Base) == vote.Passed)
			}
			for _, e := range b.Evidence() {
				if slices.Contains(foeKeys, e.Voter) {
					reached["evidence of an attacker"]++
				} else {
					reached["evidence of a restored backup"]++
				}
			}
			if len(p.stood) > 0 && b.Policy(p.disputes).SecureOnly {
				reached["secure-only by honest votes"]++
			}
		}
	}
	t.Log(reached)
	for _, what := range []string{
		"passed", "rejected", "cancelled", "disputed and passed", "ended", "attackers' off passed",
		"attackers' on passed", "topic on a topic", "evidence of an attacker",
		"evidence of a restored backup", "secure-only by honest votes",
	} {
		if reached[what] < n/30 {
			t.Errorf("%s: %d times in %d histories", what, reached[what], n)
		}
	}
}

// mustBreak plays histories with broken rules until one breaks the invariant.
func mustBreak(t *testing.T, invariant string, breakRule func(*rules)) {
	t.Helper()
	t.Parallel()
	r := rightRules()
	breakRule(&r)
	for seed := uint64(1); seed <= 3000; seed++ {
		if v := history(seed, r, func() machine { return newModel(r) })[invariant]; v != nil {
			t.Logf("seed %d: %v", seed, v)
			return
		}
	}
	t.Errorf("3000 histories with this rule broken, and still: %s", invariant)
}

func TestBrokenSeedMajority(t *testing.T) {
	mustBreak(t, onlyAttackers, func(r *rules) {
		r.majority = func(n int) int { return (n-1)/2 + 1 }
	})
}

func TestBrokenRejectVoidsApprove(t *testing.T) {
	mustBreak(t, staysApproved, func(r *rules) {
		r.yes = func(approved, rejected bool) bool { return approved && !rejected }
	})
}

func TestBrokenGuestsCounted(t *testing.T) {
	mustBreak(t, onlyAttackers, func(r *rules) {
		onRoll := r.voter
		r.voter = func(p *vote.Proposal, k identity.Key) bool {
			for g := natives; g < natives+guests; g++ {
				if k == testKey(g) {
					return true
				}
			}
			return onRoll(p, k)
		}
	})
}

func TestBrokenUnboundBallot(t *testing.T) {
	mustBreak(t, onlyAttackers, func(r *rules) {
		r.verifies = func(s *signed) bool {
			if s.ballot != nil {
				return s.by == s.ballot.Voter // whatever it was signed for
			}
			return s.verifies()
		}
	})
}

func TestBrokenOffWithoutMajorityOfOn(t *testing.T) {
	mustBreak(t, onlyAttackers, func(r *rules) {
		r.ends = func(*model, *vote.Proposal, *vote.Proposal) bool { return true }
	})
}

func TestBrokenChainOfBase(t *testing.T) {
	mustBreak(t, everybody, func(r *rules) {
		r.based, r.secure = true, (*model).chain
	})
}

func TestBrokenDisputesRecomputed(t *testing.T) {
	mustBreak(t, onlyAttackers, func(r *rules) {
		r.disputes = func(w *world, p *peer) vote.Disputes {
			d := vote.Disputes{}
			for i := range w.peers {
				if w.peers[i] != p {
					continue
				}
				for _, q := range w.made {
					if w.disputed(i, q) {
						d[q.ID] = struct{}{}
					}
				}
			}
			return d
		}
	})
}
