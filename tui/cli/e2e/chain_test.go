package e2e

import (
	"fmt"
	"testing"
	"time"
)

// Each knows only the one before it, and nobody looks for others; peer exchange does the rest.
func TestAChainBecomesAFullMesh(t *testing.T) {
	home := t.TempDir()
	var peers []*peer
	for i := range 5 {
		args := alone("--name", fmt.Sprint("peer", i))
		if i > 0 {
			args = append(args, "--connect", fmt.Sprint("127.0.0.1:", peers[i-1].ready.Port))
		}
		peers = append(peers, begin(t, program(t, home, args...)))
	}
	last := peers[len(peers)-1].ready.at
	for _, p := range peers {
		missing := map[string]bool{}
		for _, q := range peers {
			missing[q.ready.ID] = q != p
		}
		for n := range len(peers) - 1 {
			h := p.until(fmt.Sprintf("further peer after %d", n), func(h happened) bool {
				return h.Event == "peer" && h.State == "up" && missing[h.ID]
			})
			missing[h.ID] = false
			soon(t, p.ready.Name+" meets "+h.Name, last, h.at, 3*time.Second)
		}
	}
	for _, p := range peers {
		p.says("hello from " + p.ready.Name)
	}
	for _, p := range peers {
		for _, q := range peers {
			if p.next = 0; p != q {
				p.hears(q, "hello from "+q.ready.Name)
			}
		}
	}
	for _, p := range peers {
		if heard := p.quits(); len(heard) != len(peers)-1 {
			t.Errorf("%s heard %q", p.ready.Name, heard)
		}
	}
}
