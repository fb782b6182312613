package vote

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
)

// The room of issue 6's figures: 1,000 proposals, each on a roll of 256. With 16 MiB it would not
// hold them all, so the benchmarks lift that bound.
const (
	benchProposals = 1000
	benchRoll      = MaxRoll
)

func benchBook() *Ledger {
	b := NewLedger()
	b.limits.room, b.limits.author = 1<<30, 1<<30
	return b
}

func benchRecords() ([]Proposal, []Ballot) {
	rng := rand.New(rand.NewPCG(1, 1))
	var roll []identity.Key
	for i := range benchRoll {
		roll = append(roll, boundKey(i))
	}
	var proposals []Proposal
	var ballots []Ballot
	for n := range benchProposals {
		p := boundProposal(n, 0, 1, 18<<10)
		binary.BigEndian.PutUint64(p.ID[24:], rng.Uint64())
		p.Roll, p.Need, p.Number = roll, Majority(benchRoll), uint64(n+1)
		switch {
		case n%3 == 1:
			p.Slot, p.Action = Topic, "x"
		case n%3 == 2:
			p.Action, p.Need, p.Ends = Off, StrongMajority(benchRoll), []ID{proposals[n-2].ID}
		}
		proposals = append(proposals, p)
		for _, k := range roll {
			c := Approve
			if rng.IntN(4) == 0 {
				c = Reject
			}
			ballots = append(ballots, Ballot{Proposal: p.ID, Voter: k, Choice: c, Size: 450})
		}
	}
	rng.Shuffle(len(ballots), func(i, j int) { ballots[i], ballots[j] = ballots[j], ballots[i] })
	return proposals, ballots
}

func fill(b *testing.B, book *Ledger, proposals []Proposal, ballots []Ballot) {
	for _, p := range proposals {
		if _, err := book.AddProposal(p); err != nil {
			b.Fatal(err)
		}
	}
	for _, v := range ballots {
		if _, err := book.AddBallot(v); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBallot adds a ballot on a roll of 256 among 1,000 proposals and asks for everything that
// a change asks for.
func BenchmarkBallot(b *testing.B) {
	proposals, ballots := benchRecords()
	half := len(ballots) / 2
	var book *Ledger
	next := len(ballots)
	for b.Loop() {
		if next == len(ballots) {
			b.StopTimer()
			book, next = benchBook(), half
			fill(b, book, proposals, ballots[:half])
			b.StartTimer()
		}
		if _, err := book.AddBallot(ballots[next]); err != nil {
			b.Fatal(err)
		}
		next++
		book.Policy(nil)
		book.Hash()
	}
}

// BenchmarkScratch fills a ledger with 1,000 proposals, each on a roll of 256 that have all voted.
func BenchmarkScratch(b *testing.B) {
	proposals, ballots := benchRecords()
	for b.Loop() {
		book := benchBook()
		fill(b, book, proposals, ballots)
		book.Policy(nil)
		book.Hash()
	}
	b.ReportMetric(float64(len(ballots)), "ballots/op")
}

// BenchmarkCertificate checks the content of a certificate of 64, without its 65 signatures.
func BenchmarkCertificate(b *testing.B) {
	p := boundProposal(1, 0, 64, 0)
	c := Certificate{Proposal: p}
	for _, k := range p.Roll {
		c.Ballots = append(c.Ballots, Ballot{Proposal: p.ID, Voter: k, Choice: Approve})
	}
	for b.Loop() {
		if err := c.Check(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecode reads the data of a proposal with a roll of 256.
func BenchmarkDecode(b *testing.B) {
	p := boundProposal(1, 0, MaxRoll, 0)
	data, err := EncodeProposal(&p)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := DecodeProposal(data); err != nil {
			b.Fatal(err)
		}
	}
}
