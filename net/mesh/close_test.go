package mesh

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestClose closes a member while links are up, dials and handshakes are on their way, a peer's link is
// being replaced, and strangers are connected. All links end with a Bye and drained, and nothing goes on.
func TestClose(t *testing.T) {
	for after := time.Duration(0); after < 3*time.Second; after += 97 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			n := network(t, uint64(after), 200*time.Millisecond)
			var d dials
			a := join(t, host(n, 1), identityOf(1), d.option())
			var others []*member
			for i := range 5 {
				m := join(t, host(n, 2+i), identityOf(byte(2+i)))
				others = append(others, m)
				a.Connect(m.addr)
				m.Connect(a.addr)
				m.Hint(a.key(), a.at())
			}
			a.Connect("10.0.0.99:1")
			stranger := knock(t, host(n, 50), a, 3)
			for range 20 {
				a.send()
				for _, m := range others {
					m.send()
				}
				time.Sleep(after / 20)
			}
			a.Close()
			if c := d.count(); c > 0 {
				defer func(before int) {
					if d.count() != before {
						t.Error("a dial after Close")
					}
				}(c)
			}
			a.Close() // again: nothing
			a.await(func() bool { return a.open == 0 })
			a.Connect(others[0].addr)
			a.Hint(others[0].key(), others[0].at())
			time.Sleep(5 * time.Second)
			if len(a.Links()) != 0 {
				t.Error("a link after Close")
			}
			for i, m := range others {
				what := fmt.Sprintf("closed after %v, peer %d", after, i)
				if h := m.history(a.key()); count(h, "up") != count(h, "down: leaving") || count(h, "down: lost") > 0 {
					t.Errorf("%s: %q", what, h)
				}
			}
			if c := closed(stranger); c != 3 {
				t.Errorf("%d of 3 strangers' connections are closed", c)
			}
			quit(append(others, a)...)
			for _, m := range others {
				if len(a.sent[m.key()]) > 0 {
					delivered(t, fmt.Sprint("closed after ", after), a, m)
				}
			}
		})
	}
}

// TestCloseWhileLinking ends a program just when others link to it, as soon as it has no link. A peer for which
// there was a link sees it leave, and never counts it as lost.
func TestCloseWhileLinking(t *testing.T) {
	seenUp := 0
	for after := time.Duration(0); after < 400*time.Millisecond; after += 3 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			n := network(t, uint64(after), 50*time.Millisecond)
			a := join(t, host(n, 1), identityOf(1))
			others := []*member{join(t, host(n, 2), identityOf(2)), join(t, host(n, 3), identityOf(3))}
			for _, m := range others {
				m.Connect(a.addr)
			}
			time.Sleep(after)
			a.Close()
			a.await(func() bool { return a.open == 0 })
			a.group.Close()
			time.Sleep(3 * time.Second)
			for _, m := range others {
				h := m.history(a.key())
				if count(h, "up") != count(h, "down: leaving") {
					t.Errorf("closed after %v: %q", after, h)
				}
				seenUp += count(h, "up")
			}
			quit(others...)
		})
	}
	if seenUp == 0 {
		t.Error("no link ever came up")
	}
}
