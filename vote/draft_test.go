package vote_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/vote"
)

func TestNumbers(t *testing.T) {
	b := vote.NewLedger()
	if n := b.NextNumber(); n != 1 {
		t.Errorf("the first number is %d", n)
	}
	id := func(head ...byte) (id vote.ID) { copy(id[:], head); id[31] = 1; return id }
	for _, p := range []struct {
		id     vote.ID
		number uint64
	}{{id(0x7f, 1), 4}, {id(0xc2, 1), 4}, {id(1), 3}, {id(0x7f, 2), 6}, {id(0x7f, 3), 6}, {id(0xc2, 2), 6}} {
		q := proposalOf("", 3)
		q.ID, q.Number = p.id, p.number
		mustAdd(t, b, q)
	}
	if n := b.NextNumber(); n != 7 {
		t.Errorf("the next number is %d", n)
	}
	labels := map[vote.ID]string{
		id(0x7f, 1): "#4·7f", id(0xc2, 1): "#4·c2", id(1): "#3", id(0x7f, 2): "#6·7f02", id(0x7f, 3): "#6·7f03", id(0xc2, 2): "#6·c2", id(9): "",
	}
	for id, want := range labels {
		if got := b.Label(id); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if want == "" {
			continue
		}
		for _, text := range []string{want, strings.TrimPrefix(want, "#"), strings.Replace(want, "·", ".", 1), strings.ToUpper(want), id.String(), id.String()[:8]} {
			if got, err := b.Find(text); err != nil || got != id {
				t.Errorf("Find(%q): %v, %v", text, got, err)
			}
		}
	}
	if _, err := b.Find("#4"); !errors.Is(err, vote.ErrAmbiguous) || !strings.Contains(err.Error(), "#4·7f or #4·c2") {
		t.Errorf("a bare #4: %v", err)
	}
	for _, text := range []string{"", "#", "#5", "#4·99", "7f01", "zzzzzzzz", "#-1", "·7f", "ffffffffffff", "99999999999999999999999"} {
		if _, err := b.Find(text); !errors.Is(err, vote.ErrNoProposal) {
			t.Errorf("Find(%q): %v", text, err)
		}
	}
	last := proposalOf("last", 3)
	last.Number = vote.MaxNumber
	mustAdd(t, b, last)
	if n := b.NextNumber(); n != vote.MaxNumber {
		t.Errorf("after the last number: %d", n)
	}
}

func TestDraft(t *testing.T) {
	b := vote.NewLedger()
	roll := manyKeys(1, 6)
	me := roll[2]
	const now = 1_000_000
	p, err := b.PrepareProposal(me, vote.Draft{Slot: vote.SecureOnly, Action: vote.On, Roll: []identity.Key{roll[5], roll[0], roll[5], roll[1]}}, nil, now)
	if err != nil || p.Need != 3 || len(p.Roll) != 4 || p.Number != 1 || p.Closes != now+180_000 || !p.OnRoll(me) {
		t.Fatalf("%+v, %v", p, err)
	}
	if _, err := vote.EncodeProposal(&p); err != nil {
		t.Error(err)
	}
	p.ID = named("on")
	passed(t, b, p, 3)
	for name, w := range map[string]vote.Draft{
		"need below the rule": {Slot: vote.SecureOnly, Action: vote.Off, Roll: roll, Need: 3},
		"need over the roll":  {Slot: vote.Topic, Action: "x", Roll: roll, Need: 7},
		"257 voters":          {Slot: vote.Topic, Action: "x", Roll: manyKeys(1000, 256)},
		"too long":            {Slot: vote.Topic, Action: "x", Roll: roll, Duration: 2 * vote.MaxDuration},
		"unknown slot":        {Slot: "pin", Action: "x"},
	} {
		if _, err := b.PrepareProposal(me, w, nil, now); !errors.Is(err, vote.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	off, err := b.PrepareProposal(me, vote.Draft{Slot: vote.SecureOnly, Action: vote.Off, Roll: roll}, vote.Disputes{p.ID: {}}, now)
	if err != nil || off.Need != 4 || !slices.Equal(off.Ends, []vote.ID{p.ID}) {
		t.Errorf("an off names what others count: %+v, %v", off, err)
	}
	if _, err := vote.NewLedger().PrepareProposal(me, vote.Draft{Slot: vote.SecureOnly, Action: vote.Off, Roll: roll}, nil, now); !errors.Is(err, vote.ErrNothingOn) {
		t.Errorf("off while off: %v", err)
	}
	for i := range vote.MaxOpen {
		w := vote.Draft{Slot: vote.Topic, Action: fmt.Sprint(i), Roll: roll}
		p, err := b.PrepareProposal(me, w, nil, now)
		if err != nil {
			t.Fatal(err)
		}
		p.ID = named(fmt.Sprint("topic", i))
		mustAdd(t, b, p)
	}
	w := vote.Draft{Slot: vote.Topic, Action: "one more", Roll: roll}
	if _, err := b.PrepareProposal(me, w, nil, now+179_999); !errors.Is(err, vote.ErrTooManyOpen) {
		t.Errorf("a fifth: %v", err)
	}
	if _, err := b.PrepareProposal(me, w, nil, now+180_000); err != nil {
		t.Errorf("once they have closed: %v", err)
	}
}

func TestUnendedONsAreBounded(t *testing.T) {
	b := vote.NewLedger()
	disputes := vote.Disputes{}
	for i := range 100 {
		p := proposalOf(fmt.Sprint(i), 1)
		p.Roll = manyKeys(i, 1)
		p.Author = p.Roll[0]
		passed(t, b, p, 1)
		if i%2 == 0 {
			disputes[p.ID] = struct{}{}
		}
	}
	ids := b.UnendedONs(disputes)
	counted := 0
	for _, id := range ids {
		if !disputes.Has(id) {
			counted++
		}
	}
	if len(ids) != vote.MaxEnds || counted != 50 || !slices.IsSortedFunc(ids, vote.ID.Compare) {
		t.Errorf("%d to end, %d of them counted", len(ids), counted)
	}
}

func TestStatus(t *testing.T) {
	b := vote.NewLedger()
	p := proposalOf("p", 3)
	mustAdd(t, b, p)
	disputes := vote.Disputes{p.ID: {}}
	expect := func(d vote.Disputes, now int64, want vote.Status) {
		t.Helper()
		if v, _ := b.View(p.ID); v.Status(d, now) != want {
			t.Errorf("%s, want %s", v.Status(d, now), want)
		}
	}
	expect(nil, p.Closes-1, vote.StatusOpen)
	expect(nil, p.Closes, vote.StatusExpired)
	expect(disputes, p.Closes, vote.StatusDisputed)
	cast(t, b, p.ID, p.Roll[1], vote.Reject)
	cast(t, b, p.ID, p.Roll[2], vote.Reject)
	expect(disputes, p.Closes, vote.StatusRejected)
	cast(t, b, p.ID, p.Roll[1], vote.Approve)
	cast(t, b, p.ID, p.Roll[2], vote.Approve)
	expect(disputes, 0, vote.StatusDisputed)
	expect(nil, p.Closes+1, vote.StatusPassed)
	off := proposalOf("off", 3)
	off.Action, off.Ends, off.Number = vote.Off, []vote.ID{p.ID}, 2
	passed(t, b, off, 3)
	expect(nil, 0, vote.StatusEnded)
	cancelled := proposalOf("cancelled", 3)
	cancelled.Number = 3
	mustAdd(t, b, cancelled)
	if _, err := b.AddCancel(vote.Cancel{Proposal: cancelled.ID, By: cancelled.Author}); err != nil {
		t.Fatal(err)
	}
	if v, _ := b.View(cancelled.ID); v.Status(nil, 0) != vote.StatusCancelled {
		t.Errorf("%s", v.Status(nil, 0))
	}
	if got, want := b.Proposals(), []vote.ID{p.ID, off.ID, cancelled.ID}; !slices.Equal(got, want) {
		t.Errorf("order %v", got)
	}
	if _, known := b.View(named("unknown")); known || b.State(named("unknown")) != vote.Unknown || b.Choice(named("unknown"), p.Roll[0]) != vote.None {
		t.Error("something is known of nothing")
	}
}
