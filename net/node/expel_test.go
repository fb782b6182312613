package node

import (
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// forged returns a record of a stranger's whose signature is wrong.
func forged(t *testing.T, p *person) wire.Record {
	t.Helper()
	rec, err := record.Sign(p.cfg.Identity, record.Body{Room: record.OpenRoom("lobby"), Feed: 7, Kind: record.KindOpen, Data: record.NamingData("x")})
	if err != nil {
		t.Fatal(err)
	}
	sig := []byte(strings.Clone(string(rec.Signature())))
	sig[3] ^= 1
	return wire.Record{Body: rec.Signed(), Sig: sig}
}

// A peer that sends a hundred forgeries in ten seconds is sent away for a minute, by name. Others aren't disturbed, and
// fewer forgeries, or slower ones, change nothing.
func TestForgerIsSentAway(t *testing.T) {
	together(t, 1, 3, func(t *testing.T, w *town, ps []*person) {
		bob, mallory, ann := ps[0], ps[1], ps[2]
		bad := forged(t, mallory)
		for range 3 {
			for range maxForged - 1 {
				sendRaw(t, mallory.Node, bob.Self().Key, bad)
			}
			pass(forgedIn + time.Second)
		}
		if linkTo(bob.Node, mallory.Self().Key) == nil {
			t.Fatal("sent away for 99 forgeries in 10 s")
		}
		for range 2 * maxForged {
			sendRaw(t, mallory.Node, bob.Self().Key, bad)
		}
		pass(2 * time.Second)
		if linkTo(bob.Node, mallory.Self().Key) != nil {
			t.Error("the forger is still linked")
		}
		named := 0
		for _, n := range told[event.Notice](&bob.ear) {
			if strings.Contains(n.Text, "p1") && strings.Contains(n.Text, "forged") {
				named++
			}
		}
		if named != 1 {
			t.Errorf("the forger was named %d times", named)
		}
		if err := ann.Say("hello"); err != nil {
			t.Error(err)
		}
		pass(time.Second)
		if got := bob.texts("p2"); len(got) != 1 {
			t.Errorf("bob heard %q of ann", got)
		}
		pass(expelledFor - 5*time.Second)
		if linkTo(bob.Node, mallory.Self().Key) != nil {
			t.Error("the forger is back before a minute has passed")
		}
		pass(3 * expelledFor)
		if linkTo(bob.Node, mallory.Self().Key) == nil {
			t.Error("the forger isn't let in again")
		}
	})
}

// Each key of an address that was just expelled has half the patience of the one before. Other addresses have all.
func TestForgersOfOneAddressHaveLessPatience(t *testing.T) {
	var e expulsions
	now := time.Now()
	one, two := standing.SourceOf(addr(1), nil), standing.SourceOf(addr(2), nil)
	forgeUntilExpelled := func(from standing.Source) (n int) {
		p := &peer{}
		for n = 1; !e.noteForgedLocked(p, from, now); n++ {
		}
		return n
	}
	for i, want := range []int{100, 50, 25, 12, 6, 3, 1, 1} {
		if got := forgeUntilExpelled(one); got != want {
			t.Errorf("key %d was expelled after %d forgeries, want %d", i, got, want)
		}
	}
	if got := forgeUntilExpelled(two); got != maxForged {
		t.Errorf("a key of another address was expelled after %d", got)
	}
	now = now.Add(expelledFor + 1)
	if got := forgeUntilExpelled(one); got != maxForged || len(e.recent) != 1 {
		t.Errorf("a minute later a key was expelled after %d; %d addresses are remembered", got, len(e.recent))
	}
}
