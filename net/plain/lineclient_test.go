package plain

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// readAll returns what comes until the end, or until nothing has come for a second.
func readAll(c net.Conn) string {
	c.SetReadDeadline(time.Now().Add(time.Second))
	b, _ := io.ReadAll(c)
	return string(b)
}

// TestOneConversation checks that two line clients, of which one only reads, and a JSON peer hold one
// conversation: each gets each message once.
func TestOneConversation(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.beacons(bobID, "Bob", bobAddr)
		host := w.net.Host(netip.MustParseAddr("10.0.0.5"))
		talker, listener := w.dial(host), w.dial(host)
		defer talker.Close()
		defer listener.Close()
		fmt.Fprint(talker, "hello\n")
		time.Sleep(4 * time.Second)
		name := talker.LocalAddr().String()
		w.expect("peer: up Bob", "peer: up "+name, fmt.Sprintf("said: unsigned %q \"hello\"", name), "peer: up "+listener.LocalAddr().String())
		fmt.Fprint(talker, "anyone?\n")
		synctest.Wait()
		w.plain.Send("I am", true)
		w.plain.WriteToLineClients("Dana", "me too")
		seedConn := w.dial(w.net.Host(bobAddr.Addr()))
		fmt.Fprintf(seedConn, `{"Chat":{"from_id":%q,"from_name":"Bob","content":"and I","timestamp":1}}`, bobID)
		seedConn.Close()
		synctest.Wait()

		if d := cmp.Diff(name+": anyone?\nAlice: I am\nDana: me too\nBob: and I\n", readAll(listener)); d != "" {
			t.Errorf("the silent guest:\n%s", d)
		}
		if d := cmp.Diff("Alice: I am\nDana: me too\nBob: and I\n", readAll(talker)); d != "" {
			t.Errorf("the talker:\n%s", d)
		}
		var got []string
		for _, c := range texts(t, bob.take()) {
			got = append(got, c.FromName+": "+c.Content)
		}
		if d := cmp.Diff([]string{name + ": hello", name + ": anyone?", "Alice: I am"}, got); d != "" {
			t.Errorf("Bob:\n%s", d)
		}
	})
}

// TestSilentLineClient checks that a silent line client's first byte still decides what it is.
func TestSilentLineClient(t *testing.T) {
	for first, want := range map[string][]string{
		"hi\n":                        {"said: unsigned NAME \"hi\"", "peer: left GUEST"},
		"\x16\x03\x01":                {"peer: left GUEST", "native"},
		`{"Heartbeat":"x"}`:           {"peer: left GUEST"},
		"GET / HTTP/1.1\r\n\r\n":      {"refused: HTTP request", "peer: left GUEST"},
		"\x00":                        {"peer: left GUEST", "refused: neither native, nor JSON, nor text"},
		"":                            {"peer: left GUEST"},
		" \n":                         {"peer: left GUEST"},
		`{"Exit":"x"`:                 {"peer: left GUEST", "refused: half a JSON object"},
		"POST /x HTTP/1.1\nHost: y\n": {"refused: HTTP request", "peer: left GUEST"},
		"no newline":                  {"said: unsigned NAME \"no newline\"", "peer: left GUEST"},
		"\n\nblank lines before\nx\n": {"said: unsigned NAME \"blank lines before\"", "said: unsigned NAME \"x\"", "peer: left GUEST"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			conn := w.dial(w.net.Host(bobAddr.Addr()))
			defer conn.Close()
			name := conn.LocalAddr().String()
			time.Sleep(silentAfter - time.Millisecond)
			w.expect()
			time.Sleep(time.Minute)
			w.expect("peer: up " + name)
			fmt.Fprint(conn, first)
			synctest.Wait()
			conn.(interface{ CloseWrite() error }).CloseWrite()
			var got []string
			synctest.Wait()
			time.Sleep(time.Second)
			for _, e := range w.rec.take() {
				e = strings.ReplaceAll(e, fmt.Sprintf("%q", name), "NAME")
				got = append(got, strings.ReplaceAll(e, name, "GUEST"))
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%q:\n%s", first, d)
			}
		})
	}
}

// TestHalfLine checks that the first line of a slow typist is not lost, and that it gets the room's
// messages meanwhile.
func TestHalfLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		conn := w.dial(w.net.Host(bobAddr.Addr()))
		defer conn.Close()
		fmt.Fprint(conn, "hel")
		time.Sleep(time.Minute)
		w.plain.Send("hello", false)
		fmt.Fprint(conn, "lo\n")
		w.expect("peer: up "+conn.LocalAddr().String(), fmt.Sprintf("said: unsigned %q \"hello\"", conn.LocalAddr().String()))
		if got := readAll(conn); got != "Alice: hello\n" {
			t.Errorf("got %q", got)
		}
	})
}

// TestLineClientThatDoesNotRead checks that a line client that doesn't read is dropped, and holds up no one
// meanwhile.
func TestLineClientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		host := w.net.Host(netip.MustParseAddr("10.0.0.5"))
		stuck, reader := w.dial(host), w.dial(host)
		defer stuck.Close()
		fmt.Fprintln(stuck, "I don't read")
		fmt.Fprintln(reader, "I do")
		got := make(chan int)
		go func() {
			b, _ := io.ReadAll(reader)
			got <- strings.Count(string(b), "line ")
		}()
		synctest.Wait()
		line := strings.Repeat("x", 1000)
		begun := time.Now()
		for i := range 3000 {
			w.plain.WriteToLineClients("Dana", fmt.Sprintf("line %d %s", i, line))
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		if took := time.Since(begun); took != 0 {
			t.Errorf("writing took %v", took)
		}
		time.Sleep(writeWithin)
		synctest.Wait()
		refused, lost := 0, 0
		for _, e := range w.rec.take() {
			refused += strings.Count(e, "refused: a guest that doesn't read")
			lost += strings.Count(e, "peer: lost "+stuck.LocalAddr().String())
		}
		if refused != 1 || lost != 1 || len(w.plain.Peers()) != 1 {
			t.Errorf("refused %d, lost %d, %d guests left", refused, lost, len(w.plain.Peers()))
		}
		reader.(interface{ CloseWrite() error }).CloseWrite()
		time.Sleep(time.Second)
		reader.Close()
		if n := <-got; n != 3000 {
			t.Errorf("the reader got %d lines", n)
		}
	})
}

// TestMegabyteLine checks that a megabyte in one line comes in chunks, and that a slow reader of events
// slows the line client down.
func TestMegabyteLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.rec.hold = make(chan struct{})
		conn := w.dial(w.net.Host(bobAddr.Addr()))
		wrote := make(chan error, 1)
		go func() {
			_, err := conn.Write([]byte(strings.Repeat("æ", 1<<19) + "\nend\n"))
			conn.(interface{ CloseWrite() error }).CloseWrite()
			wrote <- err
		}()
		time.Sleep(time.Minute)
		select {
		case <-wrote:
			t.Error("a megabyte was taken although nothing reads the events")
		default:
		}
		close(w.rec.hold)
		if err := <-wrote; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Second)
		conn.Close()
		total, last := 0, ""
		for _, e := range w.rec.take() {
			if text := said(e); text != "" {
				if len(text) > maxLine {
					t.Fatalf("a line of %d bytes", len(text))
				}
				total += strings.Count(text, "æ")
				last = text
			}
		}
		if total != 1<<19 || last != "end" {
			t.Errorf("%d letters, then %q", total, last)
		}
	})
}

// TestLineWithoutEnd checks that a line that never ends, which is no message, isn't taken as many. Lines beside it are.
func TestLineWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		bob, other := w.dial(w.net.Host(bobAddr.Addr())), w.dial(w.net.Host(bobAddr.Addr()))
		var sent int
		piece := []byte(strings.Repeat("x", 64<<10))
		for sent < 64<<20 {
			n, err := bob.Write(piece)
			if sent += n; err != nil {
				break
			}
		}
		if sent >= 8<<20 {
			t.Errorf("the connection took %d bytes of one line", sent)
		}
		for range 3 {
			other.Write([]byte(strings.Repeat("y", 1000) + "\n"))
		}
		time.Sleep(time.Second)
		total, others, refused := 0, 0, 0
		for _, e := range w.rec.take() {
			switch text := said(e); {
			case strings.HasPrefix(text, "x"):
				total += len(text)
			case strings.HasPrefix(text, "y"):
				others++
			case strings.Contains(e, "refused: "+lineTooLong):
				refused++
			}
		}
		if total > maxWholeLine || others != 3 || refused != 1 {
			t.Errorf("%d bytes of the line were passed on, %d lines of another, %d refusals", total, others, refused)
		}
	})
}

// TestFormatLine checks that no one can write a row in another's name, nor anything but text to a line
// client's terminal.
func TestFormatLine(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"Dana", "hi"}:                            "Dana: hi\n",
		{"Dana", "hi\nBob: I agree\n"}:            "Dana: hi\nDana: Bob: I agree\n",
		{"Da\nna", "x"}:                           "Dana: x\n",
		{"D\x1b[2Jana", "\x1b]0;x\x07y\u009bz\r"}: "D[2Jana: ]0;xyz\n",
		{"a\u202eb", "c\u200bd\u2066e\u2028f"}:    "ab: cdef\n",
		{"a", "tab\there\u00a0x"}:                 "a: tab here x\n",
		{"\u202e", "Bob: I agree"}:                "?: Bob: I agree\n",
		{"", "between two"}:                       "between two\n",
		{"a", "👩\u200d🚀 é"}:                       "a: 👩\u200d🚀 é\n",
	} {
		if got := string(formatLine(in[0], in[1])); got != want {
			t.Errorf("%q is written as %q, want %q", in, got, want)
		}
	}
}
