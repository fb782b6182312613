package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// outcome waits until a peer is told that a proposal has come to a state with so many on each side.
func (p *peer) outcome(label, state string, yes, no int) happened {
	p.t.Helper()
	return p.until(label+" "+state, func(h happened) bool {
		return h.Event == "proposal" && h.Label == label && h.State == state && h.Yes == yes && h.No == no
	})
}

// policy waits until a peer is told what secure-only is.
func (p *peer) policy(value string) happened {
	p.t.Helper()
	return p.until("policy "+value, func(h happened) bool { return h.Event == "policy" && h.Slot == "secure_only" && h.Value == value })
}

// Four hosts vote; the network splits before the last ballots, which are cast on both sides; it heals:
// one outcome at all four within 5 s of the network's return. A fifth that comes later learns it, and
// the certificate convinces somebody who has nothing but the file.
func TestAVoteAcrossASplitNetwork(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	l := newLAN(t, "vote", "red", "blue")
	var hosts []*host
	var peers []*peer
	for i, name := range []string{"ann", "ben", "cem", "dee"} {
		hosts = append(hosts, l.host(name, fmt.Sprintf("10.77.0.%d/16@red", i+1)))
		peers = append(peers, hosts[i].start())
	}
	for _, p := range peers {
		for _, other := range peers {
			if p != other {
				p.sees("up", other)
			}
		}
	}
	peers[0].says("/propose --for 10m we were spammed")
	for _, p := range peers {
		p.outcome("#1", "open", 1, 0)
	}
	hosts[2].plug("blue")
	hosts[3].plug("blue")
	for _, pair := range [][2]int{{0, 2}, {2, 0}, {1, 3}, {3, 1}} {
		peers[pair[0]].sees("lost", peers[pair[1]])
	}
	peers[1].says("/vote #1 no")
	peers[2].says("/y")
	peers[3].says("/vote #1 approve")
	peers[0].outcome("#1", "open", 1, 1)
	peers[1].outcome("#1", "open", 1, 1)
	for _, p := range peers[2:] {
		p.outcome("#1", "passed", 3, 0) // with the proposer's own, whose side doesn't know it
		p.policy("on")
	}
	healed := time.Now()
	hosts[2].plug("red")
	hosts[3].plug("red")
	for _, p := range peers {
		soon(t, p.ready.Name+" knows the outcome", healed, p.outcome("#1", "passed", 3, 1).at, 5*time.Second)
	}
	for _, p := range peers[:2] {
		p.policy("on")
	}

	eve := l.host("eve", "10.77.0.5/16@red")
	fifth := eve.start()
	fifth.policy("on")
	fifth.says("/unsigned hello")
	fifth.until("a refusal", func(h happened) bool { return h.Event == "error" && strings.Contains(h.Text, "#1") })

	file := filepath.Join(t.TempDir(), "certificate")
	fifth.says("/proof #1 " + file)
	fifth.until("the certificate", func(h happened) bool { return h.Event == "info" && strings.Contains(h.Text, file) })
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	code, out, errs := finish(t, program(t, t.TempDir(), "verify", file))
	if code != 0 || !strings.Contains(out, "3 of 4 approvals") || !strings.Contains(out, "we were spammed") {
		t.Errorf("verify: exit %d, %q\n%s", code, errs, out)
	}
}
