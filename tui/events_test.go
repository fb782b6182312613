package tui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/event"
)

func TestTypingIsReported(t *testing.T) {
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
		{"a command", func() { w.keys("/list"); w.keys("ctrl+c") }, nil},
		{"the first letters", func() { w.keys("hel") }, []string{"true"}},
		{"goes on", func() { w.pass(4 * time.Second); w.keys("lo") }, []string{"true"}},
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

func TestTypingOfPeersIsShown(t *testing.T) {
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
	w.pass(10 * time.Second)
	w.mustNotShow("typing")
	w.post(event.Typing{Peer: dana, On: true})
	dana.State, dana.Changed = event.Lost, w.clock
	w.post(event.PeerChanged{Peer: dana})
	w.mustNotShow("typing")
}

func TestUnreadCountsOnlyWhileTheWindowIsAway(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	_, dana, _ := company(w)
	title := func() string { return w.frame().Title.String() }
	w.post(w.says(dana, "seen at once"))
	if got := title(); got != "p2pchat #lobby" {
		t.Errorf("while the window has the focus, the title is %q", got)
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

func TestBell(t *testing.T) {
	for _, c := range []struct {
		mode string
		want int
	}{{"off", 0}, {"mention", 1}, {"all", 2}} {
		w := newWorld(t, plain, 80, 24)
		_, dana, _ := company(w)
		w.terminal.bells = 0
		w.keys("/bell "+c.mode, "enter")
		w.pass(bellEvery)
		w.post(w.says(dana, "something"))
		w.pass(bellEvery)
		w.post(w.says(dana, "hey @alice"), w.says(dana, "alice: are you there"))
		old := w.says(dana, "@alice, said before")
		old.Line.History = true
		w.post(old)
		if w.terminal.bells != c.want {
			t.Errorf("/bell %s rang %d times, want %d", c.mode, w.terminal.bells, c.want)
		}
	}
}

// A peer that names us all the time, and proposals without end, ring once in three seconds.
func TestBellsAreRare(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	_, dana, _ := company(w)
	w.pass(bellEvery)
	w.terminal.bells = 0
	p := election(w)
	for i := range 58 * 30 {
		w.post(w.says(dana, fmt.Sprint("@alice ", i)))
		p.ID = fmt.Sprintf("%064x", i)
		w.post(event.ProposalChanged{Proposal: p, Was: "open"})
		w.pass(time.Second / 58)
	}
	if got := w.terminal.bells; got < 9 || got > 11 {
		t.Errorf("the bell rang %d times in 30 s", got)
	}
}

// An alarm stands among the messages and in the status line, rings also where only mentions ring, and is in /log.
func TestAlarm(t *testing.T) {
	for mode, rings := range map[string]int{"mention": 1, "off": 0} {
		w := newWorld(t, plain, 80, 24)
		company(w)
		w.keys("/bell "+mode, "enter")
		w.pass(bellEvery + infoTime)
		w.terminal.bells = 0
		w.post(event.Notice{Level: event.Alarm, Text: "dana has no key", Hint: "ask her"})
		if w.terminal.bells != rings {
			t.Errorf("/bell %s: it rang %d times", mode, w.terminal.bells)
		}
		if n := strings.Count(strings.Join(w.rows(), "\n"), "✗ dana has no key · ask her"); n != 2 {
			t.Errorf("/bell %s: the alarm is on screen %d times", mode, n)
		}
		w.pass(errorTime)
		if n := strings.Count(strings.Join(w.rows(), "\n"), "✗ dana has"); n != 1 {
			t.Errorf("/bell %s: later the alarm is on screen %d times", mode, n)
		}
		w.keys("/log", "enter")
		w.mustShow("dana has no key")
	}
}

// The lock in the title is open while a line client that only reads is here.
func TestTitleWhileSomeoneReadsAlong(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	guest := event.Peer{ID: "10.0.0.7:5123", Name: "10.0.0.7:5123", Kind: event.KindLine, State: event.Up, Since: w.clock}
	title := func() string { return w.rows()[0] }
	before := title()
	w.post(event.PeerChanged{Peer: guest})
	if with := title(); !strings.Contains(with, "⚠ ") || !strings.Contains(with, "can be read on the way") || strings.Contains(with, "encrypted") {
		t.Errorf("the title was %q and is %q", before, with)
	}
	guest.State = event.Left
	w.post(event.PeerChanged{Peer: guest})
	if after := title(); strings.Count(after, "of") != strings.Count(before, "of") {
		t.Errorf("the title was %q and is %q", before, after)
	}
}

func TestErrorsAreShownAndRecorded(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	w.post(event.Notice{Level: event.Error, Text: "the disk is full", Hint: "make room: nothing is saved"},
		event.Notice{Level: event.Warning, Text: "can't connect to 10.0.0.9:8080: refused", Hint: "it is tried again"},
		event.Notice{Level: event.Warning, Text: "can't connect to 10.0.0.9:8080: refused", Hint: "it is tried again"})
	w.mustShow("✗ the disk is full · make room: nothing is saved", "can't connect to 10.0.0.9:8080")
	if n := strings.Count(strings.Join(w.rows(), "\n"), "10.0.0.9:8080"); n != 1 {
		t.Errorf("a warning that repeats is shown %d times", n)
	}
	w.pass(errorTime)
	w.mustNotShow("the disk is full")
	w.keys("/log", "enter")
	w.mustShow("level=INFO msg=started", "Shown on this screen:", "12:51:00 the disk is full · make room",
		"12:51:00 can't connect to 10.0.0.9:8080")
}

// Who floods the room is named, with the next step.
func TestFloodIsNamed(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	w.post(event.Flood{Name: "mal\x1blory", Others: 2})
	w.mustShow("mal␛lory and 2 others send faster than anyone can read", "first · /ignore hides what they send")
	w.mustNotShow("\x1b")
}

// In a narrow window a sentence takes the rows that it needs: the next step stands at its end.
func TestSentencesAreNotCut(t *testing.T) {
	for _, size := range [][2]int{{36, 11}, {40, 11}, {50, 15}, {80, 24}, {200, 50}} {
		w := newWorld(t, plain, size[0], size[1])
		company(w)
		for _, c := range []struct {
			keys []string
			want string
		}{
			{[]string{"/nickk", "enter"}, "✗ there is no command /nickk · did you mean /nick? To say it as text, type //nickk"},
			{[]string{"f2"}, "Nothing waits for your vote; F4 proposes something"},
			{[]string{"/quit", "enter"}, "Saying goodbye: waiting until what you said has arrived. Ctrl+C leaves at once."},
		} {
			w.node.undelivered = true
			w.keys(c.keys...)
			rows := w.rows()
			at := w.m.lay.Status
			text := strings.Join(strings.Fields(strings.Join(rows[at.Y:at.Y+at.H], " ")), " ")
			if text = strings.TrimSpace(strings.Split(text, "↑")[0]); strings.TrimSuffix(text, " ? help") != c.want {
				t.Errorf("%dx%d: %q, want %q", size[0], size[1], text, c.want)
			}
		}
	}
}

// A hint names the way back in the smallest window too.
func TestHintsNameTheWayBack(t *testing.T) {
	for _, key := range []string{"f5", "f6", "f7"} {
		for _, size := range [][2]int{{36, 9}, {40, 11}, {200, 50}} {
			for _, play := range []func(*world){func(*world) {}, func(w *world) { election(w) }, func(w *world) { passed(w) }, func(w *world) { disputed(w) }} {
				w := newWorld(t, plain, size[0], size[1])
				company(w)
				play(w)
				w.keys(key)
				if row := w.rows()[w.m.lay.Status.Y]; !strings.Contains(row, "Esc: back") {
					t.Errorf("%s at %dx%d: %q", key, size[0], size[1], row)
				}
			}
		}
	}
}

// A peer that is started as the welcome says must be found.
func TestWelcomeNamesTheInviteCommand(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	w.post(network)
	w.m.cfg.InviteCommand = "go run . start --interface lo"
	w.send(tea.WindowSizeMsg{Width: 120, Height: 30})
	w.mustShow("go run . start --interface lo --name bob")
}

func TestWelcome(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	w.post(network)
	w.mustShow("You are Alice", "Looking on  eth0 192.168.1.20", "docker0 skipped", "looking 0 s", "p2pchat start --name bob", "/connect 192.168.1.20:8080")
	w.mustNotShow("in the way")
	w.pass(troubleAfter)
	w.mustShow("looking 10 s", "Your network looks fine")
	own := w.says(event.Peer{ID: w.node.self.ID, Key: w.node.self.Key, Name: "Alice"}, "anybody?").Line
	own.Own = true
	w.post(event.Sent{Line: own})
	w.mustShow("You are Alice", "anybody?", "no one here")
	n := network
	n.Trouble, n.Hint = "a firewall drops UDP 9999", "sudo ufw allow 9999/udp"
	w.post(n)
	w.mustShow("⚠ a firewall drops UDP 9999", "sudo ufw allow 9999/udp")
	bob := peerOf("bob", w.clock)
	w.post(event.PeerChanged{Peer: bob})
	w.mustShow("bob is here", "Type a message and press Enter.")
	w.mustNotShow("You are Alice", "firewall")
	bob.State, bob.Changed = event.Left, w.clock
	w.post(event.PeerChanged{Peer: bob})
	w.mustShow("bob left")
	w.mustNotShow("You are Alice")
}

func TestCleartextPeersAreMarked(t *testing.T) {
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

// Only the minute of the clock wakes an idle screen.
func TestTimerOfAnIdleScreen(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	w.pass(time.Minute)
	rings := 0
	for end := w.clock.Add(time.Hour); !w.alarm.After(end); rings++ {
		w.clock = w.alarm
		w.post(timerFired{})
	}
	if rings > 62 {
		t.Errorf("the timer fired %d times in an idle hour", rings)
	}
	w.mustShow(fmt.Sprint("13:5", 5))
}

// Counters of peers that have gone are dropped: over a day many come and go.
func TestRatesForgetGonePeers(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	for i := range 50 {
		p := peerOf(fmt.Sprint("guest", i), noon)
		w.post(event.PeerChanged{Peer: p}, event.PeerStats{Peer: p})
		p.State, p.Changed = event.Left, w.clock
		w.post(event.PeerChanged{Peer: p})
	}
	if n := len(w.m.rates.byPeer); n != 0 {
		t.Errorf("%d peers who have gone are counted", n)
	}
}

// The rates follow from the counters of all peers in the last seconds, and end with them.
func TestRates(t *testing.T) {
	var r rates
	p := peerOf("bob", noon)
	p.In, p.Out = 1000, 500 // counted before we looked
	r.count(noon, p)
	p.In, p.Out = 5000, 2500
	r.count(noon.Add(2*time.Second), p)
	if r.inRate != 2000 || r.outRate != 1000 {
		t.Errorf("%v in and %v out a second, want 2000 and 1000", r.inRate, r.outRate)
	}
	p.In, p.Out = 10, 10 // a new link counts from nothing
	r.count(noon.Add(4*time.Second), p)
	if r.inRate != 0 || r.outRate != 0 {
		t.Errorf("%v in and %v out a second, want none", r.inRate, r.outRate)
	}
	p.In = 4010
	r.count(noon.Add(6*time.Second), p)
	if r.expire(r.next().Add(-time.Millisecond)); r.inRate != 2000 {
		t.Errorf("%v a second, want 2000 still", r.inRate)
	}
	if r.expire(r.next()); r.inRate != 0 || !r.next().IsZero() {
		t.Errorf("%v a second when nothing more was counted", r.inRate)
	}
}

// The next message or command closes an answer.
func TestSendingClosesAnAnswer(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	w.keys("/list", "enter")
	w.mustShow("── Peers ─")
	w.keys("hello", "enter")
	w.mustNotShow("── Peers ─")
}
