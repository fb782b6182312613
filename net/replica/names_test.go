package replica

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
)

// A new name goes to every peer, and messages from then on carry it.
func TestRename(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		if err := a.Rename("anna"); err != nil { // opens the feed
			t.Fatal(err)
		}
		n.say(a, "hello")
		if err := a.Rename("bad\nname"); err == nil || !strings.Contains(err.Error(), "can't be a name") {
			t.Errorf("%v", err)
		}
		if err := a.Rename("annie"); err != nil {
			t.Fatal(err)
		}
		if name, here := (around{a}).NameOf(a.key()); name != "annie" || !here {
			t.Errorf("we are %q, here: %v", name, here)
		}
		n.say(a, "again")
		pass(time.Second)
		said := received[event.Said](b)
		if len(said) != 2 || said[0].Line.FromName != "anna" || said[1].Line.FromName != "annie" {
			t.Errorf("%+v", said)
		}
		if got := strings.Join(b.host.mu.names, " "); got != "anna annie" {
			t.Errorf("names taken: %s", got)
		}
		if got := a.Status().Records; got != 4 {
			t.Errorf("%d records", got)
		}
		// The newest name counts after a restart, for an author that isn't here.
		b = n.restart(1)
		delete(b.host.mu.peers, a.key())
		if name, here := (around{b}).NameOf(a.key()); name != "annie" || here {
			t.Errorf("%q, here: %v", name, here)
		}
	})
}

// The local peer goes by its own name, a linked peer by the host's name for it, and an unknown key by its
// short form. An older record doesn't rename its author.
func TestNameOf(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		around := around{a}
		n.link(a, b)
		author := testID(98).Key()
		expect := func(what, name, want string, here, wantHere bool) {
			t.Helper()
			if name != want || here != wantHere {
				t.Errorf("%s is %q, here: %v", what, name, here)
			}
		}
		name, here := around.NameOf(a.key())
		expect("the local peer", name, "p0", here, true)
		name, here = around.NameOf(b.key())
		expect("a peer", name, "p1", here, true)
		name, here = around.NameOf(author)
		expect("an unknown key", name, author.Short(), here, false)
		a.give(chain(t, 7, "", 1)...)
		a.Replica.mu.Lock()
		a.noteNameLocked(author, lastName{"earlier", record.Time{Ms: 1}})
		a.Replica.mu.Unlock()
		name, here = around.NameOf(author)
		expect("an author that isn't here", name, "mallory", here, false)
		n.unlink(a, b)
		name, here = around.NameOf(b.key())
		expect("a peer that left", name, "p1", here, false)
	})
}

// Invented keys can't fill memory with names, nor push out the name of one that is known.
func TestNamesAreBounded(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a := n.members[0]
		friend := testID(7).Key()
		a.rank(friend, standing.Known, standing.Source{})
		a.Replica.mu.Lock()
		defer a.Replica.mu.Unlock()
		a.noteNameLocked(friend, lastName{name: "friend"})
		for i := range maxNames + 1000 {
			if key, err := identity.KeyFromBytes(binary.BigEndian.AppendUint64(make([]byte, 24), uint64(i+1))); err == nil {
				a.noteNameLocked(key, lastName{name: "mallory"})
				a.noteNameLocked(key, lastName{name: "mallory2"})
			}
		}
		if got := len(a.Replica.mu.names); got > maxNames {
			t.Errorf("%d names are remembered", got)
		}
		if name, _ := a.nameOfLocked(friend); name != "friend" {
			t.Errorf("the friend is called %q", name)
		}
	})
}

// The id that is kept as text is that of the author who is asked for.
func TestLastIDFollowsTheAuthor(t *testing.T) {
	var l lastID
	for _, i := range []int{1, 1, 2, 1} {
		key := testID(i).Key()
		if got := l.of(key); got != key.ID().String() {
			t.Errorf("author %d has the id %s", i, got)
		}
	}
	if got := l.of(identity.Key{}); got != (identity.Key{}).ID().String() {
		t.Errorf("no author has the id %s", got)
	}
}
