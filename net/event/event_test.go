package event_test

import (
	"testing"

	"chat.lan/p2pchat/net/event"
)

// Only an event that a newer one of the same key makes worthless may be coalesced. Messages, peers and
// votes must all arrive, and the numbers of two peers never stand for each other.
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

// A lost peer is not here any more, and neither is one that said goodbye.
func TestPresence(t *testing.T) {
	for state, want := range map[event.State]bool{event.Up: true, event.Late: true, event.Lost: false, event.Left: false, "": false} {
		if got := (event.Peer{State: state}).Present(); got != want {
			t.Errorf("a peer that is %q is present: %v", state, got)
		}
	}
}

// Every event names the room that it was posted for, and none by default.
func TestRoomOfEvents(t *testing.T) {
	const lobby = event.RoomID("7da99e660791fd8295acdc89755f209d")
	scope := event.Scope{Room: lobby}
	for _, ev := range []event.Event{
		event.Ready{Scope: scope}, event.SelfChanged{Scope: scope}, event.PeerChanged{Scope: scope}, event.PeerStats{Scope: scope},
		event.Said{Scope: scope}, event.Sent{Scope: scope}, event.Delivered{Scope: scope}, event.Typing{Scope: scope},
		event.Refused{Scope: scope}, event.Sync{Scope: scope}, event.Saving{Scope: scope}, event.Notice{Scope: scope},
		event.Network{Scope: scope}, event.ProposalChanged{Scope: scope}, event.BallotCast{Scope: scope},
		event.PolicyChanged{Scope: scope}, event.Differs{Scope: scope}, event.Gate{Scope: scope},
	} {
		if got := ev.InRoom(); got != lobby {
			t.Errorf("%T is in room %q", ev, got)
		}
	}
	if got := (event.Said{}).InRoom(); got != "" {
		t.Errorf("an event of the process is in room %q", got)
	}
}

// Two rooms never share a key, so that one room's count is never lost for another's. The numbers of a
// peer's links belong to no room.
func TestLatestKeysOfRooms(t *testing.T) {
	bob := event.Peer{ID: "bob"}
	in := func(room event.RoomID) []event.Latest {
		s := event.Scope{Room: room}
		return []event.Latest{
			event.Delivered{Scope: s, ID: "m"}, event.Typing{Scope: s, Peer: bob}, event.Refused{Scope: s, From: "bob", Reason: "x"},
			event.Sync{Scope: s}, event.Saving{Scope: s},
		}
	}
	lobby, attic, again := in("00"), in("01"), in("00")
	for i := range lobby {
		if lobby[i].LatestKey() == attic[i].LatestKey() {
			t.Errorf("%T of two rooms stand for each other: both are %q", lobby[i], lobby[i].LatestKey())
		}
		if lobby[i].LatestKey() != again[i].LatestKey() {
			t.Errorf("%T of one room don't replace each other", lobby[i])
		}
	}
	a := event.PeerStats{Scope: event.Scope{Room: "00"}, Peer: bob}
	if b := (event.PeerStats{Peer: bob}); a.LatestKey() != b.LatestKey() {
		t.Error("the numbers of a peer are counted for each room")
	}
}
