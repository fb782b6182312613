//go:build unix

package demo

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"chat.lan/p2pchat/net/group"

	"github.com/creack/pty"
	"golang.org/x/term"
)

// Three peers meet, the user writes in two of them, and each quits.
func TestSession(t *testing.T) {
	needTmux(t)
	t.Setenv("TMUX", "")
	s := play(t, Config{Peers: 3})
	panes := s.find(3)
	for i, p := range panes {
		for j, name := range names[:3] {
			if i != j {
				s.shows(p, name)
			}
		}
	}
	if got := s.ask("list-panes", "-F", "#{@peer} #{pane_width}"); got != "Alice 119\nBob 120\nCharlie 240" {
		t.Errorf("panes:\n%s", got)
	}
	for option, want := range map[string]string{"escape-time": "0", "focus-events": "on", "set-clipboard": "on",
		"mouse": "off", "remain-on-exit": "off", "default-terminal": innerTerminal()} {
		if got := s.ask("show-options", "-Agv", option); got != want {
			t.Errorf("%s is %q, want %q", option, got, want)
		}
	}
	s.send("hello from here\r")
	for _, p := range panes {
		s.shows(p, "hello from here")
	}
	s.send("\x1b[1;3B") // Alt+Down, without the prefix
	s.until("the focus moves", func() bool { return s.ask("display-message", "-p", "#{@peer}") == "Charlie" })
	s.send("and from below\r")
	for _, p := range panes {
		s.shows(p, "and from below")
	}
	for n := len(panes); n > 0; n-- {
		s.send("/quit\r")
		if n == 1 {
			break
		}
		s.until("a pane ends with its peer", func() bool {
			return len(strings.Fields(s.ask("list-panes", "-F", "#{pane_id}"))) == n-1
		})
	}
	if err := s.over(); err != nil {
		t.Error(err)
	}
}

func TestDetach(t *testing.T) {
	needTmux(t)
	t.Setenv("TMUX", "")
	s := play(t, Config{Peers: 2})
	s.find(2)
	s.send("\x02d")
	if err := s.over(); err != nil {
		t.Error(err)
	}
}

// The group's end stops the demo, also with a shell opened in it, and before it has begun.
func TestStop(t *testing.T) {
	needTmux(t)
	t.Setenv("TMUX", "")
	s := play(t, Config{Peers: 3})
	s.find(3)
	s.ask("new-window", "-d", "sleep 1000; echo "+s.temp)
	s.group.Stop()
	if err := s.over(); !errors.Is(err, group.ErrStopped) {
		t.Error(err)
	}
	s = play(t, Config{Peers: 6})
	s.group.Stop()
	if err := s.over(); !errors.Is(err, group.ErrStopped) {
		t.Error(err)
	}
}

func TestServerKilled(t *testing.T) {
	needTmux(t)
	t.Setenv("TMUX", "")
	s := play(t, Config{Peers: 3})
	s.find(3)
	pid, err := strconv.Atoi(s.ask("display-message", "-p", "#{pid}"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := os.FindProcess(pid)
	if err == nil {
		err = server.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := s.over(); err == nil {
		t.Error("that tmux was killed is no error")
	}
}

// The terminal's modes are restored once, and only if tmux didn't restore them.
func TestSaveTerminal(t *testing.T) {
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	defer tty.Close()
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	restore := saveTerminal(tty, &out)
	if restore(); out.Len() > 0 {
		t.Errorf("a terminal as it was got %q", out.String())
	}
	if _, err := term.MakeRaw(int(tty.Fd())); err != nil {
		t.Fatal(err)
	}
	restore()
	restore()
	if out.String() != resetModes {
		t.Errorf("a terminal in raw mode got %q", out.String())
	}
	if after, err := term.GetState(int(tty.Fd())); err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("other modes than before: %v", err)
	}
}

// A tmux that ignores the signal to end is killed.
func TestStubbornServer(t *testing.T) {
	stubborn := exec.Command("/bin/sh", "-c", `trap '' HUP TERM; echo ready; read -r word`)
	in, err := stubborn.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := stubborn.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stubborn.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	s := &session{window: window{tmux: &tmux{path: "/no/such/tmux"}}, server: stubborn.Process}
	if err := s.end(); err != nil {
		t.Error(err)
	}
	if !ended(stubborn.Process) {
		t.Error("it still runs")
		_ = stubborn.Process.Kill()
	}
	_ = stubborn.Wait()
}

func TestUnknownTerminal(t *testing.T) {
	needTmux(t)
	t.Setenv("TMUX", "")
	s := play(t, Config{Peers: 2}, "no-such-terminal")
	if err := s.over(); err == nil || !strings.Contains(err.Error(), "terminal") {
		t.Errorf("error %v", err)
	}
}

// Inside tmux the demo is one more window, and the user's own windows and settings stay.
func TestWindow(t *testing.T) {
	path := needTmux(t)
	outer := newPrivate(path, tempFolder(t))
	if _, err := outer.do([]string{"new-session", "-d", "-x", "80", "-y", "24", "cat"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { outer.do([]string{"kill-server"}) })
	where, err := outer.do([]string{"display-message", "-p", "#{socket_path},#{pid},0 #{pane_id}"})
	if err != nil {
		t.Fatal(err)
	}
	variable, pane, _ := strings.Cut(strings.TrimSpace(where), " ")
	before := settingsOf(t, outer)
	t.Setenv("TMUX", variable)
	t.Setenv("TMUX_PANE", pane)

	for _, quit := range []bool{true, false} {
		s := play(t, Config{Peers: 3})
		s.tmux = outer
		var panes []string
		s.until("the window opens", func() bool {
			panes = strings.Fields(s.ask("list-panes", "-F", "#{pane_id}"))
			return len(panes) == 3 && s.ask("display-message", "-p", "#{window_name} #{@peer}") == "p2pchat demo Alice"
		})
		for i, p := range panes {
			s.shows(p, names[(i+1)%3])
		}
		if quit {
			for _, p := range panes {
				s.ask("send-keys", "-t", p, "-l", "/quit")
				s.ask("send-keys", "-t", p, "Enter")
			}
			if err := s.over(); err != nil {
				t.Error(err)
			}
		} else {
			s.group.Stop()
			if err := s.over(); !errors.Is(err, group.ErrStopped) {
				t.Error(err)
			}
		}
		s.done = make(chan struct{}) // what follows outlives the demo
		s.until("only the person's own window is left", func() bool { return s.ask("list-windows", "-F", "#{pane_id}") == pane })
		close(s.done)
		if after := settingsOf(t, outer); after != before {
			t.Errorf("it changed settings that aren't its own: from\n%s\nto\n%s", before, after)
		}
	}
}

// settingsOf returns all options of a server but those of single windows, and its keys.
func settingsOf(t *testing.T, server *tmux) string {
	t.Helper()
	out, err := server.do([]string{"show-options", "-s"}, []string{"show-options", "-g"}, []string{"show-options", "-gw"}, []string{"list-keys"})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTour(t *testing.T) {
	needTmux(t)
	t.Setenv("TMUX", "")
	s := play(t, Config{Peers: 4, Tour: true, hurry: true})
	panes := s.find(4)
	for _, step := range script(4) {
		for i, p := range panes {
			if i != step.who && !step.silent {
				s.shows(p, step.heard())
			}
		}
	}
	s.until("the keys are shown again", func() bool { return s.ask("display-message", "-p", "#{@caption}") == "" })
	s.group.Stop()
	if err := s.over(); !errors.Is(err, group.ErrStopped) {
		t.Error(err)
	}
}

// The TMUX variable of a tmux that has ended is ignored.
func TestStaleTMUX(t *testing.T) {
	path := needTmux(t)
	t.Setenv("TMUX", tempFolder(t)+"/nobody,1,0")
	if newOuter(path) != nil {
		t.Error("no server answers there")
	}
}

// A peer on the loopback interface doesn't find the demo's peers.
func TestPeersFindNoStranger(t *testing.T) {
	temp := tempFolder(t)
	path := program(t)
	stranger := exec.CommandContext(t.Context(), path, "start", "--json", "--name", "Stranger", "--profile", t.TempDir(), "--interface", "lo", "--port", "0")
	stdin, err := stranger.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := stranger.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer stranger.Wait()
	defer stdin.Close()
	ready := bufio.NewReader(stdout)
	if _, err := ready.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, ready)
	text := transcriptOf(t, temp, path)
	if strings.Contains(text, "Stranger") {
		t.Errorf("the cast meets a stranger:\n%s", text)
	}
}

// transcriptOf returns what the demo of three prints without tmux.
func transcriptOf(t *testing.T, temp, path string) string {
	t.Helper()
	out, err := os.Create(temp + "/out")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(out.Name())
	defer out.Close()
	g := group.New(context.Background(), nil)
	defer g.Close()
	if err := Run(g, Config{Peers: 3, NoTmux: true, Program: path, Called: "p2pchat", Stdout: out}); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTranscript(t *testing.T) {
	temp := tempFolder(t)
	path := program(t)
	text := transcriptOf(t, temp, path)
	for _, want := range []string{
		"Alice   │ 🔍 Discovered new peer: Bob (127.0.0.1)\n",
		"Alice   › Hello! Is anyone here?\n",
		"Charlie │ 📨 Alice says: Hello! Is anyone here?\n",
		"Bob     │ 📨 * Charlie waves\n",
		"Bob     │ Words of Alice: ",
		"Alice   › /propose\n", "Charlie │ 🔐 Alice proposed #1: secure-only on · needs 2 of 3\n",
		"Alice   │ 🔐 #1 PASSED 2 of 3: secure-only on\n",
		"Charlie › /quit\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "\x1b") {
		t.Error("a file gets escape sequences")
	}
	nothingLeft(t, temp)
}
