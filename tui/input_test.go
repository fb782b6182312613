package tui

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/composer"
)

// asked returns the calls of the node, without those about typing.

func (w *world) asked() (calls []string) {
	for _, c := range w.node.calls {
		if !strings.HasPrefix(c, "typing") {
			calls = append(calls, c)
		}
	}
	return calls
}

// mustShow fails unless the screen shows each text.

func (w *world) mustShow(texts ...string) {
	w.t.Helper()
	screen := strings.Join(w.rows(), "\n")
	for _, text := range texts {
		if !strings.Contains(screen, text) {
			w.t.Errorf("the screen lacks %q:\n%s", text, screen)
		}
	}
}

func (w *world) mustNotShow(texts ...string) {
	w.t.Helper()
	screen := strings.Join(w.rows(), "\n")
	for _, text := range texts {
		if strings.Contains(screen, text) {
			w.t.Errorf("the screen shows %q:\n%s", text, screen)
		}
	}
}

func TestMessagesAndCommandsKeepTheirOrder(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	w.keys("one", "enter", "/me waves", "enter", "/nick Ann", "enter", "//two", "enter", "three", "alt+enter", "rows", "enter", " ", "enter")
	want := []string{"say one", "me waves", "nick Ann", "say /two", "say three\nrows"}
	if diff := cmp.Diff(want, w.asked()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAPasteNeverSends(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	paste := func(text string) { w.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: true}) }
	paste("line one\r\nline two\n")
	paste("?\x1b[2J\x07")
	if len(w.asked()) > 0 || w.m.overlay.isOpen() {
		t.Errorf("a paste did something: %q", w.asked())
	}
	w.mustShow("line one", "line two?␇")
	w.keys("ctrl+c")
	paste(strings.Repeat("a long paste\n", 5000))
	w.mustShow("[pasted: 5000 lines, 63.5 KiB", "63.5 KiB, in several messages")
	paste(strings.Repeat("x", composer.MaxPasted))
	w.mustShow("✗ 1.1 MiB at once are too many to paste")
	w.keys("enter")
	paste(strings.Repeat("x", composer.MaxText))
	w.mustShow("8.0 of 8 KiB")
	w.keys("ctrl+c")
	paste(strings.Repeat("x", composer.MaxText+1))
	w.mustShow("[pasted: 1 line, 8.0 KiB")
	w.keys("ctrl+c")
	if got := w.asked(); len(got) != 1 || len(got[0]) != 5000*len("a long paste\n")-1+len("say ") {
		t.Errorf("%d lines were said", len(got))
	}
}

func TestCtrlCTwiceQuits(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	w.keys("text", "ctrl+c")
	w.mustShow("Press Ctrl+C again to leave")
	w.pass(quitOffer)
	w.mustNotShow("again to leave")
	w.keys("ctrl+c")
	if w.quit {
		t.Fatal("left after two that were far apart")
	}
	w.keys("ctrl+c")
	if !w.quit || !slices.Contains(w.node.calls, "wait") {
		t.Errorf("two in a row: left %v, asked %q", w.quit, w.node.calls)
	}
	if w.m.current.Draft.Text() != "" {
		t.Error("the line was not cleared")
	}
}

// /quit waits until the last messages have arrived. The person sees why, and can quit at once.
func TestQuitWaitsForAcknowledgements(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	w.keys("last words", "enter", "/quit", "enter")
	if diff := cmp.Diff([]string{"say last words", "wait"}, w.asked()); diff != "" || !w.quit {
		t.Errorf("left %v (-want +got)\n%s", w.quit, diff)
	}
	w = newWorld(t, plain, 80, 24)
	w.m.quit.waiting = true
	w.mustShow("Saying goodbye")
	w.keys("x", "enter")
	if w.quit {
		t.Error("another key left")
	}
	w.keys("ctrl+c")
	if !w.quit {
		t.Error("Ctrl+C did not leave at once")
	}
}

func TestEscClosesOneThing(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	w.keys("ctrl+up", "i")
	w.mustShow("Inspector")
	w.keys("esc")
	w.mustNotShow("Inspector")
	w.mustShow("▸")
	w.keys("esc")
	w.mustNotShow("▸")
	w.keys("f6", "esc", "draft", "esc", "esc", "esc")
	if w.quit || w.m.focus != paneCompose || w.m.current.Draft.Text() != "draft" {
		t.Errorf("Esc left %v, with the focus on %v and %q", w.quit, w.m.focus, w.m.current.Draft.Text())
	}
}

func TestTabCompletesOrMovesTheFocus(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	var got []pane
	for range 5 {
		w.keys("tab")
		got = append(got, w.m.focus)
	}
	if diff := cmp.Diff([]pane{panePeers, paneProposals, paneMessages, paneCompose, panePeers}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	w.keys("shift+tab", "@da", "tab")
	if got := w.m.current.Draft.Text(); got != "@dana " {
		t.Errorf("a mention completes to %q", got)
	}
	w.keys("ctrl+c", "da", "tab")
	if got := w.m.current.Draft.Text(); got != "dana: " {
		t.Errorf("a name at the beginning completes to %q", got)
	}
	w.keys("ctrl+c", "/ver", "tab", "b", "tab")
	if got := w.m.current.Draft.Text(); got != "/verify bob" {
		t.Errorf("a command completes to %q", got)
	}
}

func TestTextGoesToTheDraft(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	w.keys("f6", "hello there")
	if w.m.focus != paneCompose || w.m.current.Draft.Text() != "hello there" {
		t.Errorf("typing at the peers wrote %q", w.m.current.Draft.Text())
	}
	w.keys("ctrl+c", "ctrl+up", "what?")
	if w.m.current.Draft.Text() != "what?" {
		t.Errorf("typing with a line selected wrote %q", w.m.current.Draft.Text())
	}
}

// A fast typist's word is one tea.KeyMsg, whose name may be that of a key.
func TestAWordNamedLikeAKeyIsText(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	at := func(text string) { w.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text)}) }
	want := ""
	for _, b := range keyTable() {
		for _, word := range b.Keys() {
			if len(word) > 1 {
				at(word)
				want += word
			}
		}
	}
	if got := w.m.current.Draft.Text(); got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
	w.keys("ctrl+c", "ctrl+f")
	at("end")
	w.mustShow("Search: end")
}

func TestCopyAndInspect(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	w.keys("ctrl+up", "ctrl+up", "y")
	if diff := cmp.Diff([]string{"@Alice please look"}, w.terminal.copied); diff != "" {
		t.Errorf("copied (-want +got)\n%s", diff)
	}
	w.mustShow("Copied 18 characters")
	w.keys("i")
	w.mustShow("Why shown", "verified")
}

func TestPeersPane(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	bob, dana, _ := company(w)
	w.node.peers = []event.Peer{bob, dana}
	w.keys("f6")
	w.mustShow("▍Peers", "▸● bob")
	w.keys("j", "enter")
	w.mustShow("▸● dana", "192.168.1.31:8080", dana.Key.Fingerprint())
	w.keys("k", "i", "v")
	w.mustShow("Read them to each other")
	if diff := cmp.Diff([]string{"ignore " + bob.ID + " true"}, w.asked()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	bob.Ignored = true
	w.post(event.PeerChanged{Peer: bob})
	w.mustShow("ignored")
	w.keys("f6", "i")
	if got := w.asked(); got[len(got)-1] != "ignore "+bob.ID+" false" {
		t.Errorf("asked %q", got)
	}
}

func TestHelp(t *testing.T) {
	for _, keys := range [][]string{{"?"}, {"/help", "enter"}, {"f6", "?"}} {
		w := newWorld(t, plain, 80, 24)
		company(w)
		w.keys(keys...)
		w.mustShow("Help", "send what you wrote", "Ctrl+Up Ctrl+Down")
		seen := ""
		for range 12 {
			seen += strings.Join(w.rows(), "\n")
			w.keys("pgdown")
		}
		if !strings.Contains(seen, "/quit ") || !strings.Contains(seen, "say goodbye") {
			t.Errorf("the help lacks /quit:\n%s", seen)
		}
		w.keys("?")
		w.mustNotShow("Esc closes")
	}
	w := newWorld(t, plain, 80, 24)
	w.keys("/help nick", "enter")
	w.mustShow("/nick NAME", "change your name")
	w.keys("esc", "what", "?")
	if w.m.current.Draft.Text() != "what?" {
		t.Errorf("a question mark wrote %q", w.m.current.Draft.Text())
	}
}

func TestThemeAndMouse(t *testing.T) {
	w := newWorld(t, looks["dark"], 80, 24)
	dark := w.draw()
	w.keys("/theme light", "enter")
	if w.draw() == dark || !w.m.cfg.Look.Light {
		t.Error("/theme light changed nothing")
	}
	w.keys("/mouse on", "enter")
	if !w.terminal.mouse {
		t.Error("/mouse on didn't ask for the mouse")
	}
	w.send(tea.WindowSizeMsg{Width: 120, Height: 36})
	l := w.m.lay
	for want, at := range map[pane]rect{panePeers: l.Peers, paneProposals: l.Proposals, paneMessages: l.Messages, paneCompose: l.Compose} {
		w.send(tea.MouseMsg{X: at.X + 1, Y: at.Y, Button: tea.MouseButtonLeft, Action: tea.MouseActionPress})
		if w.m.focus != want {
			t.Errorf("a click on pane %v gave the focus to %v", want, w.m.focus)
		}
	}
}

func TestSearch(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	w.keys("ctrl+f", "IN")
	w.mustShow("Search: IN", "2 found")
	w.keys("enter", "n")
	w.mustShow("Search: IN", "1 of 2")
	w.keys("N")
	w.mustShow("Search: IN", "2 of 2")
	w.keys("N")
	w.mustShow("1 of 2")
	w.keys("backspace")
	w.mustShow("Search: I ")
	w.keys("n")
	w.mustShow("Search: In", "2 found")
	w.keys("backspace", "backspace", "zzz")
	w.mustShow("nothing found")
	w.keys("ctrl+u", "green", "tab", "y")
	w.mustNotShow("Search:")
	if diff := cmp.Diff([]string{"build is green"}, w.terminal.copied); diff != "" {
		t.Errorf("the match that was stayed at: (-want +got)\n%s", diff)
	}
	w.keys("ctrl+f", "esc")
	if w.m.current.Draft.Text() != "" || len(w.asked()) > 0 {
		t.Errorf("searching wrote %q or asked %q", w.m.current.Draft.Text(), w.asked())
	}
}

func TestScreenCommands(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	bob, dana, eve := company(w)
	bob.Addr = dana.Addr
	w.node.peers = []event.Peer{bob, dana, eve}
	w.keys("/list", "enter")
	w.mustShow("── Peers ─", "192.168.1.31:8080", "up, verified", "lost")
	w.keys("/status", "enter")
	w.mustShow("Alice in #lobby", "3 encrypted")
	w.mustNotShow("── Peers ─")
	w.keys("/crypto", "enter")
	w.mustShow("You are Alice", "Ed25519")
	w.keys("/search green", "enter")
	w.mustShow("Search: green", "1 of 1")
	w.keys("esc", "esc")
	w.mustNotShow("Search:", "Ed25519")
	w.keys("/clear", "enter")
	w.mustNotShow("build is green")
	w.keys("/mouse maybe", "enter")
	w.mustShow("/mouse knows no such word · type /mouse on|off")
	w.keys("/mouse", "enter")
	w.mustShow("something is missing after /mouse")
}

func TestKeyHints(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	w.pass(10 * time.Second)
	for keys, want := range map[string]string{"ctrl+up": "y copies, i inspects", "f6": "Enter: details", "f5": "Up selects"} {
		w.keys(keys)
		w.mustShow(want)
		w.keys("esc", "esc")
		w.mustNotShow(want)
	}
}

// What was queued behind the end of a run is not done.
func TestQueuedActionsEndWithTheRun(t *testing.T) {
	q := event.NewQueue()
	ctx, cancel := context.WithCancel(t.Context())
	ran := 0
	q.Post(func(context.Context) { ran++; cancel() })
	q.Post(func(context.Context) { ran++ })
	if runQueued(ctx, q); ran != 1 {
		t.Errorf("%d actions ran, want 1", ran)
	}
}
