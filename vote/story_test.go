package vote_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/vote"
)

const vectors = "../testdata/vote"

// voter returns the key behind a letter.
func voter(letter rune) identity.Key {
	raw := make([]byte, 32)
	raw[0] = byte(letter-'a') + 1
	raw[1] = 1
	k, err := identity.KeyFromBytes(raw)
	if err != nil {
		panic(err)
	}
	return k
}

func voters(letters string) []identity.Key {
	var out []identity.Key
	for _, l := range letters {
		out = append(out, voter(l))
	}
	return out
}

func named(name string) vote.ID { return sha256.Sum256([]byte(name)) }

func nameOf(id vote.ID) string {
	for l := 'a'; l <= 'z'; l++ {
		if named(string(l)) == id {
			return string(l)
		}
	}
	return "-"
}

// story is what is known so far: the records, each a step that can be taken in any order.
type story struct {
	records  []func(*vote.Ledger) error
	disputes vote.Disputes
}

// TestStories plays each story's records in the order given and in others.
func TestStories(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors, "stories", "*.txt"))
	if err != nil || len(files) < 15 {
		t.Fatalf("%d stories: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := story{disputes: vote.Disputes{}}
			for i, line := range strings.Split(string(text), "\n") {
				f := strings.Fields(line)
				switch {
				case len(f) == 0 || f[0] == "#":
				case f[0] == "---":
					s = story{disputes: vote.Disputes{}}
				case f[0] == "dispute":
					s.disputes[named(f[1])] = struct{}{}
				case f[0] == "=":
					s.expect(t, i+1, f[1:])
				default:
					s.read(t, i+1, f)
				}
			}
		})
	}
}

func (s *story) read(t *testing.T, line int, f []string) {
	switch f[0] {
	case "approve", "reject":
		c := map[string]vote.Choice{"approve": vote.Approve, "reject": vote.Reject}[f[0]]
		for _, k := range voters(f[2]) {
			s.records = append(s.records, func(b *vote.Ledger) error {
				_, err := b.AddBallot(vote.Ballot{Proposal: named(f[1]), Voter: k, Choice: c})
				return err
			})
		}
	case "cancel":
		s.records = append(s.records, func(b *vote.Ledger) error {
			_, err := b.AddCancel(vote.Cancel{Proposal: named(f[1]), By: voters(f[2])[0]})
			return err
		})
	case "on", "off", "topic":
		p := readProposal(t, line, f)
		s.records = append(s.records, func(b *vote.Ledger) error {
			_, err := b.AddProposal(p)
			if err != nil {
				t.Errorf("line %d: %v", line, err)
			}
			return err
		})
	default:
		t.Fatalf("line %d: %q", line, f[0])
	}
}

func readProposal(t *testing.T, line int, f []string) vote.Proposal {
	number, err := strconv.ParseUint(f[3], 10, 64)
	if err != nil {
		t.Fatalf("line %d: %v", line, err)
	}
	p := vote.Proposal{
		ID: named(f[1]), Author: voters(f[2])[0], Number: number, Slot: vote.SecureOnly, Action: f[0],
		Roll: voters(f[4]), Time: 1000, Closes: 2000,
	}
	if f[0] == "topic" {
		p.Slot, p.Action = vote.Topic, ""
	}
	p.Need = vote.Threshold(p.Slot, p.Action, len(p.Roll))
	for _, option := range f[5:] {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "need":
			if p.Need, err = strconv.Atoi(value); err != nil {
				t.Fatalf("line %d: %v", line, err)
			}
		case "base":
			p.Base = named(value)
		case "text":
			p.Action = value
		case "ends":
			for _, l := range value {
				p.Ends = append(p.Ends, named(string(l)))
			}
			sortIDs(p.Ends)
		default:
			t.Fatalf("line %d: %q", line, option)
		}
	}
	return p
}

// expect builds books of the records in 30 orders and asks each.
func (s *story) expect(t *testing.T, line int, f []string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(line), 0))
	order := make([]int, len(s.records))
	for i := range order {
		order[i] = i
	}
	for round := range 30 {
		b := vote.NewLedger()
		for _, i := range order {
			_ = s.records[i](b) // ballots off the roll are refused, and waited for before: the same
		}
		if got, want := s.ask(b, f), strings.Join(f, " "); got != want {
			t.Errorf("line %d, round %d: %s, want %s", line, round, got, want)
			return
		}
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
}

func (s *story) ask(b *vote.Ledger, f []string) string {
	switch f[0] {
	case "policy":
		p := b.Policy(s.disputes)
		word := "off"
		if p.SecureOnly {
			word = "on"
		}
		return fmt.Sprintf("policy %s %s", word, nameOf(p.By))
	case "topic":
		got := nameOf(b.Policy(s.disputes).TopicBy)
		if of, lower := strings.CutPrefix(f[1], "lower:"); lower {
			least := string(of[0])
			for _, l := range of {
				if named(string(l)).Compare(named(least)) < 0 {
					least = string(l)
				}
			}
			if got == least {
				got = f[1]
			}
		}
		return "topic " + got
	case "evidence":
		out := "evidence"
		for _, e := range b.Evidence() {
			for l := 'a'; l <= 'z'; l++ {
				if voter(l) == e.Voter {
					out += fmt.Sprintf(" %s %c", nameOf(e.Proposal), l)
				}
			}
		}
		return out
	}
	v, _ := b.View(named(f[0]))
	return fmt.Sprintf("%s %v %d %d", f[0], v.Tally.State, v.Tally.Yes, v.Tally.No)
}
