package node

import (
	"encoding/binary"
	"flag"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/wire"
)

var floodFeeds = flag.Int("flood.feeds", 3000, "feeds of invented keys in TestHeardBesideAFloodOfFeeds")

// flood has a node hand on a feed of one record each of invented keys.
func flood(t *testing.T, from *person, to identity.Key, feeds int) {
	t.Helper()
	for i := range feeds {
		var seed [32]byte
		binary.BigEndian.PutUint64(seed[8:], uint64(i+1))
		rec, err := record.Sign(identity.FromSeed(seed), record.Body{Room: lobby, Feed: record.Feed(i + 1),
			Time: record.Time{Ms: time.Now().UnixMilli()}, Kind: record.KindOpen, Data: record.NamingData("mallory")})
		if err != nil {
			t.Fatal(err)
		}
		f, err := wire.Encode(wire.Record{Body: rec.Signed(), Sig: rec.Signature()})
		if err != nil {
			t.Fatal(err)
		}
		for l := linkTo(from.Node, to); !l.Live(f); {
			if err := l.WaitLive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// An honest message is heard within a second beside a flood of feeds by invented keys, after any restart, and is kept.
// What isn't kept isn't handed on, and is reported under the authors' heading.
func TestHeardBesideAFloodOfFeeds(t *testing.T) {
	inTown(t, 35, func(t *testing.T, w *town) {
		w.net.Block(addr(2), addr(1)) // the flood comes to bob through alice alone
		disk, size := store.NewMem(lobby, 0), func(c *Config) { c.RoomSize = 2 << 20 }
		alice, bob, mallory := w.move(0, shelf(disk), size), w.move(1), w.move(2)
		pass(3 * time.Second)
		flood(t, mallory, alice.cfg.Identity.Key(), *floodFeeds)
		pass(10 * time.Second)
		s := alice.Status()
		if s.Size.Used > 512<<10 || s.Records < 500 || s.Records > 1000 {
			t.Errorf("%d records of the flood are kept, %d bytes", s.Records, s.Size.Used)
		}
		if got := bob.Status().Records; got > s.Records {
			t.Errorf("%d records were handed on, %d are kept", got, s.Records)
		}
		told := told[event.NotKept](&alice.ear)
		if len(told) == 0 || told[0].Via == nil || told[0].Via.Name != "p2" || !told[0].Strangers || told[0].People < 100 || len(told) > 2 {
			t.Errorf("reported %+v", told)
		}
		say := func(when string, text string) {
			t.Helper()
			bob.Say(text)
			pass(time.Second)
			if heard := alice.texts("p1"); len(heard) == 0 || heard[len(heard)-1] != text {
				t.Errorf("%s alice heard %q", when, heard)
			}
		}
		say("beside the flood", "one")
		bob.leave()
		bob = w.move(1)
		pass(10 * time.Second)
		say("after bob's restart", "two")
		alice.leave()
		alice = w.move(0, shelf(disk), size)
		pass(10 * time.Second)
		say("after alice's restart", "three")
		flood(t, mallory, alice.cfg.Identity.Key(), *floodFeeds/2)
		say("once more", "four")
		var kept []string
		for _, l := range everything(t, alice) {
			kept = append(kept, l.Text)
		}
		if len(kept) != 4 {
			t.Errorf("%q is kept", kept)
		}
	})
}
