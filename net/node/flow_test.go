package node

import (
	"net/netip"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/standing"
)

// All keys of one address share what that address gets, also those that it only hands on. On a link, what its peer says
// itself is apart from what it hands on.
func TestFlowsAreOfSources(t *testing.T) {
	testIdentity := func(i byte) *identity.Identity { return identity.FromSeed([32]byte{i}) }
	n := &Node{cfg: Config{Identity: testIdentity(1)}}
	n.standings = newStandings(n)
	relay, neighbour, honest, stranger := testIdentity(2).Key(), testIdentity(3).Key(), testIdentity(4).Key(), testIdentity(5).Key()
	source := func(addr string) standing.Source { return standing.SourceOf(netip.MustParseAddr(addr), nil) }
	n.standings.LinkUp(relay, source("10.0.0.9"))
	n.standings.LinkUp(neighbour, source("10.0.0.9"))
	n.standings.LinkUp(honest, source("10.0.0.4"))

	flow := func(author, via byte) fair.Group {
		of, rank := n.standings.flowOf(testIdentity(author).Key(), testIdentity(via).Key())
		if of.Key != testIdentity(author).Key() || rank != int(standing.Heard) {
			t.Errorf("author %d via %d: %+v, rank %d", author, via, of, rank)
		}
		return of.Group
	}
	attacker := flow(2, 2)
	if flow(3, 3) != attacker || flow(5, 2) != attacker || flow(4, 2) == attacker {
		t.Error("groups aren't sources")
	}
	own, _ := n.standings.flowOnLink(relay, relay)
	handed, _ := n.standings.flowOnLink(stranger, relay)
	handedToo, _ := n.standings.flowOnLink(neighbour, relay)
	if own.Group == handed.Group || handed.Group != handedToo.Group || own.Key != relay {
		t.Errorf("on its link: own %+v, handed on %+v", own, handed)
	}
	if of, rank := n.standings.flowOf(n.cfg.Identity.Key(), relay); rank != int(standing.Known) || of.Group.From != standing.Machine.Prefix() {
		t.Errorf("our own is %+v, rank %d", of, rank)
	}
}

// A reader rests only for the sake of others, and never keeps people waiting whom we know.
func TestWhoIsPaced(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		known, _ := openKnown(t, t.TempDir())
		p := w.move(0, func(cfg *Config) { cfg.Known = known })
		bob := w.move(1)
		pass(5 * time.Second)
		if p.isPaced(bob.Self().Key) {
			t.Error("a peer that is alone with us is paced")
		}
		reader := w.nc(10, p)
		pass(5 * time.Second)
		if !p.isPaced(bob.Self().Key) {
			t.Error("a peer isn't paced beside a program that reads along")
		}
		reader.close()
		stranger := w.move(2)
		pass(2 * time.Minute) // so that both are met
		if err := p.Trust(bob.Self().ID, true); err != nil {
			t.Fatal(err)
		}
		if p.isPaced(bob.Self().Key) || !p.isPaced(stranger.Self().Key) {
			t.Error("a known person is paced, or a stranger isn't")
		}
	})
}

// A stranger's flood is read in pieces, with rests between them, if somebody else is here.
func TestStrangersFloodIsPaced(t *testing.T) {
	for name, beside := range map[string]bool{"alone": false, "beside others": true} {
		t.Run(name, func(t *testing.T) {
			inTown(t, 1, func(t *testing.T, w *town) {
				p, mallory := w.move(0), w.move(1)
				if beside {
					w.move(2)
				}
				pass(5 * time.Second)
				const feeds = 3000 // each counts more than 2 KiB: 6 MiB, of which 2 MiB are free
				began, before := time.Now(), p.Status().Records
				flood(t, mallory, p.Self().Key, feeds)
				for p.Status().Records < before+feeds {
					pass(10 * time.Millisecond)
				}
				if took := time.Since(began); (took > 200*time.Millisecond) != beside {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}
