package lines

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/roster"

	"pgregory.net/rapid"
)

var hostile = []string{
	"\x1b[31mred\x1b[0m", "\x1b]52;c;ZXZpbA==\x07", "\x1b]0;title\x1b\\", "\u009b2J\u009d0;x\u009c", "\x1bP+q\x1b\\",
	"\u202eevil\u202c", "\u2066x\u2069\u200f", "a\u200bb\ufeffc\u2060", "a\r📨 Bob says: forged", "a\n📨 Bob says: forged",
	"a\u2028📨 Bob says: forged", "a\u0085👋 Bob left", "z" + strings.Repeat("\u0301", 500), "\x00\x08\x7f\x07",
	"\U000E0041\U000E007F", "tab\there", "\xff\xfe\xc0", "\"quote\\back/slash<&>", "日本 👩‍👩‍👧 🇫🇷 👍🏽",
}

// hostileEvents is every place where what others wrote comes in.
func hostileEvents(name, text string) []event.Event {
	p := person(2, name)
	p.Agent = text
	plain := event.Peer{ID: "10.0.0.8:5000", Name: name, Kind: event.KindLine, State: event.Up}
	me := said(p, text)
	me.Line.Me = true
	return []event.Event{
		event.PeerChanged{Peer: p}, event.PeerChanged{Peer: plain}, said(p, text), said(plain, text), me,
		event.PeerChanged{Peer: p, Renamed: text}, event.Refused{From: text, Reason: name, Count: 1}, event.Unknown{FromName: text, Kind: name, First: true},
		event.Notice{Level: event.Info, Text: text, Hint: name}, event.Notice{Level: event.Error, Text: text, Hint: name},
		event.Network{Trouble: text, Hint: name}, event.PeerChanged{Peer: as(p, event.Lost)},
	}
}

// checkClean fails if a terminal would do anything with the text but print it, or if a line of it
// could be taken for one that we made.
func checkClean(t rapid.TB, shown string) {
	t.Helper()
	if !utf8.ValidString(shown) {
		t.Fatalf("not UTF-8: %q", shown)
	}
	for _, r := range shown {
		switch {
		case r == '\n':
		case unicode.Is(unicode.Cc, r), unicode.In(r, unicode.Zl, unicode.Zp),
			unicode.In(r, unicode.Bidi_Control), r == 0x200B, r == 0x2060, r == 0xFEFF:
			t.Fatalf("%U in %q", r, shown)
		}
	}
	for line := range strings.Lines(shown) {
		if strings.Contains(line, "forged") && strings.HasPrefix(line, "📨 Bob says: forged") {
			t.Fatalf("forged: %q", shown)
		}
		for _, ours := range []string{"🔍", "📨", "📛", "⚠️", "❌", "⛔", "ℹ️", "👥", "  - ", "   "} {
			if strings.HasPrefix(line, ours) {
				line = ""
			}
		}
		if line != "" {
			t.Fatalf("a line that isn't ours: %q", line)
		}
	}
}

// show returns what a view writes for events and then for a list.
func show(v view, o *output, names *roster.Roster, events []event.Event, peers []event.Peer) (stdout, stderr string) {
	for _, ev := range events {
		v.event(ev, note(names, ev))
	}
	v.answer(command.List{Peers: peers})
	for _, c := range o.queue {
		if c.errs {
			stderr += string(c.text)
		} else {
			stdout += string(c.text)
		}
	}
	return stdout, stderr
}

func showText(name, text string) string {
	o, names := newOutput(Config{}), new(roster.Roster)
	v := start0(o, names)
	stdout, stderr := show(v, o, names, hostileEvents(name, text), []event.Peer{person(2, name)})
	return stdout + stderr
}

func TestLineModeIsClean(t *testing.T) {
	for _, name := range hostile {
		for _, text := range hostile {
			checkClean(t, showText(name, text))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		any := rapid.OneOf(rapid.String(), rapid.SampledFrom(hostile), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		checkClean(t, showText(any.Draw(t, "name"), any.Draw(t, "text")))
	})
}

// exact fails unless JSON mode gives a reader the very name and text, on one line that does nothing
// on a terminal.
func exact(t rapid.TB, name, text string) {
	t.Helper()
	o, names := newOutput(Config{JSON: true}), new(roster.Roster)
	p := person(2, name)
	stdout, _ := show(&jsonView{out: o}, o, names, []event.Event{event.PeerChanged{Peer: p}, said(p, text)}, nil)
	lines := strings.Split(stdout, "\n")
	if len(lines) != 4 || lines[3] != "" {
		t.Fatalf("%d lines: %q", len(lines), stdout)
	}
	for _, r := range stdout {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Fatalf("%U isn't escaped in %q", r, stdout)
		}
	}
	var message struct {
		Content  string
		FromName string `json:"from_name"`
	}
	if err := json.Unmarshal([]byte(lines[1]), &message); err != nil {
		t.Fatal(err)
	}
	// Text in records is UTF-8; what isn't is shown as encoding/json shows it, byte for byte U+FFFD.
	wantName, wantText := string([]rune(name)), string([]rune(text))
	if message.Content != wantText || message.FromName != wantName {
		t.Fatalf("read back %q %q, want %q %q", message.FromName, message.Content, wantName, wantText)
	}
}

func TestJSONIsExact(t *testing.T) {
	for _, name := range hostile {
		for _, text := range hostile {
			exact(t, name, text)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		exact(t, rapid.String().Draw(t, "name"), rapid.String().Draw(t, "text"))
	})
}
