package plain

import (
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/memnet"
)

// vector is a file of testdata/plain; README.txt there has its form.
type vector struct {
	name, is, payload string
	events            []string // refused, info, peer, said, as the recorder has them
	answer            string
}

func readVectors(tb testing.TB) []vector {
	tb.Helper()
	files, err := filepath.Glob("../../testdata/plain/*.txt")
	if err != nil || len(files) < 50 {
		tb.Fatalf("%d vectors: %v", len(files), err)
	}
	var out []vector
	for _, f := range files {
		if filepath.Base(f) == "README.txt" {
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		head, payload, ok := strings.Cut(string(data), "\n\n")
		payload, newline := strings.CutSuffix(payload, "\n")
		if !ok || !newline {
			tb.Fatalf("%s is not a vector", f)
		}
		v := vector{name: strings.TrimSuffix(filepath.Base(f), ".txt"), payload: payload}
		for line := range strings.SplitSeq(head, "\n") {
			switch key, value, _ := strings.Cut(line, ": "); key {
			case "is":
				v.is = value
			case "answer":
				v.answer = value
			case "said":
				v.events = append(v.events, quoteSaid(tb, value))
			case "info":
				v.events = append(v.events, "info: sent "+value+": a vote of its own program, which counts in none here")
			default:
				v.events = append(v.events, line)
			}
		}
		if v.is == "native" {
			v.events = append(v.events, "native")
		}
		out = append(out, v)
	}
	return out
}

// quoteSaid turns the vectors' JSON strings into the recorder's.
func quoteSaid(tb testing.TB, value string) string {
	tb.Helper()
	how, rest, _ := strings.Cut(value, " ")
	d := json.NewDecoder(strings.NewReader(rest))
	var name, text string
	if err := d.Decode(&name); err != nil {
		tb.Fatalf("%s: %v", value, err)
	}
	if err := d.Decode(&text); err != nil {
		tb.Fatalf("%s: %v", value, err)
	}
	return "said: " + how + " " + strconv.Quote(name) + " " + strconv.Quote(text)
}

// play sends parts on one connection from Bob's host, in as many reads, and returns what came of it.
func (w *world) play(bob *memnet.Host, parts ...string) (events []string, answer string) {
	w.t.Helper()
	w.restart()
	w.introduces(bobID, "Bob", bobAddr)
	w.introduces(carolID, "Carol", carolAddr)
	w.rec.take()
	conn := w.dial(bob)
	from := accept.AddrPort(conn.LocalAddr()).String()
	for _, part := range parts {
		if _, err := conn.Write([]byte(part)); err != nil {
			break // refused after the part before
		}
		synctest.Wait()
	}
	conn.(interface{ CloseWrite() error }).CloseWrite()
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	got, _ := io.ReadAll(conn)
	conn.Close()
	synctest.Wait()
	for _, e := range w.rec.take() {
		events = append(events, strings.ReplaceAll(e, from, "10.0.0.2:40000"))
	}
	return events, string(got)
}

// stride returns the distance of the cuts that are tried: each byte, unless tests must be short or the vector
// is long.
func stride(payload string) int {
	n := 1
	if testing.Short() {
		n = 11
	}
	return max(n, n*len(payload)/1000)
}

// TestVectors checks the result of every vector: sent in one piece, in two pieces cut at any byte, and cut
// short there.
func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				bob := w.net.Host(netip.MustParseAddr("10.0.0.2"))
				check := func(how string, events []string, answer string) {
					t.Helper()
					if d := cmp.Diff(v.events, events); d != "" || !strings.HasPrefix(answer, v.answer) {
						t.Fatalf("%s, answered %q:\n%s", how, answer, d)
					}
				}
				events, answer := w.play(bob, v.payload)
				check("whole", events, answer)
				if v.is == "native" && string(w.tls) != v.payload {
					t.Errorf("handed on as %q", w.tls)
				}
				for at := 1; at < len(v.payload); at += stride(v.payload) {
					events, answer := w.play(bob, v.payload[:at], v.payload[at:])
					check("cut at "+strconv.Itoa(at), events, answer)
					if v.is == "native" && string(w.tls) != v.payload {
						t.Errorf("cut at %d: handed on as %q", at, w.tls)
					}
					events, _ = w.play(bob, v.payload[:at])
					checkPrefix(t, v, at, events)
				}
			})
		})
	}
}

// checkPrefix checks that a conversation that ends early has no message that the whole one doesn't have.
func checkPrefix(t *testing.T, v vector, at int, events []string) {
	t.Helper()
	var got, want strings.Builder
	var lines []string
	for _, e := range v.events {
		want.WriteString(said(e))
	}
	for _, e := range events {
		got.WriteString(said(e))
		if strings.HasPrefix(e, "said: ") || strings.HasPrefix(e, "info: ") || strings.HasPrefix(e, "peer: ") && v.is == "objects" {
			lines = append(lines, e)
		}
	}
	if strings.HasPrefix(v.name, "http-") {
		// From the beginning of the target on it is a request, as a web page may send it.
		method, target, _ := strings.Cut(v.payload[:at], " ")
		request := target != "" && (target[0] == '/' || target[0] == '*' || method == "CONNECT" || strings.HasPrefix(target, "http"))
		if request && got.Len() > 0 {
			t.Fatalf("of %q was shown %q", v.payload[:at], got.String())
		}
		return
	}
	switch v.is {
	case "objects": // whole objects only
		n := 0
		for _, e := range v.events {
			if n < len(lines) && e == lines[n] {
				n++
			}
		}
		if n < len(lines) {
			t.Fatalf("%q gave %q", v.payload[:at], lines)
		}
	case "lines": // a character that was cut is shown as U+FFFD
		if !strings.HasPrefix(want.String(), strings.TrimRight(got.String(), "\ufffd\r ")) {
			t.Fatalf("%q gave %q", v.payload[:at], got.String())
		}
	default:
		if got.Len() > 0 {
			t.Fatalf("%q gave %q", v.payload[:at], got.String())
		}
	}
}

// said returns the text of a said event.
func said(e string) string {
	rest, ok := strings.CutPrefix(e, "said: ")
	if !ok {
		return ""
	}
	quoted := rest[strings.Index(rest, " ")+1:]
	name, err := strconv.QuotedPrefix(quoted)
	if err != nil {
		return e
	}
	text, err := strconv.Unquote(quoted[len(name)+1:])
	if err != nil {
		return e
	}
	return text
}
