package roster

import (
	"strings"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
)

// peer returns a native peer that is here, with the nth key.
func peer(n byte, name string) event.Peer {
	k := identity.FromSeed([32]byte{n}).Key()
	return event.Peer{Key: k, ID: k.ID().String(), Name: name, Kind: event.KindNative, State: event.Up}
}

func TestNotePeer(t *testing.T) {
	var r Roster
	bob := peer(2, "bob")
	for i, tc := range []struct {
		state, before event.State
		offered       bool // by Complete
	}{
		{event.Up, "", true}, {event.Late, event.Up, true}, {event.Up, event.Late, true},
		{event.Lost, event.Up, true}, {event.Up, "", true}, {event.Relayed, event.Up, true}, {event.Up, event.Relayed, true}, {event.Left, event.Up, false}, {event.Left, "", false},
	} {
		bob.State = tc.state
		if before := r.NotePeer(bob); before != tc.before {
			t.Errorf("step %d: the state before is %q, want %q", i, before, tc.before)
		}
		if offered := len(r.Complete("bob")) > 0; offered != tc.offered {
			t.Errorf("step %d: offered %v, want %v", i, offered, tc.offered)
		}
		if here := !r.NoOneBut(""); here != bob.Present() {
			t.Errorf("step %d: here %v, want %v", i, here, bob.Present())
		}
	}
}

func TestIgnored(t *testing.T) {
	var r Roster
	bob := peer(2, "bob")
	for _, on := range []bool{true, false} {
		bob.Ignored = on
		if r.NotePeer(bob); r.IsIgnored(bob.ID) != on {
			t.Errorf("ignored is %v, want %v", !on, on)
		}
	}
}

// A peer in clear under a verified person's name has a suffix, though that person isn't here.
func TestHeldBackPeerHasASuffix(t *testing.T) {
	var r Roster
	bob := peer(2, "bob")
	r.NotePeer(bob)
	if got := r.Label(ID(bob.Key, bob.ID)).String(); got != "bob" {
		t.Errorf("the label is %q", got)
	}
	bob.HeldBack = true
	r.NotePeer(bob)
	if got := r.Label(ID(bob.Key, bob.ID)).String(); !strings.HasPrefix(got, "bob·") {
		t.Errorf("the label is %q", got)
	}
}

func TestNoOneBut(t *testing.T) {
	var r Roster
	ann, bob := peer(1, "ann"), peer(2, "bob")
	r.NoteSelf(event.Self{ID: "self", Name: "me"})
	if !r.NoOneBut("") || !r.NoOneBut(ann.ID) {
		t.Error("the local peer counts as another")
	}
	r.NotePeer(ann)
	if r.NoOneBut("") || !r.NoOneBut(ann.ID) || r.NoOneBut(bob.ID) {
		t.Error("ann alone is here, and isn't alone")
	}
	r.NotePeer(bob)
	if r.NoOneBut(ann.ID) {
		t.Error("bob is here too and doesn't count")
	}
}

// Authors of old messages and voters that aren't here get a label, but no one offers them; names of
// peers that are here come from the peers alone.
func TestAbsentNames(t *testing.T) {
	var r Roster
	self, ann, bob := peer(1, "me"), peer(2, "ann"), peer(3, "bob")
	r.NoteSelf(event.Self{Key: self.Key, ID: self.ID, Name: "me"})
	r.NotePeer(ann)
	r.NoteAuthor(event.Line{From: ann.Key, FromID: ann.ID, FromName: "old ann"})
	r.NoteAuthor(event.Line{From: bob.Key, FromID: bob.ID, FromName: "bob"})
	r.NoteAuthor(event.Line{From: self.Key, FromID: self.ID, FromName: "old me", Own: true})
	r.NoteVoters(event.Voter{Key: ann.Key, ID: ann.ID, Name: "old ann"}, event.Voter{Key: bob.Key, ID: bob.ID, Name: "robert"},
		event.Voter{Key: self.Key, ID: self.ID, Name: "old me"}, event.Voter{Key: peer(9, "").Key, ID: "9"})
	for _, tc := range []struct {
		peer event.Peer
		want string
	}{{self, "me"}, {ann, "ann"}, {bob, "robert"}, {peer(9, ""), "?·" + peer(9, "").Key.String()[:4]}} {
		if got := r.Label(ID(tc.peer.Key, tc.peer.ID)).String(); got != tc.want {
			t.Errorf("label is %q, want %q", got, tc.want)
		}
	}
	if got := r.Complete(""); len(got) != 2 {
		t.Errorf("offered are %q, want ann and the local peer", got)
	}
	if ID(identity.Key{}, "uuid") != "uuid" {
		t.Error("a peer without a key doesn't go by its uuid")
	}
}
