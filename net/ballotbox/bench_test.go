package ballotbox_test

import (
	"bytes"
	"testing"
	"time"

	"chat.lan/p2pchat/net/ballotbox"
	"chat.lan/p2pchat/vote"
)

// BenchmarkReadProof checks a certificate of 64 from its bytes, as a stranger would: limit 10 ms.
func BenchmarkReadProof(b *testing.B) {
	ids, keys := people(64)
	author := ballotbox.New(lobby, ids[0])
	out, err := author.Propose(vote.Wish{Slot: vote.SecureOnly, Action: vote.On, Roll: keys, Need: 64}, now)
	if err != nil {
		b.Fatal(err)
	}
	for _, id := range ids[1:] {
		box := ballotbox.New(lobby, id)
		box.AcceptAll(out.Kept, nil)
		mine, err := box.Cast(out.Proposal, vote.Approve, now)
		if err != nil {
			b.Fatal(err)
		}
		author.AcceptAll(mine.Kept, nil)
	}
	text, ok := author.Certificate(out.Proposal)
	if !ok {
		b.Fatal("it has not passed")
	}
	for b.Loop() {
		p, err := ballotbox.ReadProof(bytes.NewReader(text))
		if err != nil || len(p.Approvals) != 64 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(10*time.Millisecond), "of-limit")
}
