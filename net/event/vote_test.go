package event_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/vote"
)

// A voter that signed any ballot isn't missing.
func TestMissingVoters(t *testing.T) {
	p := event.Proposal{Roll: []event.Voter{{ID: "a", Choice: vote.Approve}, {ID: "b"}, {ID: "c", Choice: vote.Reject}, {ID: "d", Choice: vote.Both}, {ID: "e"}}}
	var got []string
	for _, v := range p.Missing() {
		got = append(got, v.ID)
	}
	if d := cmp.Diff([]string{"b", "e"}, got); d != "" || p.Of() != 5 {
		t.Errorf("of %d: %s", p.Of(), d)
	}
	all := event.Proposal{Roll: []event.Voter{{Choice: vote.Approve}, {Choice: vote.Reject}}}
	if got := all.Missing(); len(got) > 0 {
		t.Errorf("after all have voted %v are missing", got)
	}
	if empty := (event.Proposal{}); empty.Of() != 0 || len(empty.Missing()) > 0 {
		t.Errorf("without a voter list %d of %d are missing", len(empty.Missing()), empty.Of())
	}
}

// A vote for secure-only off lacks the first of its votes that has too few approvals.
func TestLackingApprovals(t *testing.T) {
	one, two := event.Ending{Label: "#1", Need: 2, Have: 2}, event.Ending{Label: "#2", Need: 3, Have: 1}
	for _, tc := range []struct {
		name string
		ends []event.Ending
		want string // label; "" when nothing is lacking
	}{
		{"names none", nil, ""},
		{"has ended its only one", []event.Ending{one}, ""},
		{"has more than it needs", []event.Ending{{Label: "#1", Need: 1, Have: 5}}, ""},
		{"has ended the first of two", []event.Ending{one, two}, "#2"},
		{"has ended the last of two", []event.Ending{two, one}, "#2"},
		{"has ended neither", []event.Ending{{Label: "#3", Need: 1}, two}, "#3"},
	} {
		e, lacking := event.Proposal{Ends: tc.ends}.Lacks()
		if e.Label != tc.want || lacking != (tc.want != "") {
			t.Errorf("a vote that %s lacks %q (%v), want %q", tc.name, e.Label, lacking, tc.want)
		}
	}
}
