package votes_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/vote"
)

// BenchmarkReadProof checks a certificate of 64 from its bytes: limit 10 ms.
func BenchmarkReadProof(b *testing.B) {
	ids, keys := people(64)
	author := votes.NewRecords(lobby, ids[0])
	out, err := signProposal(author, vote.Draft{Slot: vote.SecureOnly, Action: vote.On, Roll: keys, Need: 64}, now)
	if err != nil {
		b.Fatal(err)
	}
	for _, id := range ids[1:] {
		box := votes.NewRecords(lobby, id)
		box.AcceptAll(out.Accepted, nil)
		mine, err := signBallot(box, out.Proposal, vote.Approve, now)
		if err != nil {
			b.Fatal(err)
		}
		author.AcceptAll(mine.Accepted, nil)
	}
	text, ok := author.EncodeCertificate(out.Proposal)
	if !ok {
		b.Fatal("it has not passed")
	}
	for b.Loop() {
		p, err := votes.ReadCertificate(bytes.NewReader(text))
		if err != nil || len(p.Approvals) != 64 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(10*time.Millisecond), "of-limit")
}

// BenchmarkRestore starts in a room that has decided much. A record must cost no more among many
// records (per-record compares with a quarter of them; 4 would be quadratic).
func BenchmarkRestore(b *testing.B) {
	ids, keys := people(3)
	var all []*record.Record
	author, voter := votes.NewRecords(lobby, ids[0]), votes.NewRecords(lobby, ids[1])
	for i := range 400 {
		proposed, err := signProposal(author, vote.Draft{Slot: vote.Topic, Action: fmt.Sprint(i), Roll: keys}, now)
		if err != nil {
			b.Fatal(err)
		}
		voter.AcceptAll(proposed.Accepted, nil)
		cast, err := signBallot(voter, proposed.Proposal, vote.Approve, now)
		if err != nil {
			b.Fatal(err)
		}
		author.AcceptAll(cast.Accepted, nil)
		all = append(append(all, proposed.Accepted...), cast.Accepted...)
	}
	restore := func(recs []*record.Record) time.Duration {
		begun := time.Now()
		box := votes.NewRecords(lobby, ids[2])
		if refused := box.Restore(recs, nil); refused != 0 || len(allOf(box)) != len(recs) {
			b.Fatalf("%d of %d are there, %d were refused", len(allOf(box)), len(recs), refused)
		}
		return time.Since(begun)
	}
	var few, many time.Duration
	for b.Loop() {
		few += restore(all[:len(all)/4])
		many += restore(all)
	}
	b.ReportMetric(float64(many)/float64(few)/4, "per-record")
}
