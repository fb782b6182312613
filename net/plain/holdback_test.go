package plain

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// hold changes which names are held back, and has that enforced.
func (w *world) hold(names ...string) {
	w.mu.Lock()
	w.held = names
	w.mu.Unlock()
	w.plain.Enforce()
	synctest.Wait()
}

// A JSON peer under a name that is held back gets only what is said with /unsigned: not what we or line clients say.
// Once the name is held back no more, it gets all.
func TestHeldBackName(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.hold("Bob")
		w.introduces(bobID, "Bob", bobAddr)
		w.introduces(carolID, "Carol", carolAddr)
		carol := newSeed(t, w.net.Host(carolAddr.Addr()), carolAddr.Port())
		defer carol.close()
		if p := w.plain.Peers(); len(p) != 2 || !p[0].HeldBack || p[1].HeldBack {
			t.Errorf("%+v", p)
		}
		guest := w.dial(w.net.Host(carolAddr.Addr()))
		defer guest.Close()
		fmt.Fprintln(guest, "from a guest")
		synctest.Wait()
		for range 2 {
			if n := w.plain.Send("for Carol and the guest", true); n != 2 {
				t.Errorf("sent to %d", n)
			}
		}
		if n := w.plain.SendUnsigned("for all"); n != 3 {
			t.Errorf("an unsigned message was sent to %d", n)
		}
		time.Sleep(time.Second)
		if got := texts(t, bob.take()); len(got) != 1 || got[0].Content != "for all" || got[0].Signed() {
			t.Errorf("Bob got %+v", got)
		}
		if got := texts(t, carol.take()); len(got) != 4 {
			t.Errorf("Carol got %+v", got)
		}
		held := slices.DeleteFunc(w.rec.take(), func(e string) bool { return !strings.HasPrefix(e, "held") })
		if !slices.Equal(held, []string{"held back: Bob"}) {
			t.Errorf("reported %q", held)
		}
		w.hold()
		w.expect("peer: up Bob, before Bob")
		w.plain.Send("for all again", true)
		time.Sleep(time.Second)
		if got := texts(t, bob.take()); len(got) != 1 {
			t.Errorf("Bob got %+v", got)
		}
	})
}

// Messages under a held-back name hold back the peer that they come from: the one of that id, else all that are there.
func TestHeldBackWriter(t *testing.T) {
	for id, also := range map[string]bool{bobID: true, "another": true, carolID: false} {
		hears(t, func(w *world, bob *seed) {
			w.hold("Verity")
			w.introduces(bobID, "Bob", bobAddr)
			w.beacons(carolID, "Carol", netip.AddrPortFrom(bobAddr.Addr(), 8089))
			conn := w.dial(w.net.Host(bobAddr.Addr()))
			defer conn.Close()
			fmt.Fprintf(conn, `{"Chat":{"from_id":%q,"from_name":"Verity","content":"trust me","timestamp":1}}`, id)
			synctest.Wait()
			w.plain.Send("secret", true)
			time.Sleep(2 * time.Second)
			if got := bob.take(); (got == nil) != also {
				t.Errorf("from id %s: Bob got %q", id, got)
			}
			for what, f := range map[string]func(){"a beacon": func() { w.beacons(bobID, "Bob", bobAddr) }, "Enforce": w.plain.Enforce} {
				f() // changes nothing about that
				w.plain.Send("secret", true)
				time.Sleep(2 * time.Second)
				if got := bob.take(); (got == nil) != also {
					t.Errorf("from id %s, after %s: Bob got %q", id, what, got)
				}
			}
		})
	}
}

// A peer that is held back for a name that it wrote under gets messages again once that name isn't held back any more,
// and once it writes under a name of its own.
func TestHeldBackNoMore(t *testing.T) {
	for what, end := range map[string]func(w *world, conn net.Conn){
		"released": func(w *world, _ net.Conn) { w.hold() },
		"its own name": func(_ *world, conn net.Conn) {
			fmt.Fprintf(conn, `{"Chat":{"from_id":%q,"from_name":"Bob","content":"it is me","timestamp":2}}`, bobID)
		},
	} {
		hears(t, func(w *world, bob *seed) {
			w.hold("Verity")
			w.introduces(bobID, "Bob", bobAddr)
			conn := w.dial(w.net.Host(bobAddr.Addr()))
			defer conn.Close()
			fmt.Fprintf(conn, `{"Chat":{"from_id":%q,"from_name":"Verity","content":"trust me","timestamp":1}}`, bobID)
			synctest.Wait()
			w.plain.Send("secret", true)
			time.Sleep(2 * time.Second)
			if got := bob.take(); got != nil {
				t.Errorf("held back: Bob got %q", got)
			}
			end(w, conn)
			synctest.Wait()
			w.beacons(bobID, "Bob", bobAddr)
			w.plain.Send("hello again", true)
			time.Sleep(2 * time.Second)
			if got := bob.take(); len(got) != 1 {
				t.Errorf("%s: Bob got %q", what, got)
			}
		})
	}
}

// A peer whose new name is held back is held back from then on, a line client's name counts too.
func TestHeldBackRename(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.introduces(bobID, "Bob", bobAddr)
		guest := w.dial(w.net.Host(carolAddr.Addr()))
		defer guest.Close()
		fmt.Fprintln(guest, "hello")
		synctest.Wait()
		name := w.plain.Peers()[1].Name
		w.hold("Verity", name)
		w.beacons(bobID, "Verity", bobAddr)
		w.rec.take()
		if n := w.plain.Send("secret", true); n != 0 {
			t.Errorf("sent to %d", n)
		}
		synctest.Wait()
		if got := slices.Sorted(slices.Values(w.rec.take())); !slices.Equal(got, []string{"held back: " + name, "held back: Verity"}) {
			t.Errorf("reported %q", got)
		}
		w.plain.WriteToLineClients("Dana", "secret")
		w.plain.SendUnsigned("open")
		if line, err := bufio.NewReader(guest).ReadString('\n'); line != "Alice: open\n" {
			t.Errorf("the guest got %q, %v", line, err)
		}
	})
}

// That a line client reads along is reported for those that came by themselves, also silent ones, when they begin to.
func TestReadersAreReported(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		silent := w.dial(w.net.Host(carolAddr.Addr()))
		defer silent.Close()
		time.Sleep(silentAfter - time.Millisecond)
		synctest.Wait()
		if got := w.rec.reported(); got != nil {
			t.Errorf("%v are reported before they read", got)
		}
		time.Sleep(time.Millisecond)
		w.plain.ConnectLine(bobAddr.String()) // the user knows of it
		synctest.Wait()
		speaks := w.dial(w.net.Host(bobAddr.Addr()))
		defer speaks.Close()
		fmt.Fprintln(speaks, "hello")
		fmt.Fprintln(speaks, "again")
		synctest.Wait()
		w.plain.Enforce()
		if got := w.rec.reported(); !slices.Equal(got, []netip.Addr{carolAddr.Addr(), bobAddr.Addr()}) {
			t.Errorf("%v are reported", got)
		}
	})
}
