package node

import (
	"slices"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
)

// An address that no one answers at is dialled until Disconnect names it, in whatever way it was named.
// With a peer there, its link ends too.
func TestDisconnectAnAddress(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		var mu sync.Mutex
		var forgotten []string
		alone := func(c *Config) { c.NoDiscovery, c.Transport = true, nil }
		p := w.move(0, alone, func(c *Config) {
			c.Remembered = []string{"10.0.0.2:8080"}
			c.Forget = func(a string) { mu.Lock(); defer mu.Unlock(); forgotten = append(forgotten, a) }
		})
		named := []string{"10.0.0.98:8080", "line://10.0.0.98:7000", "json://10.0.0.98:7001"}
		for _, at := range named {
			if err := p.Connect(at); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Minute)
		for _, at := range append(named, "10.0.0.2:8080") {
			if err := p.Disconnect(at); err != nil {
				t.Errorf("Disconnect(%s): %v", at, err)
			}
			if err := p.Disconnect(at); err == nil {
				t.Errorf("Disconnect(%s) a second time", at)
			}
			mu.Lock()
			if !slices.Contains(forgotten, at) {
				t.Errorf("%s isn't forgotten: %q", at, forgotten)
			}
			mu.Unlock()
		}
		q := w.move(1, alone)
		pass(3 * time.Minute)
		if peers := p.Peers(); len(peers) != 0 {
			t.Errorf("dialled all the same: %+v", peers)
		}
		at := q.at.String() + ":8080"
		up := func() bool {
			return slices.ContainsFunc(p.Peers(), func(o event.Peer) bool { return o.ID == q.Self().ID && o.State == event.Up })
		}
		for range 2 { // and again, with a link to end
			if err := p.Connect(at); err != nil {
				t.Fatal(err)
			}
			pass(5 * time.Second)
			if !up() {
				t.Error("not connected")
			}
			if err := p.Disconnect(at); err != nil {
				t.Error(err)
			}
			pass(2 * time.Minute)
			if up() {
				t.Error("connected all the same")
			}
		}
	})
}

// Connect for an address again and again is one thing to do, not many.
func TestConnectAgain(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p := w.move(0, func(c *Config) { c.NoDiscovery, c.Transport = true, nil })
		for range 5 {
			if err := p.Connect("10.0.0.98:8080"); err != nil {
				t.Fatal(err)
			}
			pass(time.Minute)
		}
		if err := p.Disconnect("10.0.0.98:8080"); err != nil {
			t.Fatal(err)
		}
		before := len(told[event.Notice](&p.ear))
		w.move(97, func(c *Config) { c.NoDiscovery, c.Transport = true, nil })
		pass(3 * time.Minute)
		if peers := p.Peers(); len(peers) != 0 {
			t.Errorf("%+v", peers)
		}
		if more := len(told[event.Notice](&p.ear)) - before; more != 0 {
			t.Errorf("%d more notices", more)
		}
	})
}

// A program that hangs up was reached: that is no "can't connect".
func TestAProgramThatHangsUp(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		p := w.move(0, func(c *Config) { c.NoDiscovery, c.Transport = true, nil })
		chat, err := w.net.Host(addr(12)).Listen(t.Context(), "tcp", ":7000")
		if err != nil {
			t.Fatal(err)
		}
		defer chat.Close()
		if err := p.Connect("line://10.0.0.13:7000"); err != nil {
			t.Fatal(err)
		}
		conn, err := chat.Accept()
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		conn.Close()
		pass(100 * time.Millisecond)
		notices := told[event.Notice](&p.ear)
		if len(notices) == 0 || notices[len(notices)-1].Text != "10.0.0.13:7000: the other side ended the connection" {
			t.Errorf("%+v", notices)
		}
	})
}
