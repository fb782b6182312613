//go:build unix

package demo

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/net/group"

	"github.com/creack/pty"
	"go.uber.org/goleak"
	"golang.org/x/term"
)

// patience is long, for busy machines. Most waits take a tenth of a second.
const patience = 60 * time.Second

// built is the program, built once for all tests.
var built struct {
	sync.Once
	path string
	err  error
	out  []byte
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "p2pt")
	if err != nil {
		panic(err)
	}
	built.path = filepath.Join(dir, "p2pchat")
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

// program returns the path of p2pchat, built once.
func program(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts real peers")
	}
	built.Do(func() {
		built.out, built.err = exec.Command("go", "build", "-o", built.path, "chat.lan/p2pchat").CombinedOutput()
	})
	if built.err != nil {
		t.Fatalf("go build: %v\n%s", built.err, built.out)
	}
	return built.path
}

func needTmux(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("tmux")
	if err != nil {
		t.Skip("tmux is not installed, so the demo's screens can't be shown here")
	}
	return path
}

// stage is a demo that runs on a pseudo-terminal, with a folder for temporary files of its own.
type stage struct {
	t        *testing.T
	group    *group.Group
	terminal *os.File // the user's end
	temp     string
	done     chan struct{} // closed when Run has returned
	err      error         // what Run returned
	tmux     *tmux         // set by find
	printed  func() string
	restored func() bool // whether the terminal has the modes of before
}

// tempFolder makes a new TMPDIR. The path of t.TempDir would be too long for a socket.
func tempFolder(t *testing.T) string {
	t.Helper()
	temp, err := os.MkdirTemp("", "p2pt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(temp) })
	t.Setenv("TMPDIR", temp)
	return temp
}

// play starts a demo, on a terminal of this kind if it matters. It is over when the test ends.
func play(t *testing.T, cfg Config, kind ...string) *stage {
	t.Helper()
	t.Setenv("TERM", append(kind, "xterm-256color")[0])
	cfg.Program, cfg.Called = program(t), "p2pchat"
	s := &stage{t: t, temp: tempFolder(t), done: make(chan struct{})}
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(terminal, &pty.Winsize{Cols: 240, Rows: 60}); err != nil {
		t.Fatal(err)
	}
	s.terminal, cfg.Stdin, cfg.Stdout = terminal, tty, tty
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	s.restored = func() bool {
		after, err := term.GetState(int(tty.Fd()))
		return err == nil && reflect.DeepEqual(before, after)
	}
	s.group = group.New(t.Context(), nil)
	var mu sync.Mutex
	var all strings.Builder
	s.printed = func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		buffer := make([]byte, 4096)
		for {
			n, err := terminal.Read(buffer)
			mu.Lock()
			all.Write(buffer[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func() {
		defer close(s.done)
		s.err = Run(s.group, cfg)
	}()
	t.Cleanup(func() {
		s.group.Stop()
		<-s.done
		s.group.Wait()
		tty.Close()
		terminal.Close()
		<-read
	})
	return s
}

// until asks again and again, which takes a process each time, until fine.
func (s *stage) until(what string, fine func() bool) {
	s.t.Helper()
	for start := time.Now(); !fine(); {
		select {
		case <-s.done:
			s.t.Fatalf("%s: the demo has ended: %v", what, s.err)
		default:
		}
		if time.Since(start) > patience {
			s.t.Fatalf("%s: not after %v; the terminal got %q", what, patience, s.printed())
		}
	}
}

// ask returns the output of a tmux command, or "" if it fails.
func (s *stage) ask(args ...string) string {
	out, _ := s.tmux.do(args)
	return strings.TrimSpace(out)
}

// find waits until the server's panes are there, and its client where attached, and returns them.
func (s *stage) find(peers int) (panes []string) {
	s.t.Helper()
	s.until("tmux", func() bool {
		// The question is asked by a process either way, so this loop doesn't spin.
		path, _ := filepath.Glob(filepath.Join(s.temp, "p2pchat-demo-*", "tmux"))
		socket := "none"
		if len(path) == 1 {
			socket = path[0]
		}
		s.tmux = &tmux{path: needTmux(s.t), flags: []string{"-S", socket}, env: append(os.Environ(), "TMUX=")}
		panes = strings.Fields(s.ask("list-panes", "-a", "-F", "#{pane_id}"))
		return len(panes) == peers && s.ask("list-clients") != ""
	})
	return panes
}

// shows waits until a pane shows text.
func (s *stage) shows(pane, text string) {
	s.t.Helper()
	last := ""
	s.t.Cleanup(func() {
		if s.t.Failed() && last != "" {
			s.t.Logf("%s shows\n%s", pane, last)
		}
	})
	s.until(pane+" shows "+text, func() bool {
		last = s.ask("capture-pane", "-p", "-J", "-t", pane)
		return strings.Contains(last, text)
	})
	last = ""
}

// send types on the terminal.
func (s *stage) send(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.terminal, keys); err != nil {
		s.t.Fatal(err)
	}
}

// over waits for the end and returns Run's error; nothing may be left by then.
func (s *stage) over() error {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(patience):
		s.t.Fatalf("it doesn't end; the terminal got %q", s.printed())
	}
	nothingLeft(s.t, s.temp)
	if !s.restored() {
		s.t.Error("the terminal has other modes than before")
	}
	return s.err
}

// nothingLeft fails if files are left in temp, or processes with its path among their arguments.
func nothingLeft(t *testing.T, temp string) {
	t.Helper()
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	out, err := exec.CommandContext(context.Background(), "ps", "-A", "-ww", "-o", "stat=,args=").Output()
	if err != nil {
		t.Logf("ps: %v: no look at the processes", err)
		return
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, temp) && !strings.HasPrefix(line, "Z") {
			t.Errorf("left behind: %s", line)
		}
	}
}
