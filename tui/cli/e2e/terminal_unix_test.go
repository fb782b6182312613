//go:build !windows

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/creack/pty"
)

// attacks are texts that would control a terminal, or imitate our output.
var attacks = []string{
	"\x1b[31mred\x1b[0m", "\x1b]52;c;ZXZpbA==\x07", "\x1b]0;title\x1b\\", "\u009b2J\u009d0;x\u009c", "\x1bP+q\x1b\\",
	"\u202eevil\u202c", "\u2066x\u2069\u200f", "a\u200bb\ufeffc\u2060", "a\r📨 Bob says: forged",
	"a\u2028📨 Bob says: forged", "a\u0085👋 Bob left", "z" + strings.Repeat("\u0301", 500), "\x00\x08\x7f\x07",
	"\U000E0041\U000E007F", "tab\there", "\xff\xfe\xc0", `"quote\back/slash<&>`, "日本 👩‍👩‍👧 🇫🇷 👍🏽",
}

// screenful is a program on a terminal, with all its output.
type screenful struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	more chan struct{} // capacity 1
	over chan struct{} // closed when the reader has ended

	mu     sync.Mutex
	text   strings.Builder
	silent bool // guarded by mu; nothing comes any more
}

// onTerminal starts cmd with a terminal for everything.
func onTerminal(t *testing.T, cmd *exec.Cmd) *screenful {
	t.Helper()
	cmd.Env = append(cmd.Env, "TERM=xterm-256color")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Skip("no terminal can be made here: ", err)
	}
	s := &screenful{t: t, cmd: cmd, tty: tty, more: make(chan struct{}, 1), over: make(chan struct{})}
	go func() {
		defer close(s.over)
		buf := make([]byte, 4<<10)
		for {
			n, err := tty.Read(buf)
			s.mu.Lock()
			s.text.Write(buf[:n])
			s.silent = err != nil
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		tty.Close()
		<-s.over
	})
	return s
}

// shows waits until some text was printed.
func (s *screenful) shows(text string) string {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		all, silent := s.text.String(), s.silent
		s.mu.Unlock()
		if strings.Contains(all, text) {
			return all
		}
		if silent {
			s.t.Fatalf("ended without %q: %q", text, all)
		}
		select {
		case <-s.more:
		case <-deadline:
			s.t.Fatalf("no %q in %q", text, all)
		}
	}
}

// ended waits for the end and returns the exit code and the output after the screen was left.
func (s *screenful) ended() (code int, after string) {
	s.t.Helper()
	err := s.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	<-s.over
	_, after, left := strings.Cut(s.text.String(), "\x1b[?1049l")
	if !left {
		s.t.Errorf("the main screen was not given back: %q", s.text.String())
	}
	return s.cmd.ProcessState.ExitCode(), after
}

// onScreen starts the program with its screen, alone.
func onScreen(t *testing.T, env string) *screenful {
	t.Helper()
	cmd := program(t, t.TempDir(), "start", "--name", "Alice", "--no-discovery", "--listen", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, env)
	return onTerminal(t, cmd)
}

// However the screen ends, the terminal is restored. After a panic one line names the log.
func TestScreenRestoresTerminal(t *testing.T) {
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	trigger := filepath.Join(t.TempDir(), "trigger")
	for _, c := range []struct {
		name string
		env  string
		end  func(p *screenful)
		code int
		says string
	}{
		{"quit", "", func(p *screenful) { p.tty.WriteString("/quit\r") }, 0, ""},
		{"ctrl+c twice", "", func(p *screenful) { p.tty.WriteString("\x03"); p.shows("again to leave"); p.tty.WriteString("\x03") }, 0, ""},
		{"terminated", "", func(p *screenful) { _ = p.cmd.Process.Signal(syscall.SIGTERM) }, exitSignal, ""},
		{"hung up", "", func(p *screenful) { _ = p.cmd.Process.Signal(syscall.SIGHUP) }, exitSignal, ""},
		{"a panic", panicEnv + "=" + trigger, func(p *screenful) {
			if err := os.WriteFile(trigger, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			p.tty.WriteString("/connect " + peer.Addr().String() + "\r")
		}, exitPanic, "with the stack in "},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := onScreen(t, c.env)
			p.shows("You are")
			c.end(p)
			code, after := p.ended()
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if c.says == "" && strings.Contains(after, "p2pchat:") || !strings.Contains(after, c.says) || strings.Contains(after, "goroutine ") {
				t.Errorf("the terminal shows afterwards %q", after)
			}
		})
	}
}

// With NO_COLOR no colour is drawn, and the terminal isn't asked for its background.
func TestNoColor(t *testing.T) {
	p := onScreen(t, "NO_COLOR=1")
	p.shows("You are Alice")
	p.tty.WriteString("/quit\r")
	if code, _ := p.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if out := p.text.String(); strings.Contains(out, "\x1b[38") || strings.Contains(out, "\x1b[48") || strings.Contains(out, "\x1b]11;?") {
		t.Errorf("colours, or a question about them, without colours: %q", out)
	}
}

// A signal that nohup ignores stays ignored: the program outlives its terminal.
func TestIgnoredSignal(t *testing.T) {
	cmd := program(t, t.TempDir(), alone("--name", "Ann")...)
	cmd.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`}, cmd.Args...)
	cmd.Path = "/bin/sh"
	p := begin(t, cmd)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.says("/list")
	p.until("an answer", func(h happened) bool { return h.Event == "list" })
	p.quits()
}

// Peers' texts and names don't control a terminal in line mode, and arrive exactly in JSON mode.
func TestHostileTextInLineMode(t *testing.T) {
	cmd := neighbours(t)
	script := begin(t, cmd("Script"))
	lineMode := cmd("Reader")
	for i, arg := range lineMode.Args {
		if arg == "--json" {
			lineMode.Args[i] = "--no-tui"
		}
	}
	reader := onTerminal(t, lineMode)
	reader.shows("💬 ")
	name := "E\u202ev\u200bi\u0301\u0301\u0301\u0301l\u2066"
	evil := begin(t, cmd(name))
	script.until("the reader", func(h happened) bool { return h.Name == "Reader" && h.State == "up" })
	if h := script.sees("up", evil); h.Name != name {
		t.Errorf("name %q, want %q", h.Name, name)
	}
	evil.until("the reader", func(h happened) bool { return h.Name == "Reader" && h.State == "up" })
	evil.says(attacks...)
	evil.says("the end")
	script.hears(evil, "the end")
	reader.shows("the end")
	io.WriteString(reader.tty, "typed by hand\n")
	script.until("a line from the terminal", func(h happened) bool { return h.Content == "typed by hand" })
	evil.quits()
	reader.shows("left")
	io.WriteString(reader.tty, "/quit\n")
	<-reader.over
	if err := reader.cmd.Wait(); err != nil {
		t.Error(err)
	}
	shown := reader.shows("the end")
	if strings.Count(shown, "💬 ") < 3 {
		t.Errorf("no prompt in %q", shown)
	}
	// The terminal ends rows with CRLF; erasing the prompt is ours.
	shown = strings.ReplaceAll(strings.ReplaceAll(shown, "\r\x1b[K", ""), "\r\n", "\n")
	for _, r := range shown {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || strings.ContainsRune("\u200b\u2060\ufeff", r) {
			t.Fatalf("%U in %q", r, shown)
		}
	}
	if strings.Contains(shown, "\n📨 Bob says: forged") || strings.Contains(shown, strings.Repeat("\u0301", 20)) {
		t.Errorf("forged or piled up: %q", shown)
	}
	// Records take no control characters: the sender replaces them by pictures. After that nothing changes.
	var sent, heard []string
	for _, h := range evil.all() {
		if h.Event == "sent" {
			sent = append(sent, h.Content)
		}
	}
	for _, h := range script.all() {
		if h.Event == "message" && h.FromID == evil.ready.ID {
			heard = append(heard, h.Content)
		}
	}
	if len(sent) != len(attacks)+1 || strings.Join(sent, "\n") != strings.Join(heard, "\n") {
		t.Errorf("sent  %q\nheard %q", sent, heard)
	}
	for _, exact := range []string{"\u202eevil\u202c", "tab\there", attacks[len(attacks)-1], attacks[11], "␛[31mred␛[0m"} {
		if !strings.Contains(strings.Join(heard, "\n"), exact) {
			t.Errorf("%q wasn't heard as it is", exact)
		}
	}
}

// Plain peers' texts and names control neither the real screen nor the terminals of line clients.
func TestHostilePlainPeers(t *testing.T) {
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
