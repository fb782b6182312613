//go:build !windows

package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/hostile"
)

// Who names a person fifty times a second rings the terminal at most once in 3 s.
func TestAttackByMentions(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	s := onTerminal(t, program(t, t.TempDir(), "start", "--name", "Alice", "--no-discovery", "--listen", "127.0.0.1:"+port))
	s.shows("Alice")
	a := newAttacker(t)
	eve, err := hostile.Dial(t.Context(), &net.Dialer{}, "127.0.0.1:"+port, a.config(0))
	if err != nil {
		t.Fatal(err)
	}
	author := hostile.NewAuthor(eve.Identity(), eve.Room())
	if err := eve.Send(hostile.Frame(author.Open(1, "Eve"))); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	n := 0
	for ; time.Since(began) < lasting(7*time.Second); n++ {
		if err := eve.Send(hostile.Frame(author.Say(fmt.Sprintf("@Alice Alice %d", n)))); err != nil {
			t.Fatal(err)
		}
		pause(20 * time.Millisecond)
	}
	if err := eve.Send(hostile.Frame(author.Say("the end of it"))); err != nil {
		t.Fatal(err)
	}
	text := s.shows("the end of it")
	took := time.Since(began)
	bells := strings.Count(text, "\a") - strings.Count(text, "\x1b]") // one ends each of the commands to the terminal, such as titles
	t.Logf("%d bells for %d mentions in %v", bells, n, took.Round(time.Second))
	if most := int(took/(3*time.Second)) + 1; bells < 1 || bells > most {
		t.Errorf("%d bells, want 1 to %d", bells, most)
	}
}
