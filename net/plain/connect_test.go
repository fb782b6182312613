package plain

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/event"
)

// listening runs a test in a world in which something listens at Bob's address.
func listening(t *testing.T, port int, f func(t *testing.T, w *world, l net.Listener)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		l, err := w.net.Host(bobAddr.Addr()).Listen(t.Context(), "tcp", fmt.Sprintf(":%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f(t, w, l)
	})
}

// TestConnectLine checks that a program that speaks lines is dialled, is dialled again when it comes back,
// and gets the room's messages.
func TestConnectLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		host := w.net.Host(bobAddr.Addr())
		w.plain.ConnectLine("10.0.0.2:4000")
		w.plain.ConnectLine("10.0.0.2:4000")
		time.Sleep(20 * time.Second)
		w.expect("trouble: 10.0.0.2:4000") // once

		l, err := host.Listen(t.Context(), "tcp", ":4000")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.plain.Send("hello", true)
		if line, err := bufio.NewReader(conn).ReadString('\n'); line != "Alice: hello\n" {
			t.Errorf("it got %q, %v", line, err)
		}
		fmt.Fprint(conn, "{not json} GET / HTTP/1.1\r\nbye")
		synctest.Wait()
		conn.Close()
		w.expect("peer: up 10.0.0.2:4000", `said: unsigned "10.0.0.2:4000" "{not json} GET / HTTP/1.1"`,
			`said: unsigned "10.0.0.2:4000" "bye"`, "peer: left 10.0.0.2:4000", "trouble: 10.0.0.2:4000")
		again, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		w.expect("peer: up 10.0.0.2:4000")
	})
}

// answering listens as a seed program that answers a Discovery on the connection.
func answering(t *testing.T, l net.Listener, answer string) (got chan string) {
	got = make(chan string, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(conn, answer)
			b, _ := io.ReadAll(conn)
			got <- string(b)
			conn.Close()
		}
	}()
	return got
}

// TestConnectJSON checks that a seed program that the user names is introduced to. Its answer has its id,
// and to be reached keeps it up without any beacon.
func TestConnectJSON(t *testing.T) {
	listening(t, 8081, func(t *testing.T, w *world, l net.Listener) {
		got := answering(t, l, fmt.Sprintf(`{"Discovery":{"id":%q,"name":"Bob","ip":"127.0.0.1","port":9}}`, bobID))
		w.plain.ConnectJSON("10.0.0.2:8081")
		if first := <-got; first != `{"Discovery":{"id":"`+selfID+`","name":"Alice","ip":"10.0.0.1","port":8080}}` {
			t.Errorf("it got %s", first)
		}
		w.expect("peer: up Bob")
		if p := w.plain.Peers(); len(p) != 1 || p[0].Addr != bobAddr || p[0].ID != bobID {
			t.Errorf("peers %+v", p)
		}
		w.plain.Send("hello", false)
		if c := texts(t, []string{<-got}); len(c) != 1 || c[0].Content != "hello" {
			t.Errorf("it got %+v", c)
		}
		time.Sleep(5 * time.Minute)
		w.expect()
	})
}

// TestConnectJSONWithoutAnswer checks that a program that doesn't answer is a peer all the same, by its
// address, and gets its name with its first message.
func TestConnectJSONWithoutAnswer(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.plain.ConnectJSON("10.0.0.2:8081")
		time.Sleep(5 * time.Second)
		w.expect("peer: up 10.0.0.2:8081")
		conn := w.dial(w.net.Host(bobAddr.Addr()))
		fmt.Fprintf(conn, `{"Chat":{"from_id":%q,"from_name":"Bob","content":"hi","timestamp":1}}`, bobID)
		conn.Close()
		w.expect("peer: up Bob, before 10.0.0.2:8081", `said: unsigned "Bob" "hi"`)
		time.Sleep(time.Minute)
		w.expect()
		if p := w.plain.Peers(); len(p) != 1 || p[0].ID != bobID || p[0].State != event.Up {
			t.Errorf("peers %+v", p)
		}
	})
}

// TestMutualIntroductionEnds checks that two of us that introduce themselves to each other over JSON don't
// answer each other for ever.
func TestMutualIntroductionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		other := &world{t: t, net: w.net, rec: &recorder{}, us: w.net.Host(bobAddr.Addr())}
		other.start()
		defer other.group.Close()
		other.plain.cfg.Self = func() Self { return Self{ID: bobID, Name: "Bob", Port: 8080} }
		w.plain.ConnectJSON("10.0.0.2:8080")
		other.plain.ConnectJSON("10.0.0.1:8080")
		time.Sleep(time.Minute)
		if n := w.net.Traffic().Conns; n > 20 {
			t.Errorf("%d connections in a minute", n)
		}
		if p := w.plain.Peers(); len(p) != 1 || p[0].Name != "Bob" {
			t.Errorf("peers %+v", p)
		}
	})
}

// TestConnectRefusals checks that the errors say what to do.
func TestConnectRefusals(t *testing.T) {
	listening(t, 8081, func(t *testing.T, w *world, _ net.Listener) {
		w.native = func(_ string, a netip.AddrPort) bool { return a == bobAddr }
		if _, _, err := w.plain.dialNamed(t.Context(), "10.0.0.2:8081"); !errors.Is(err, ErrNative) {
			t.Errorf("a native peer: %v", err)
		}
		w.native, w.policy = nil, func(netip.Addr) bool { return false }
		if _, _, err := w.plain.dialNamed(t.Context(), "10.0.0.2:8081"); !errors.Is(err, ErrNotAllowed) {
			t.Errorf("not allowed: %v", err)
		}
	})
}

// TestCancelConnect checks that an address that was named can be given up, and named again.
func TestCancelConnect(t *testing.T) {
	listening(t, 4000, func(t *testing.T, w *world, l net.Listener) {
		accept := func() net.Conn {
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}
		w.plain.ConnectLine("10.0.0.2:4000")
		conn := accept()
		defer conn.Close()
		w.expect("peer: up 10.0.0.2:4000")
		if !w.plain.CancelConnect("10.0.0.2:4000") || w.plain.CancelConnect("10.0.0.2:4000") {
			t.Error("there was nothing to end, or there still is")
		}
		time.Sleep(5 * time.Minute)
		w.expect("peer: left 10.0.0.2:4000")
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the connection: %v", err)
		}
		w.plain.ConnectLine("10.0.0.2:4000")
		defer accept().Close()
		w.expect("peer: up 10.0.0.2:4000")
	})
}

// TestHeartbeatOfNativePeer checks that a nameless peer doesn't get the id of a native peer that sends
// heartbeats from its address, as another program of that machine does. Else nothing would ever be sent to
// it.
func TestHeartbeatOfNativePeer(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.native = func(id string, _ netip.AddrPort) bool { return id == carolID }
		w.plain.ConnectJSON("10.0.0.2:8081")
		time.Sleep(5 * time.Second)
		w.expect("peer: up 10.0.0.2:8081")
		w.plain.HandleHeartbeat(carolID, bobAddr)
		w.expect()
		bob.take()
		w.plain.Send("hello", false)
		synctest.Wait()
		if c := texts(t, bob.take()); len(c) != 1 || c[0].Content != "hello" {
			t.Errorf("Bob got %+v", c)
		}
	})
}

// TestConnectEndsWithPolicy checks that a connection to a program ends once cleartext isn't allowed there,
// with that as the error.
func TestConnectEndsWithPolicy(t *testing.T) {
	listening(t, 4000, func(t *testing.T, w *world, l net.Listener) {
		why := make(chan error, 1)
		go func() {
			_, err := w.plain.lines.connect(t.Context(), "10.0.0.2:4000")
			why <- err
		}()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		synctest.Wait()
		w.mu.Lock()
		w.policy = func(netip.Addr) bool { return false }
		w.mu.Unlock()
		io.WriteString(conn, "hello\n")
		if err := <-why; !errors.Is(err, ErrNotAllowed) {
			t.Errorf("it went for %v", err)
		}
		w.expect("peer: up 10.0.0.2:4000", "peer: left 10.0.0.2:4000")
	})
}

// TestNothingIsDialledAfterLeave checks that nothing is dialled after Leave, neither again nor anew.
func TestNothingIsDialledAfterLeave(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.plain.ConnectJSON("10.0.0.2:8082") // no one is there yet: it waits to try again
		time.Sleep(redialFirst / 2)
		w.plain.Leave(w.t.Context())
		late := newSeed(t, w.net.Host(bobAddr.Addr()), 8082)
		defer late.close()
		w.plain.ConnectJSON("10.0.0.2:8081")
		time.Sleep(time.Minute)
		if a, b := bob.take(), late.take(); a != nil || b != nil {
			t.Errorf("they got %q and %q", a, b)
		}
	})
}

// TestConnectToSelf checks that our own address is refused: each message would go round for ever.
func TestConnectToSelf(t *testing.T) {
	hears(t, func(w *world, _ *seed) {
		w.plain.ConnectLine("10.0.0.1:8080")
		w.plain.ConnectJSON("10.0.0.1:8080")
		time.Sleep(time.Second)
		w.expect("trouble: 10.0.0.1:8080", "trouble: 10.0.0.1:8080")
		if peers := w.plain.Peers(); len(peers) != 0 {
			t.Errorf("%+v", peers)
		}
	})
}
