package vote

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
)

func boundKey(n int) identity.Key {
	raw := make([]byte, 32)
	binary.BigEndian.PutUint32(raw, uint32(n)+1)
	k, err := identity.KeyFromBytes(raw)
	if err != nil {
		panic(err)
	}
	return k
}

func boundID(n int) (id ID) {
	binary.BigEndian.PutUint32(id[:], uint32(n)+1)
	return id
}

// boundProposal returns proposal number n by author, with the keys after the author's on the roll
// too.
func boundProposal(n, author, voters, size int) Proposal {
	var roll []identity.Key
	for i := range voters {
		roll = append(roll, boundKey(author+i))
	}
	return Proposal{
		ID: boundID(n), Author: boundKey(author), Time: int64(1000 + n), Closes: int64(2000 + n), Size: size,
		Number: 1, Slot: SecureOnly, Action: On, Roll: roll, Need: Majority(voters),
	}
}

// sums adds up the book's accounts from nothing and compares.
func sums(t *testing.T, b *Ledger) {
	t.Helper()
	bytes, loose := 0, 0
	undecided := map[identity.Key]int{}
	for _, e := range b.entries {
		bytes += e.bytes
		if e.tally.State != Passed {
			loose += e.bytes
		}
		if s := e.tally.State; s == Open || s == Cancelled {
			undecided[e.p.Author] += e.own
		}
	}
	if b.bytes != bytes || b.droppable != loose {
		t.Errorf("bytes %d, loose %d; they are %d and %d", b.bytes, b.droppable, bytes, loose)
	}
	for k, a := range b.accounts {
		if a.undecided != undecided[k] || a.undecided > b.limits.author {
			t.Errorf("undecided of %s: %d, they are %d", k.Short(), a.undecided, undecided[k])
		}
	}
	if b.bytes > b.limits.room {
		t.Errorf("%d bytes in a room of %d", b.bytes, b.limits.room)
	}
	if len(b.ids) != len(b.entries) || !slices.IsSortedFunc(b.ids, ID.Compare) {
		t.Errorf("%d ids of %d", len(b.ids), len(b.entries))
	}
}

func TestUndecidedOfOneAuthor(t *testing.T) {
	b := NewLedger()
	var dropped []ID
	for n := range 100 {
		r, err := b.AddProposal(boundProposal(n, 0, 3, 1<<10))
		if err != nil {
			t.Fatal(err)
		}
		dropped = append(dropped, r.Dropped...)
		sums(t, b)
	}
	if len(b.Proposals()) != 64 || len(dropped) != 36 || dropped[0] != boundID(0) {
		t.Errorf("%d kept, %d dropped", len(b.Proposals()), len(dropped))
	}
	if r, err := b.AddProposal(boundProposal(0, 0, 3, 1<<10)); !errors.Is(err, ErrFull) || r.Verdict != Refused || r.Now != Unknown {
		t.Errorf("the oldest comes back: %+v, %v", r, err)
	}
	// Another author has other room, and decided proposals take none.
	if _, err := b.AddProposal(boundProposal(1000, 50, 3, 1<<10)); err != nil {
		t.Error(err)
	}
	for _, c := range []Choice{Approve, Reject} {
		id := b.ids[len(b.ids)/2+int(c)]
		for v := range 2 {
			if _, err := b.AddBallot(Ballot{Proposal: id, Voter: boundKey(v), Choice: c}); err != nil {
				t.Fatal(err)
			}
		}
		sums(t, b)
	}
	before := len(b.Proposals())
	for n := 200; n < 202; n++ {
		if r, err := b.AddProposal(boundProposal(n, 0, 3, 1<<10)); err != nil || len(r.Dropped) > 0 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if len(b.Proposals()) != before+2 {
		t.Errorf("%d proposals", len(b.Proposals()))
	}
}

func TestBallotsThatWaitedSaveTheirProposal(t *testing.T) {
	b := NewLedger()
	for n := 1; n <= 64; n++ {
		if _, err := b.AddProposal(boundProposal(n, 0, 3, 1<<10)); err != nil {
			t.Fatal(err)
		}
	}
	old := boundProposal(0, 0, 3, 1<<10)
	for v := range 2 {
		if r, err := b.AddBallot(Ballot{Proposal: old.ID, Voter: boundKey(v), Choice: Approve}); err != nil || r.Verdict != Pending {
			t.Fatal(r, err)
		}
	}
	if r, err := b.AddProposal(old); err != nil || r.Now != Passed || len(r.Dropped) > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	sums(t, b)
}

// TestFullRoom: a flood from one key, then from many, pushes out neither what has passed nor a small
// honest vote.
func TestFullRoom(t *testing.T) {
	b := NewLedger()
	b.limits.room = 1 << 20
	vote := func(id ID, voter int, c Choice) error {
		_, err := b.AddBallot(Ballot{Proposal: id, Voter: boundKey(voter), Choice: c, Size: 400})
		return err
	}
	certified := boundProposal(0, 0, 5, 1<<10)
	open := boundProposal(1, 0, 5, 1<<10)
	for _, p := range []Proposal{certified, open} {
		if _, err := b.AddProposal(p); err != nil {
			t.Fatal(err)
		}
	}
	for v := range 3 {
		if err := vote(certified.ID, v, Approve); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 2000 {
		p := boundProposal(10+n, 100+10*(n%200), 8, 2<<10)
		_, _ = b.AddProposal(p)
		_ = vote(p.ID, 100+10*(n%200)+1, Reject)
		sums(t, b)
	}
	if b.State(certified.ID) != Passed || b.State(open.ID) != Open {
		t.Fatalf("certified is %v, open is %v", b.State(certified.ID), b.State(open.ID))
	}
	for v := range 3 {
		if err := vote(open.ID, v, Approve); err != nil {
			t.Error(err)
		}
	}
	if b.State(open.ID) != Passed {
		t.Errorf("open is %v", b.State(open.ID))
	}
	// Certificates fill the room: passed proposals stay, new ones are refused, nothing overflows.
	refused := 0
	for n := range 1500 {
		p := boundProposal(10_000+n, 20_000+n, 1, 1<<10)
		if _, err := b.AddProposal(p); errors.Is(err, ErrFull) {
			refused++
		}
		_ = vote(p.ID, 20_000+n, Approve)
		sums(t, b)
	}
	if refused < 500 || b.State(certified.ID) != Passed || b.State(open.ID) != Passed {
		t.Errorf("%d refused, %v, %v", refused, b.State(certified.ID), b.State(open.ID))
	}
	late := boundProposal(50_000, 60_000, 1, 1<<10)
	c := Certificate{Proposal: late, Ballots: []Ballot{{Proposal: late.ID, Voter: late.Author, Choice: Approve, Size: 400}}}
	if _, err := b.AddCertificate(c); !errors.Is(err, ErrFull) {
		t.Errorf("one more certificate: %v", err)
	}
	for v := range 5 {
		for _, choice := range []Choice{Approve, Reject} {
			_ = vote(certified.ID, v, choice)
			sums(t, b)
		}
	}
}

// TestDroppedIsForgotten: nothing of a dropped OFF or topic is left in what follows from it.
func TestDroppedIsForgotten(t *testing.T) {
	b := NewLedger()
	on := boundProposal(0, 0, 3, 0)
	off := boundProposal(1, 0, 3, 0)
	off.Action, off.Ends = Off, []ID{on.ID}
	topic := boundProposal(2, 0, 3, 0)
	topic.Slot, topic.Action = Topic, "x"
	for _, p := range []Proposal{on, off, topic} {
		if _, err := b.AddProposal(p); err != nil {
			t.Fatal(err)
		}
		for v := range 3 {
			if _, err := b.AddBallot(Ballot{Proposal: p.ID, Voter: boundKey(v), Choice: Approve}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if p := b.Policy(nil); p.SecureOnly || p.By != off.ID || p.TopicBy != topic.ID {
		t.Fatalf("%+v", p)
	}
	b.remove(b.entries[off.ID])
	b.remove(b.entries[topic.ID])
	if p := b.Policy(nil); !p.SecureOnly || p.By != on.ID || !p.TopicBy.IsZero() {
		t.Errorf("%+v", p)
	}
	b.remove(b.entries[on.ID])
	if len(b.offsOf)+len(b.numbers)+len(b.accounts)+len(b.ons)+len(b.offs)+len(b.topics)+len(b.ids)+b.bytes+b.droppable != 0 {
		t.Errorf("something is left: %+v", b)
	}
}

// TestLongChainOfTopics: a chain as long as a room can hold, and a circle, which hashes rule out.
func TestLongChainOfTopics(t *testing.T) {
	b := NewLedger()
	const n = 20_000
	add := func(i int, base ID) {
		p := boundProposal(i, i, 1, 0)
		p.Slot, p.Action, p.Base = Topic, "x", base
		if _, err := b.AddProposal(p); err != nil {
			t.Fatal(err)
		}
		if _, err := b.AddBallot(Ballot{Proposal: p.ID, Voter: p.Author, Choice: Approve}); err != nil {
			t.Fatal(err)
		}
	}
	for i := n; i > 0; i-- {
		add(i, boundID(i-1))
	}
	if b.TopicBase() != boundID(n) || b.topicsByDepth()[0].depth != n {
		t.Errorf("deepest is %d", b.topicsByDepth()[0].depth)
	}
	circle := NewLedger()
	b = circle
	add(1, boundID(2))
	add(2, boundID(1))
	if circle.Policy(nil).TopicBy.IsZero() {
		t.Error("no topic")
	}
}

// TestNoRoomToPass: an approval for which there is no room beside what has passed costs its proposal
// its place, rather than letting the room grow.
func TestNoRoomToPass(t *testing.T) {
	b := NewLedger()
	b.limits.room = 4 << 10
	old, last := boundProposal(1, 0, 1, 2<<10), boundProposal(2, 10, 3, 1<<10)
	for _, p := range []Proposal{old, last} {
		if _, err := b.AddProposal(p); err != nil {
			t.Fatal(err)
		}
	}
	ballot := func(id ID, voter int) (Result, error) {
		return b.AddBallot(Ballot{Proposal: id, Voter: boundKey(voter), Choice: Approve, Size: 400})
	}
	if r, err := ballot(old.ID, 0); err != nil || r.Now != Passed {
		t.Fatal(r, err)
	}
	if r, err := ballot(last.ID, 10); err != nil || r.Verdict != Accepted {
		t.Fatal(r, err)
	}
	r, err := ballot(last.ID, 11)
	if !errors.Is(err, ErrFull) || r.Now != Unknown || !slices.Equal(r.Dropped, []ID{last.ID}) {
		t.Errorf("%+v, %v", r, err)
	}
	sums(t, b)
	if p := b.Policy(nil); !slices.Equal(p.Standing, []ID{old.ID}) {
		t.Errorf("%+v", p)
	}
}

// A passed proposal stays when it alone fills the room: another ballot on it is refused, and doesn't cost it
// its place.
func TestRoomFullOfPassedProposals(t *testing.T) {
	b := NewLedger()
	b.limits.room = 4 * minRecord
	p := boundProposal(1, 1, 5, minRecord)
	if _, err := b.AddProposal(p); err != nil {
		t.Fatal(err)
	}
	ballot := func(i int) Ballot {
		return Ballot{Proposal: p.ID, Voter: p.Roll[i], Choice: Approve, Size: minRecord}
	}
	for i := range p.Need {
		if _, err := b.AddBallot(ballot(i)); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := b.AddBallot(ballot(p.Need)); !errors.Is(err, ErrFull) || len(r.Dropped) != 0 {
		t.Errorf("one ballot more: %+v, %v", r, err)
	}
	c := Certificate{Proposal: p}
	for i := range p.Roll {
		c.Ballots = append(c.Ballots, ballot(i))
	}
	if r, err := b.AddCertificate(c); err != nil || r.Verdict != Known || len(r.Dropped) != 0 {
		t.Errorf("all of them: %+v, %v", r, err)
	}
	if b.State(p.ID) != Passed {
		t.Errorf("it is %v", b.State(p.ID))
	}
	sums(t, b)
}
