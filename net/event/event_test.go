package event_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/vote"
)

// What may be coalesced is only what a newer event of the same key makes worthless: lines, peers and
// votes must all arrive, and numbers of two peers never stand for each other.
func TestWhatMayBeCoalesced(t *testing.T) {
	bob, eve := event.Peer{ID: "bob"}, event.Peer{ID: "eve"}
	for _, ev := range []event.Event{
		event.Ready{}, event.SelfChanged{}, event.PeerChanged{}, event.Said{}, event.Sent{}, event.Notice{},
		event.ProposalChanged{}, event.BallotCast{}, event.PolicyChanged{}, event.Differs{}, event.Gate{},
	} {
		if l, ok := ev.(event.Latest); ok {
			t.Errorf("%T may be dropped for a newer one of key %q", ev, l.LatestKey())
		}
	}
	keys := map[string]event.Latest{}
	for _, ev := range []event.Latest{
		event.PeerStats{Peer: bob}, event.PeerStats{Peer: eve}, event.Typing{Peer: bob}, event.Typing{Peer: eve},
		event.Delivered{ID: "bob"}, event.Delivered{ID: "b"}, event.Refused{From: "bob", Reason: "x"}, event.Refused{From: "bob", Reason: "y"},
		event.Refused{From: "bobx"}, event.Sync{}, event.Network{}, event.Saving{},
	} {
		if other := keys[ev.LatestKey()]; other != nil {
			t.Errorf("%#v and %#v stand for each other: both are %q", other, ev, ev.LatestKey())
		}
		keys[ev.LatestKey()] = ev
	}
	if a, b := (event.PeerStats{Peer: bob}), (event.PeerStats{Peer: event.Peer{ID: "bob", In: 5}}); a.LatestKey() != b.LatestKey() {
		t.Error("the numbers of one peer don't replace each other")
	}
}

func TestOnlyNativePeersAreEncrypted(t *testing.T) {
	for kind, want := range map[event.Kind]bool{event.KindNative: true, event.KindJSON: false, event.KindLine: false} {
		if got := (event.Peer{Kind: kind}).Encrypted(); got != want {
			t.Errorf("%s: encrypted %v", kind, got)
		}
	}
}

// Who has voted, either way or both, isn't missing.
func TestMissingVoters(t *testing.T) {
	p := event.Proposal{Roll: []event.Voter{{ID: "a", Choice: vote.Approve}, {ID: "b"}, {ID: "c", Choice: vote.Reject}, {ID: "d", Choice: vote.Both}, {ID: "e"}}}
	var got []string
	for _, v := range p.Missing() {
		got = append(got, v.ID)
	}
	if d := cmp.Diff([]string{"b", "e"}, got); d != "" || p.Of() != 5 {
		t.Errorf("of %d: %s", p.Of(), d)
	}
}
