package plain

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// mutable is a world that can be muted.
type mutable struct {
	*world
	mu  sync.Mutex
	why string
}

func (m *mutable) mute(why string) {
	m.mu.Lock()
	m.why = why
	m.mu.Unlock()
	m.plain.Enforce()
	synctest.Wait()
}

func muting(t *testing.T, f func(w *mutable, bob *seed)) {
	t.Helper()
	hears(t, func(w *world, bob *seed) {
		m := &mutable{world: w}
		w.plain.cfg.MuteReason = func() string { // before any connection
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.why
		}
		f(m, bob)
	})
}

// TestMute checks that while cleartext is muted no message comes in or goes out, the queues are empty, and
// line clients get the reason once. Connections stay, and all goes on afterwards.
func TestMute(t *testing.T) {
	muting(t, func(w *mutable, bob *seed) {
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		synctest.Wait()
		w.plain.Send("waits for Bob's second beacon", true)
		guest := w.dial(w.net.Host(carolAddr.Addr()))
		time.Sleep(4 * time.Second)
		synctest.Wait()
		w.rec.take()
		w.mute("hush")
		w.mute("silence") // once is enough, in whatever words
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		synctest.Wait()
		if n := w.plain.Send("secret", true); n != 0 {
			t.Errorf("said to %d", n)
		}
		w.plain.WriteToLineClients("Dora", "secret")
		guest.Write([]byte("from the guest\nand again\n"))
		c := w.dial(w.net.Host(bobAddr.Addr()))
		fmt.Fprintf(c, `{"Chat":{"from_id":%q,"from_name":"Bob","content":"from Bob","timestamp":1}}{"Discovery":{"id":%q,"name":"Bob","ip":"1.2.3.4","port":8081}}`, bobID, bobID)
		time.Sleep(time.Second)
		w.expect("refused: silence", "refused: silence", "refused: silence")
		if got := read(c); got != "" {
			t.Errorf("answered %q", got)
		}
		w.plain.ConnectJSON(bobAddr.String())
		time.Sleep(time.Second)
		w.expect("trouble: " + bobAddr.String())
		w.plain.CancelConnect(bobAddr.String())
		if got := bob.take(); got != nil {
			t.Errorf("Bob got %q", got)
		}
		if peers := w.plain.Peers(); len(peers) != 2 {
			t.Errorf("%+v", peers)
		}
		w.mute("")
		w.plain.Send("open", false)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := texts(t, bob.take()); len(got) != 1 || got[0].Content != "open" {
			t.Errorf("Bob got %+v", got)
		}
		if got, want := read(guest), "p2pchat: hush: nothing that you write is heard, and nothing that is said is written to you\n"+
			"p2pchat: lines are heard again\nAlice: open\n"; got != want {
			t.Errorf("the guest got %q, want %q", got, want)
		}
		// Nothing is sent on the way out either.
		w.mute("hush")
		w.plain.Leave(w.t.Context())
		if got := bob.take(); got != nil {
			t.Errorf("Bob got %q", got)
		}
	})
}

// read returns what has come on a connection.
func read(c interface {
	Read([]byte) (int, error)
	SetReadDeadline(time.Time) error
}) string {
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	buf := make([]byte, 64<<10)
	n, _ := c.Read(buf)
	return string(buf[:n])
}

// TestConfigLocks checks that no lock is held while a function of Config runs, since its answer may need
// that lock.
func TestConfigLocks(t *testing.T) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		hears(t, func(w *world, _ *seed) {
			w.plain.cfg.MuteReason = func() string { w.plain.Peers(); return "" }
			w.plain.cfg.OmitName = func() bool { w.plain.Peers(); return false }
			w.plain.cfg.Self = func() Self { w.plain.Peers(); return Self{ID: selfID, Name: "Alice", Port: 8080} }
			w.policy = func(netip.Addr) bool { w.plain.Peers(); return true }
			w.native = func(string, netip.AddrPort) bool { w.plain.Peers(); return false }
			guest := w.dial(w.net.Host(carolAddr.Addr()))
			defer guest.Close()
			fmt.Fprintln(guest, "hi")
			w.beacons(bobID, "Bob", bobAddr)
			w.plain.Send("hello", false)
			time.Sleep(lostAfter + time.Second)
			w.beacons(bobID, "Bob", bobAddr)
			w.plain.Disconnect(bobID)
			w.plain.Enforce()
			w.plain.Leave(w.t.Context())
		})
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("a function was called with the lock held")
	}
}

// TestMuteDropsWhatWaits checks that nothing that waited for a line client is written after the mute.
func TestMuteDropsWhatWaits(t *testing.T) {
	muting(t, func(w *mutable, _ *seed) {
		slow := w.dial(w.net.Host(carolAddr.Addr()))
		fmt.Fprintln(slow, "I read later")
		synctest.Wait()
		const written = 1000
		for i := range written {
			if i == written/2 {
				synctest.Wait() // the writer is stuck with lines that it has taken: the others wait
			}
			w.plain.WriteToLineClients("Dora", strings.Repeat("x", 1000))
		}
		synctest.Wait()
		w.mute("hush")
		got := make(chan string)
		go func() {
			text, _ := io.ReadAll(slow)
			got <- string(text)
		}()
		time.Sleep(time.Second)
		w.plain.Disconnect(w.plain.Peers()[0].ID)
		text := <-got
		if n := strings.Count(text, "Dora"); n == 0 || n == written || !strings.Contains(text, "hush: nothing that you write") {
			t.Errorf("%d of %d lines were written, and %q", n, written, text[max(0, len(text)-200):])
		}
	})
}
