package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Whoever was reached by --connect is dialled at the next start, which names nobody; quietly if he isn't
// there; and not any more after /disconnect.
func TestWhoWasReachedIsDialledAgain(t *testing.T) {
	home := t.TempDir()
	b := begin(t, program(t, home, alone("--name", "Ben")...))
	addr := fmt.Sprint("127.0.0.1:", b.ready.Port)
	a := begin(t, program(t, home, alone("--name", "Ann", "--connect", addr)...))
	a.sees("up", b)
	a.quits()
	again := begin(t, program(t, home, alone("--name", "Ann")...))
	again.sees("up", b)
	b.quits()
	again.sees("left", b)
	again.quits()
	third := begin(t, program(t, home, alone("--name", "Ann")...))
	c := begin(t, program(t, home, "start", "--json", "--no-discovery", "--name", "Ben", "--listen", addr))
	third.sees("up", c) // who wasn't there at first
	if i := slices.IndexFunc(third.all(), func(h happened) bool { return strings.Contains(h.Text, "can't connect") }); i >= 0 {
		t.Errorf("a peer of earlier that isn't there is told of: %s", third.all()[i])
	}
	third.says("/disconnect Ben")
	third.sees("left", c)
	third.quits()
	d := begin(t, program(t, home, alone("--name", "Dora")...))
	last := begin(t, program(t, home, alone("--name", "Ann", "--connect", fmt.Sprint("127.0.0.1:", d.ready.Port))...))
	last.sees("up", d)
	last.says("hello")
	d.hears(last, "hello")
	last.says("/quit")
	_, log := last.end()
	if i := slices.IndexFunc(log, func(h happened) bool { return h.ID == c.ready.ID }); i >= 0 {
		t.Errorf("dialled after /disconnect: %s", log[i])
	}
}
