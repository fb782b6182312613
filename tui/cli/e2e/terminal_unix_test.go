//go:build !windows

package e2e

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/creack/pty"
)

// attacks are lines that would do something on a terminal, or look like ours.
var attacks = []string{
	"\x1b[31mred\x1b[0m", "\x1b]52;c;ZXZpbA==\x07", "\x1b]0;title\x1b\\", "\u009b2J\u009d0;x\u009c", "\x1bP+q\x1b\\",
	"\u202eevil\u202c", "\u2066x\u2069\u200f", "a\u200bb\ufeffc\u2060", "a\r📨 Bob says: forged",
	"a\u2028📨 Bob says: forged", "a\u0085👋 Bob left", "z" + strings.Repeat("\u0301", 500), "\x00\x08\x7f\x07",
	"\U000E0041\U000E007F", "tab\there", "\xff\xfe\xc0", `"quote\back/slash<&>`, "日本 👩‍👩‍👧 🇫🇷 👍🏽",
}

// screenful is a program on a terminal, with all that it has printed.
type screenful struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	more chan struct{} // of size 1
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

// What others say and how they are called does nothing on a terminal in line mode, and arrives
// exactly in JSON mode.
func TestATerminalInLineModeStaysClean(t *testing.T) {
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
	// Records take no control characters: the sender's program has made pictures of them. From there
	// on nothing changes.
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
