//go:build !windows

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
)

// What plain peers say and how they are called does nothing on the real screen, nor on the terminals of
// other guests.
func TestPlainPeersDoNothingToTheScreen(t *testing.T) {
	home := t.TempDir()
	script := begin(t, program(t, home, alone("--name", "Script")...))
	cmd := program(t, home, "start", "--name", "Reader", "--no-discovery", "--listen", "127.0.0.1:0", "--connect", fmt.Sprint("127.0.0.1:", script.ready.Port))
	reader := onTerminal(t, cmd)
	up := script.until("the reader", func(h happened) bool { return h.Name == "Reader" && h.State == "up" })
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", up.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	hears := dial() // a guest that listens
	io.WriteString(hears, "I listen\n")
	reader.shows("I listen")
	name := "M\x1b]0;owned\x07\x1b[31mal\u202el\u009b2Jory"
	var objects strings.Builder
	for _, text := range append(slices.Clone(attacks), "\x1b[2J\x1b[31mthe end of JSON") {
		object, _ := json.Marshal(map[string]any{"Chat": map[string]any{"from_id": "\x1b[31mid", "from_name": name, "content": text, "timestamp": 1}})
		objects.Write(object)
	}
	io.WriteString(dial(), objects.String())
	reader.shows("the end of JSON")
	guest := dial()
	io.WriteString(guest, "I write\n") // what begins with a control is no text at all
	for _, text := range attacks {
		io.WriteString(guest, strings.NewReplacer("\r", "", "\xff\xfe\xc0", "").Replace(text)+"\n")
	}
	io.WriteString(guest, "\x1b[2J\x1b[31mthe end of lines\n")
	reader.shows("the end of lines")
	script.says("/unsigned "+strings.Join(attacks[:5], " "), "/unsigned the end of unsigned")
	shown := reader.shows("the end of unsigned")
	for _, bad := range []string{"\x1b]52", "\x1b]0;", "\x1bP", "\x1b[2J\x1b[31m", "\u009b", "\u009d", "\u202e", "\u2066", "\u200b", "\ufeff", "\U000E0041", "\x1b[31mred", "\x1b[31mid"} {
		if strings.Contains(shown, bad) {
			t.Errorf("%q is on the terminal", bad)
		}
	}
	if strings.Contains(shown, strings.Repeat("\u0301", 20)) {
		t.Error("marks are piled up")
	}
	// The guest that listens gets lines of text, each with its author's name.
	var got strings.Builder
	buf := make([]byte, 64<<10)
	hears.SetReadDeadline(time.Now().Add(patience))
	for !strings.Contains(got.String(), "the end of unsigned") {
		n, err := hears.Read(buf)
		if err != nil {
			t.Fatalf("%v in %q", err, got.String())
		}
		got.Write(buf[:n])
	}
	for _, r := range got.String() {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			t.Fatalf("%U in what a guest gets: %q", r, got.String())
		}
	}
	for line := range strings.Lines(got.String()) {
		if !strings.Contains(line, ": ") || strings.HasPrefix(line, "📨") {
			t.Errorf("a line without its author: %q", line)
		}
	}
	io.WriteString(reader.tty, "\x03\x03") // Ctrl+C twice
}
