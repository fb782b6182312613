package e2e

import (
	"flag"
	"fmt"
	"net"
	"testing"
	"time"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/hostile"
)

// Attacks on the built program by package hostile, over TCP on this machine.

var longAttacks = flag.Bool("attack.long", false, "attacks go on for a minute in place of seconds")

// lasting returns how long an attack goes on.
func lasting(short time.Duration) time.Duration {
	if *longAttacks {
		return time.Minute
	}
	return short
}

// attacker makes hostile peers. They end with the test.
type attacker struct {
	t     *testing.T
	group *group.Group
}

func newAttacker(t *testing.T) *attacker {
	t.Helper()
	a := &attacker{t, group.New(t.Context(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })}
	t.Cleanup(a.group.Close)
	return a
}

// config returns the Config of key n.
func (a *attacker) config(n int) hostile.Config {
	return hostile.Config{Identity: hostile.Key(1, n), Group: a.group, Name: fmt.Sprint("Eve ", n)}
}

// link links key n to a program.
func (a *attacker) link(p *peer, cfg hostile.Config) *hostile.Peer {
	a.t.Helper()
	eve, err := hostile.Dial(a.t.Context(), &net.Dialer{}, addrOf(p), cfg)
	if err != nil {
		a.t.Fatal(err)
	}
	return eve
}

// addrOf returns where a program listens.
func addrOf(p *peer) string { return fmt.Sprint("127.0.0.1:", p.ready.Port) }

// friends starts two programs that are linked.
func friends(t *testing.T, home string) (ann, ben *peer) {
	t.Helper()
	ann = begin(t, program(t, home, alone("--name", "Ann")...))
	ben = begin(t, program(t, home, alone("--name", "Ben", "--connect", addrOf(ann))...))
	ann.sees("up", ben)
	ben.sees("up", ann)
	return ann, ben
}

// exchange has both say something, and checks that the other hears it soon.
func exchange(t *testing.T, what string, limit time.Duration, ann, ben *peer) {
	t.Helper()
	for _, pair := range [][2]*peer{{ann, ben}, {ben, ann}} {
		said := time.Now()
		text := fmt.Sprint(what, " from ", pair[0].ready.Name)
		pair[0].says(text)
		soon(t, text, said, pair[1].hears(pair[0], text).at, limit)
	}
}
