package node

import (
	"fmt"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/replica"
	"chat.lan/p2pchat/net/store"
)

// shelves are n stores with the feeds of so many runs, of which the first store alone has one in every
// hundred.
func shelves(t *testing.T, n, runs int) (out []store.Store) {
	t.Helper()
	for range n {
		out = append(out, store.NewMem(lobby, 0))
	}
	author := identity.FromSeed([32]byte{77})
	for run := range runs {
		r, err := record.Sign(author, record.Body{Room: lobby, Feed: record.Feed(run + 1), Kind: record.KindOpen,
			Time: record.Time{Ms: time.Now().UnixMilli()}, Data: []byte(`{"name":"often"}`)})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range out {
			if i > 0 && run%100 == 99 {
				continue
			}
			if err := s.Append(store.Entry{Record: r, Name: "often", Arrived: time.Now()}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// A room that has seen very many runs has a frontier that fits no queue: two of its members are level all
// the same, and what is said meanwhile is heard at once.
func TestLongFrontier(t *testing.T) {
	inTown(t, 17, func(t *testing.T, w *town) {
		const runs = 20_000
		kept := shelves(t, 2, runs)
		w.net.SetDefault(memnet.Link{MinLatency: time.Millisecond, MaxLatency: time.Millisecond})
		w.net.Host(addr(0)).SetBandwidth(400_000, 400_000) // what differs takes some seconds
		a := w.move(0, shelf(kept[0]), func(c *Config) { c.Share = replica.ShareAll })
		b := w.move(1, shelf(kept[1]), func(c *Config) { c.Share = replica.ShareAll })
		w.until("linked", func() bool { return a.Status().Peers == 1 && b.Status().Peers == 1 })
		said := 0
		for began := time.Now(); b.Status().Records < runs; said++ {
			if time.Since(began) > 15*time.Second {
				t.Fatalf("%d records of %d are there", b.Status().Records, runs)
			}
			if err := a.Say(fmt.Sprint("meanwhile ", said)); err != nil {
				t.Fatal(err)
			}
			pass(100 * time.Millisecond)
		}
		if said < 20 {
			t.Errorf("it took %d lines: the frontier is too short for this test", said)
		}
		w.until("all heard", func() bool { return len(b.texts("p0")) == said })
		for _, l := range b.lines() {
			if took := l.Arrived.Sub(l.Time); took > time.Second { // what a socket holds takes 0.6 s
				t.Fatalf("%q took %v", l.Text, took)
			}
		}
		w.until("level", func() bool { return a.Replica.Announce().Sums == b.Replica.Announce().Sums && last(a) == "1/1" })
	})
}
