package plain

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/guard"
)

// lineup is a Handler that hands on texts.
type lineup struct {
	recorder
	said chan string
}

func (l *lineup) Said(line event.Line) { l.said <- line.Text }

// A thousand lines, each on a connection of its own as the seed's programs do it, come out in order.
func TestOrderOfConnections(t *testing.T) {
	for name, format := range map[string]string{
		"JSON": `{"Chat":{"from_id":"x","from_name":"B","content":"%d","timestamp":1}}`, "lines": "%d\n", "no newline": "%d",
	} {
		t.Run(name, func(t *testing.T) {
			g := guard.New(t.Context(), func(p *guard.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
			defer g.Close()
			h := &lineup{said: make(chan string, 2000)}
			p := New(g, Config{
				Identity: identity.FromSeed([32]byte{7}), Handler: h, Log: slog.New(slog.DiscardHandler),
				Self: func() Self { return Self{ID: selfID, Name: "Alice", Port: 8080} },
				Dial: (&net.Dialer{}).DialContext,
			})
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			o := Order(l)
			accept(g, p, o, func(net.Conn) { t.Error("native") })
			late, newest := 0, -1
			for i := range 1000 {
				c, err := net.Dial("tcp", l.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(c, format, i)
				c.Close()
			}
			for range 1000 { // none is lost, however fast they come
				got, err := strconv.Atoi(<-h.said)
				if err != nil {
					t.Fatal(err)
				}
				if got < newest {
					late++
				}
				newest = max(newest, got)
			}
			// A reader that the machine holds up for 100 ms may lose its place; without order some 200 do.
			if late > 20 {
				t.Errorf("%d of 1000 lines out of order", late)
			}
			g.Close()
			if n := len(o.(*ordered).last); n != 0 {
				t.Errorf("%d turns are not over", n)
			}
		})
	}
}

// One that says nothing holds up the next for 100 ms, once, and only if it is new; one whose reader is
// held up is waited for.
func TestOrderIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		l, err := w.us.Listen(t.Context(), "tcp", ":8090")
		if err != nil {
			t.Fatal(err)
		}
		accept(w.group, w.plain, Order(l), func(net.Conn) {})
		host := w.net.Host(netip.MustParseAddr("10.0.0.5"))
		open := func() net.Conn {
			c, err := host.DialContext(w.t.Context(), "tcp", "10.0.0.1:8090")
			if err != nil {
				t.Fatal(err)
			}
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

// Of one address so many are looked at at a time, and so many wait; the next is refused. Nobody who says
// nothing keeps another waiting for long.
func TestCrowdOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		l, err := w.us.Listen(t.Context(), "tcp", ":8090")
		if err != nil {
			t.Fatal(err)
		}
		hold := make(chan struct{})
		w.rec.hold = hold
		accept(w.group, w.plain, Order(l), func(net.Conn) {})
		host := w.net.Host(netip.MustParseAddr("10.0.0.5"))
		var conns []net.Conn
		open := func(text string) {
			c, err := host.DialContext(w.t.Context(), "tcp", "10.0.0.1:8090")
			if err != nil {
				t.Fatal(err)
			}
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
