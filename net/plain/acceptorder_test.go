package plain

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/event"
)

// lineup is a Handler that hands on texts.
type lineup struct {
	recorder
	said chan string
}

func (l *lineup) Said(line event.Line) { l.said <- line.Text }

// forms are what seed programs send on a connection of its own for each line.
var forms = map[string]string{
	"JSON": `{"Chat":{"from_id":"x","from_name":"B","content":"%d","timestamp":1}}`, "lines": "%d\n", "no newline": "%d",
}

// A thousand lines, each on a connection of its own, come out in order.
func TestOrderOfConnections(t *testing.T) {
	for name, format := range forms {
		t.Run(name, func(t *testing.T) {
			inOrder(t, func(t *testing.T, w *world, o *ordered, dial func() net.Conn) {
				for i := range 1000 {
					c := dial()
					fmt.Fprintf(c, format, i)
					c.Close()
				}
				synctest.Wait()
				next := 0
				for _, e := range w.rec.take() {
					if !strings.HasPrefix(e, "said: ") {
						continue
					}
					if !strings.HasSuffix(e, fmt.Sprintf(" %q", strconv.Itoa(next))) {
						t.Fatalf("line %d is %s", next, e)
					}
					next++
				}
				o.mu.Lock()
				defer o.mu.Unlock()
				if next != 1000 || len(o.last) != 0 || len(o.busy) != 0 || len(o.parked) != 0 {
					t.Errorf("%d lines came; %d turns, %d places and %d that wait are left", next, len(o.last), len(o.busy), len(o.parked))
				}
			})
		})
	}
}

// None is lost on a real network either, however fast they come.
func TestManyConnections(t *testing.T) {
	for name, format := range forms {
		t.Run(name, func(t *testing.T) {
			h := &lineup{said: make(chan string, 2000)}
			g, _, l := onLoopback(t, h, true)
			for i := range 1000 {
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(c, format, i)
				c.Close()
			}
			came := map[string]int{}
			for range 1000 {
				came[<-h.said]++
			}
			if len(came) != 1000 {
				t.Errorf("%d different lines came", len(came))
			}
			g.Close()
			if n := len(l.(*ordered).last); n != 0 {
				t.Errorf("%d turns are not over", n)
			}
		})
	}
}

// inOrder is for a world whose Plain keeps the order of connections to port 8090. dial opens one, always
// from the same address.
func inOrder(t *testing.T, f func(t *testing.T, w *world, o *ordered, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		l, err := w.us.Listen(t.Context(), "tcp", ":8090")
		if err != nil {
			t.Fatal(err)
		}
		o := Order(l)
		accept(w.group, w.plain, o, func(net.Conn) {})
		host := w.net.Host(netip.MustParseAddr("10.0.0.5"))
		f(t, w, o.(*ordered), func() net.Conn {
			c, err := host.DialContext(t.Context(), "tcp", "10.0.0.1:8090")
			if err != nil {
				t.Fatal(err)
			}
			return c
		})
	})
}

// One that says nothing holds up the next for 100 ms, once, and only if it is new; one whose reader is
// held up is waited for.
func TestOrderIsBounded(t *testing.T) {
	inOrder(t, func(t *testing.T, w *world, _ *ordered, dial func() net.Conn) {
		open := func() net.Conn {
			c := dial()
			synctest.Wait()
			return c
		}
		count := func() (n int) {
			synctest.Wait()
			for _, e := range w.rec.take() {
				n += strings.Count(e, "said: ")
			}
			return n
		}
		const object = `{"Chat":{"from_id":"x","from_name":"B","content":"hi","timestamp":1}}`
		silent := open()
		defer silent.Close()
		next := open()
		defer next.Close()
		fmt.Fprint(next, object)
		if n := count(); n != 0 {
			t.Error("it didn't wait")
		}
		time.Sleep(orderWithin)
		if n := count(); n != 1 {
			t.Error("it waits for ever")
		}
		fmt.Fprint(next, object)
		if n := count(); n != 1 {
			t.Error("its second object waited")
		}
		old := open()
		defer old.Close()
		time.Sleep(time.Second)
		later := open()
		defer later.Close()
		fmt.Fprint(later, object)
		if n := count(); n != 1 {
			t.Error("it waited for one that is silent for long")
		}
	})
}

// A reader that is held up in the middle of what came is waited for, however long that takes: whoever comes
// next would be held up too, and come before the rest of it.
func TestOrderOfThoseHeldUp(t *testing.T) {
	inOrder(t, func(t *testing.T, w *world, _ *ordered, dial func() net.Conn) {
		hold := make(chan struct{})
		w.rec.hold = hold
		said := func(text string) string {
			return fmt.Sprintf(`{"Chat":{"from_id":"x","from_name":"B","content":%q,"timestamp":1}}`, text)
		}
		first, second := dial(), dial()
		defer first.Close()
		defer second.Close()
		fmt.Fprint(first, said("one")+said("two"))
		synctest.Wait()
		fmt.Fprint(second, said("three"))
		time.Sleep(toldAfter - time.Second)
		for range 3 {
			hold <- struct{}{}
			synctest.Wait()
		}
		w.expect(`said: unsigned "B" "one"`, `said: unsigned "B" "two"`, `said: unsigned "B" "three"`)
	})
}

// Of one address so many are looked at at a time, and so many wait; the next is refused. Nobody who says
// nothing keeps another waiting for long.
func TestCrowdOfOneAddress(t *testing.T) {
	inOrder(t, func(t *testing.T, w *world, _ *ordered, dial func() net.Conn) {
		hold := make(chan struct{})
		w.rec.hold = hold
		var conns []net.Conn
		open := func(text string) {
			c := dial()
			fmt.Fprint(c, text)
			conns = append(conns, c)
		}
		const object = `{"Chat":{"from_id":"x","from_name":"B","content":"hi","timestamp":1}}`
		const many = maxParked + 10*maxBusy
		for range many {
			open(object)
			conns[len(conns)-1].Close()
		}
		synctest.Wait()
		close(hold)
		synctest.Wait()
		came, refused := 0, 0
		for _, e := range w.rec.take() {
			switch {
			case strings.HasPrefix(e, "said: "):
				came++
			case e == "refused: "+errCrowd:
				refused++
			}
		}
		if came < maxParked || refused == 0 || came+refused < many { // one that was pushed out may have been read
			t.Errorf("%d came and %d were refused, of %d", came, refused, many)
		}
		for range 3 * maxBusy {
			open("")
		}
		open(object)
		time.Sleep(4*heardAfter + orderWithin)
		synctest.Wait()
		if got := w.rec.take(); !slices.ContainsFunc(got, func(e string) bool { return strings.HasPrefix(e, "said: ") }) {
			t.Errorf("silent ones keep it out: %q", got)
		}
		for _, c := range conns {
			c.Close()
		}
	})
}
