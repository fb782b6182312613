package sanitize

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"unicode"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"pgregory.net/rapid"
)

// terminal is an emulator that notes everything but text that reaches it.
type terminal struct {
	*vt.Emulator
	heard   []string
	replied chan []byte
}

func newTerminal(w, h int) *terminal {
	tm := &terminal{Emulator: vt.NewEmulator(w, h), replied: make(chan []byte, 1)}
	note := func(format string, args ...any) { tm.heard = append(tm.heard, fmt.Sprintf(format, args...)) }
	tm.SetCallbacks(vt.Callbacks{
		Bell:             func() { note("bell") },
		Title:            func(s string) { note("title %q", s) },
		IconName:         func(s string) { note("icon %q", s) },
		AltScreen:        func(on bool) { note("alternate screen %v", on) },
		CursorVisibility: func(on bool) { note("cursor %v", on) },
		CursorStyle:      func(s vt.CursorStyle, _ bool) { note("cursor style %v", s) },
		WorkingDirectory: func(s string) { note("directory %q", s) },
		EnableMode:       func(m ansi.Mode) { note("mode %v on", m) },
		DisableMode:      func(m ansi.Mode) { note("mode %v off", m) },
	})
	// The terminal's answer to a query would be typed into our composer. The pipe has no buffer, so a
	// goroutine reads for as long as the terminal may write.
	go func() {
		b, _ := io.ReadAll(tm.Emulator)
		tm.replied <- b
	}()
	return tm
}

// end closes the terminal and returns what it answered.
func (tm *terminal) end() []byte {
	// Emulator.Close races with Read; closing the pipe between them doesn't.
	tm.InputPipe().(io.Closer).Close()
	return <-tm.replied
}

// attacks lists sequences that a terminal would act upon.
var attacks = []string{
	"\x1b]0;owned\a", "\x1b]2;owned\x1b\\", "\x1b]1;icon\a", "\x1b]7;file://h/p\a", "\x1b]52;c;aGk=\a",
	"\x1b[?1049h", "\x1b[?25l", "\x1b[?2004h", "\x1b[?1000h", "\x1b[4 q", "\x1b[2J", "\x1b[H", "\x1b[10A",
	"\x1b[10B", "\x1bM", "\x1bD", "\x1bE", "\x1bc", "\x1b(0", "\x1b[6n", "\x1b[c", "\x1b[5n", "\x1bZ",
	"\x1b[31m", "\x1b[8m", "\x1bP$qm\x1b\\", "\x1b_Gx\x1b\\", "\u009b2J", "\u009d0;t\u009c", "\x9b2J",
	"\x9d0;t\x9c", "\r\n", "\n", "\r", "\b\b\b", "\v", "\f", "\t", "\a", "\x0e", "\x0f", "\u0085", "\u0084", "\u008d",
}

// TestTerminalHearsAttacks makes sure that the emulator would notice: without the sanitiser
// these attacks work.
func TestTerminalHearsAttacks(t *testing.T) {
	tm := newTerminal(80, 5)
	tm.WriteString(strings.Join(attacks, "x"))
	reply := tm.end()
	if len(tm.heard) < 8 || len(reply) == 0 {
		t.Fatalf("the emulator heard only %q and replied %q", tm.heard, reply)
	}
}

// checkTerminal shows text on row 2 and asserts that text is all that arrived.
func checkTerminal(t *testing.T, in string, text SafeText) {
	t.Helper()
	const width = 60
	tm := newTerminal(width, 5)
	tm.WriteString("\r\n\r\n") // down to row 2
	at := tm.CursorPosition()
	row := text.Cut(width-2, Trusted("…"))
	tm.WriteString(row.String())
	pos := tm.CursorPosition()
	if reply := tm.end(); len(reply) != 0 || len(tm.heard) != 0 {
		t.Fatalf("%+q: the terminal heard %q, replied %q", in, tm.heard, reply)
	}
	// The emulator draws an ASCII character by itself and then what joins it, so it counts keycaps
	// and spreading marks on one differently, as terminals do among themselves.
	differs := strings.ContainsFunc(row.String(), func(r rune) bool {
		return r == keycap || r == 0x0E33 || unicode.Is(unicode.Mc, r)
	})
	if pos.Y != at.Y || pos.X != row.Width() && !differs {
		t.Fatalf("%+q as %+q: cursor at %v, want column %d of row %d", in, row, pos, row.Width(), at.Y)
	}
	for y := range 5 {
		for x := range width {
			c := tm.CellAt(x, y)
			if c == nil {
				continue
			}
			if y != at.Y && strings.TrimSpace(c.Content) != "" {
				t.Fatalf("%+q wrote %q to row %d", in, c.Content, y)
			}
			if c.Style != (uv.Style{}) || !c.Link.IsZero() {
				t.Fatalf("%+q styled a cell: %+v", in, c)
			}
		}
	}
}

func TestTerminalSeesOnlyText(t *testing.T) {
	for _, a := range append(append([]string(nil), attacks...), realText...) {
		checkTerminal(t, a, Line("before"+a+"after"))
		checkTerminal(t, a, Name("b"+a+"b"))
		for _, row := range Block("x" + a + "y").Lines() {
			checkTerminal(t, a, row)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		in := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(attacks), rapid.Just("x"),
			rapid.SampledFrom(nasty)), 1, 12).Draw(rt, "attacks"), "")
		checkTerminal(t, in, Line(in))
	})
}
