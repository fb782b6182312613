package tui

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/compose"
)

// asked are the calls of the node but for typing.
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

func TestLinesAndCommandsKeepTheirOrder(t *testing.T) {
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
	if len(w.asked()) > 0 || w.m.sheet.open() {
		t.Errorf("a paste did something: %q", w.asked())
	}
	w.mustShow("line one", "line two?␇")
	w.keys("ctrl+c")
	paste(strings.Repeat("a long paste\n", 5000))
	w.mustShow("[pasted: 5000 lines, 63.5 KiB")
	paste(strings.Repeat("x", compose.MaxPasted))
	w.mustShow("✗ 1.1 MiB at once are too many to paste")
	w.keys("enter")
	if got := w.asked(); len(got) != 1 || len(got[0]) != 5000*len("a long paste\n")-1+len("say ") {
		t.Errorf("%d lines were said", len(got))
	}
}

func TestTypingIsToldOnceAndTakenBack(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	typing := func() (calls []string) {
		for _, c := range w.node.calls {
			if strings.HasPrefix(c, "typing") {
				calls = append(calls, strings.TrimPrefix(c, "typing "))
			}
		}
		w.node.calls = nil
		return calls
	}
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"a command is nobody's business", func() { w.keys("/list"); w.keys("ctrl+c") }, nil},
		{"the first letters", func() { w.keys("hel") }, []string{"true"}},
		{"goes on", func() { w.pass(typingRepeat); w.keys("lo") }, []string{"true"}},
		{"pauses", func() { w.pass(time.Minute) }, []string{"false"}},
		{"goes on again", func() { w.keys("!") }, []string{"true"}},
		{"sends", func() { w.keys("enter") }, []string{"false"}},
		{"clears", func() { w.keys("oh", "ctrl+c") }, []string{"true", "false"}},
		{"takes it all back", func() { w.keys("x", "backspace") }, []string{"true", "false"}},
		{"off", func() { w.keys("/typing off", "enter", "text") }, nil},
	} {
		step.do()
		if diff := cmp.Diff(step.want, typing()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", step.name, diff)
		}
	}
}

func TestOthersTypingIsShownAndForgotten(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	bob, dana, _ := company(w)
	w.pass(time.Minute)
	w.mustNotShow("typing")
	w.post(event.Typing{Peer: bob, On: true}, event.Typing{Peer: dana, On: true})
	w.mustShow("bob and dana are typing…")
	w.post(w.says(bob, "there"))
	w.mustShow("dana is typing…")
	w.post(event.Typing{Peer: dana, On: false})
	w.mustNotShow("typing")
	w.post(event.Typing{Peer: dana, On: true})
	w.pass(typingForget)
	w.mustNotShow("typing")
	w.post(event.Typing{Peer: dana, On: true})
	dana.State, dana.Changed = event.Lost, w.clock
	w.post(event.PeerChanged{Peer: dana})
	w.mustNotShow("typing")
}

func TestCtrlCTwiceLeaves(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	w.keys("text", "ctrl+c")
	w.mustShow("Press Ctrl+C again to leave")
	w.pass(leaveTime)
	w.mustNotShow("again to leave")
	w.keys("ctrl+c")
	if w.quit {
		t.Fatal("left after two that were far apart")
	}
	w.keys("ctrl+c")
	if !w.quit || !slices.Contains(w.node.calls, "wait") {
		t.Errorf("two in a row: left %v, asked %q", w.quit, w.node.calls)
	}
	if w.m.compose.Text() != "" {
		t.Error("the line was not cleared")
	}
}

// What was said before /quit is waited for, and the person sees why, and can leave at once.
func TestQuitWaitsForWhatWasSaid(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	w.keys("last words", "enter", "/quit", "enter")
	if diff := cmp.Diff([]string{"say last words", "wait"}, w.asked()); diff != "" || !w.quit {
		t.Errorf("left %v (-want +got)\n%s", w.quit, diff)
	}
	w = newWorld(t, plain, 80, 24)
	w.m.leave.waiting = true
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

func TestEscClosesOneThingAndNeverLeaves(t *testing.T) {
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
	if w.quit || w.m.focus != paneCompose || w.m.compose.Text() != "draft" {
		t.Errorf("Esc left %v, with the focus on %v and %q", w.quit, w.m.focus, w.m.compose.Text())
	}
}

func TestTabMovesTheFocusOnAnEmptyLineAndCompletesElse(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	var got []pane
	for range 4 {
		w.keys("tab")
		got = append(got, w.m.focus)
	}
	if diff := cmp.Diff([]pane{panePeers, paneMessages, paneCompose, panePeers}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	w.keys("shift+tab", "@da", "tab")
	if got := w.m.compose.Text(); got != "@dana " {
		t.Errorf("a mention completes to %q", got)
	}
	w.keys("ctrl+c", "da", "tab")
	if got := w.m.compose.Text(); got != "dana: " {
		t.Errorf("a name at the beginning completes to %q", got)
	}
	w.keys("ctrl+c", "/ver", "tab", "b", "tab")
	if got := w.m.compose.Text(); got != "/verify bob" {
		t.Errorf("a command completes to %q", got)
	}
}

func TestTypingAnywhereWrites(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	w.keys("f6", "hello there")
	if w.m.focus != paneCompose || w.m.compose.Text() != "hello there" {
		t.Errorf("typing at the peers wrote %q", w.m.compose.Text())
	}
	w.keys("ctrl+c", "ctrl+up", "what?")
	if w.m.compose.Text() != "what?" {
		t.Errorf("typing with a line selected wrote %q", w.m.compose.Text())
	}
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

func TestThePeersPane(t *testing.T) {
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

func TestUnreadCountsOnlyWhileTheWindowIsAway(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	_, dana, _ := company(w)
	title := func() string { return w.frame().Title }
	w.post(w.says(dana, "seen at once"))
	if got := title(); got != "p2pchat #lobby" {
		t.Errorf("while somebody looks the title is %q", got)
	}
	w.frame()
	w.send(tea.BlurMsg{})
	w.post(w.says(dana, "unseen"), w.says(dana, "unseen too"))
	if got := title(); got != "(2) p2pchat #lobby" {
		t.Errorf("the title is %q", got)
	}
	w.mustShow("2 new · ", "─ new ─")
	w.send(tea.FocusMsg{})
	if got := title(); got != "p2pchat #lobby" {
		t.Errorf("back again the title is %q", got)
	}
	w.mustShow("─ new ─")
}

func TestTheBell(t *testing.T) {
	for _, c := range []struct {
		mode string
		want int
	}{{"off", 0}, {"mention", 1}, {"all", 2}} {
		w := newWorld(t, plain, 80, 24)
		_, dana, _ := company(w)
		w.terminal.bells = 0
		w.keys("/bell "+c.mode, "enter")
		w.post(w.says(dana, "something"))
		w.post(w.says(dana, "hey @alice"), w.says(dana, "alice: are you there"))
		old := w.says(dana, "@alice, said before")
		old.Line.History = true
		w.post(old)
		if w.terminal.bells != c.want {
			t.Errorf("/bell %s rang %d times, want %d", c.mode, w.terminal.bells, c.want)
		}
	}
}

func TestErrorsAreShownAndKept(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	w.post(event.Notice{Level: event.Error, Text: "the disk is full", Hint: "make room: nothing is saved"},
		event.Notice{Level: event.Warning, Text: "can't connect to 10.0.0.9:8080: refused", Hint: "it is tried again"})
	w.mustShow("✗ the disk is full · make room: nothing is saved", "can't connect to 10.0.0.9:8080")
	w.pass(errorTime)
	w.mustNotShow("the disk is full")
	w.keys("/log", "enter")
	w.mustShow("level=INFO msg=started", "Shown on this screen:", "12:51:00 the disk is full · make room")
}

func TestTheFirstStart(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	w.post(network)
	w.mustShow("You are Alice", "Looking on  eth0 192.168.1.20", "docker0 skipped", "looking 0 s", "p2pchat start --name bob", "/connect 192.168.1.20:8080")
	w.mustNotShow("in the way")
	w.pass(inTheWay)
	w.mustShow("looking 10 s", "Nothing seems to be in the way")
	own := w.says(event.Peer{ID: w.node.self.ID, Key: w.node.self.Key, Name: "Alice"}, "anybody?").Line
	own.Own = true
	w.post(event.Sent{Line: own})
	w.mustShow("You are Alice", "anybody?", "nobody here")
	n := network
	n.Trouble, n.Hint = "a firewall drops UDP 9999", "sudo ufw allow 9999/udp"
	w.post(n)
	w.mustShow("⚠ a firewall drops UDP 9999", "sudo ufw allow 9999/udp")
	bob := peerOf("bob", w.clock)
	w.post(event.PeerChanged{Peer: bob})
	w.mustShow("bob is here", "Write and press Enter. F6 shows who is")
	w.mustNotShow("You are Alice", "firewall")
	bob.State, bob.Changed = event.Left, w.clock
	w.post(event.PeerChanged{Peer: bob})
	w.mustShow("bob left")
	w.mustNotShow("You are Alice")
}

func TestHelpIsOneKeyOrOneWordAway(t *testing.T) {
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
	w.mustShow("/nick NAME", "be called NAME")
	w.keys("esc", "what", "?")
	if w.m.compose.Text() != "what?" {
		t.Errorf("a question mark wrote %q", w.m.compose.Text())
	}
}

func TestPlainPeersAreNoSecret(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	rusty := event.Peer{ID: "6b1f0000-1111-4222-8333-444455556666", Name: "rusty", Kind: event.KindJSON, State: event.Up, Since: noon, Changed: noon}
	w.post(event.PeerChanged{Peer: rusty})
	w.mustShow("⚠ 1 of 3 can be read on the way", "rusty is here, not encrypted", "plain")
}

func TestTooSmall(t *testing.T) {
	w := newWorld(t, plain, 35, 7)
	w.mustShow("p2pchat needs 36 x 8 cells; this")
	w.send(tea.WindowSizeMsg{Width: 80, Height: 24})
	w.mustShow("#lobby")
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
	w.send(tea.MouseMsg{X: 70, Y: 5, Button: tea.MouseButtonLeft, Action: tea.MouseActionPress})
	if w.m.focus != panePeers {
		t.Errorf("a click among the peers gave the focus to %v", w.m.focus)
	}
}

// Nothing wakes a screen that has nothing to do but the minute of its clock.
func TestTheAlarm(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	w.pass(time.Minute)
	rings := 0
	for end := w.clock.Add(time.Hour); !w.alarm.After(end); rings++ {
		w.clock = w.alarm
		w.post(rang{})
	}
	if rings > 62 {
		t.Errorf("it rang %d times in an idle hour", rings)
	}
	w.mustShow(fmt.Sprint("13:5", 5))
}
