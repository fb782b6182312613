package tui

import (
	"fmt"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/net/event"
)

// evil holds names and texts that a hostile peer may send.
var evil = []string{
	"a", " ", "bob", "\x1b[2J", "\x1b]0;owned\x07", "\x1bP1$r\x1b\\", "\x9b31m", "\r\n", "\x07", "\x08\x08\x08", "\u202e", "\u2066", "\u200b", "\u200d",
	"日本", "👩\u200d👩\u200d👧", "👍🏽", "🇩🇪", "1\ufe0f\u20e3", "e\u0301\u0301\u0301\u0301\u0301\u0301", "\u0600", "\xff\xfe", "\x00", "\t", "✓", "│", "(you)", "·91c0",
	strings.Repeat("x", 300), strings.Repeat("long words ", 40), "مرحبا", "\u3164", "@Alice", "http://10.0.0.1/", "\ufffd", "\U000e0041",
}

func evilText(t *rapid.T, name string) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(evil), 0, 6).Draw(t, name), "")
}

// Any input from network and keyboard, at any size, gives exactly as many rows as the screen has. None
// is too wide, and each holds only text, colours and our own column moves.
func TestHostileScreens(t *testing.T) {
	var keys []string
	for _, b := range keyTable() {
		for _, key := range b.Keys() {
			if key != "ctrl+c" {
				keys = append(keys, key)
			}
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		look := looks[rapid.SampledFrom([]string{"dark", "light", "nocolor", "ascii"}).Draw(rt, "look")]
		size := func() (int, int) {
			return rapid.IntRange(1, 310).Draw(rt, "width"), rapid.IntRange(1, 70).Draw(rt, "height")
		}
		width, height := size()
		w := newWorld(t, look, width, height)
		var peers []event.Peer
		for range rapid.IntRange(1, 40).Draw(rt, "events") {
			switch rapid.IntRange(0, 11).Draw(rt, "event") {
			case 0:
				p := peerOf(fmt.Sprint(len(peers)), w.clock)
				p.Name, p.Agent = evilText(rt, "name"), evilText(rt, "agent")
				p.Verified = rapid.Bool().Draw(rt, "verified")
				peers = append(peers, p)
				w.post(event.PeerChanged{Peer: p})
			case 1, 2, 3:
				if len(peers) > 0 {
					p := rapid.SampledFrom(peers).Draw(rt, "who")
					w.post(w.says(p, evilText(rt, "text")))
				}
			case 4:
				w.post(event.Notice{Level: rapid.SampledFrom([]event.Level{event.Info, event.Warning, event.Error}).Draw(rt, "level"),
					Text: evilText(rt, "text"), Hint: evilText(rt, "hint")})
			case 5:
				w.post(event.Refused{From: evilText(rt, "from"), Reason: evilText(rt, "reason"), Count: 3})
			case 6:
				if len(peers) > 0 {
					p := rapid.SampledFrom(peers).Draw(rt, "who")
					p.State = rapid.SampledFrom([]event.State{event.Up, event.Late, event.Lost, event.Left, event.Relayed}).Draw(rt, "state")
					p.Changed = w.clock
					w.post(event.PeerChanged{Peer: p, Renamed: evilText(rt, "before")}, event.Typing{Peer: p, On: true})
				}
			case 7:
				n := network
				n.Trouble, n.Hint = evilText(rt, "trouble"), evilText(rt, "hint")
				w.post(n)
			case 8:
				w.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(evilText(rt, "paste")), Paste: true})
			case 9:
				width, height = size()
				w.send(tea.WindowSizeMsg{Width: width, Height: height})
			default:
				w.keys(rapid.SampledFrom(keys).Draw(rt, "key"))
			}
			f := w.frame()
			for y, row := range f.Rows {
				for _, r := range withoutOurs(row) {
					if r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x2066 || r == 0x200b {
						rt.Fatalf("row %d holds %U: %q", y, r, row)
					}
				}
			}
			if strings.ContainsFunc(ansi.Strip(f.Title.String()), func(r rune) bool { return r < 0x20 }) {
				rt.Fatalf("the title is %q", f.Title)
			}
		}
	})
}

// withoutOurs drops the sequences that a row may hold: SGR and the moves of screen.MoveToColumn.
func withoutOurs(row string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(row, "\x1b[")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		n := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != ';' })
		if n < 0 || rest[n] != 'm' && rest[n] != 'G' {
			b.WriteString("\x1b[") // not one of ours
			n = -1
		}
		row = rest[n+1:]
	}
}
