//go:build unix

package e2e

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// A signal ends the demo in tmux and the one in line mode, with all that it started.
func TestASignalEndsTheDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts real peers")
	}
	for _, args := range [][]string{{"demo"}, {"demo", "--tour", "--peers", "2"}, {"demo", "--no-tmux"}} {
		if _, err := exec.LookPath("tmux"); err != nil && args[len(args)-1] != "--no-tmux" {
			t.Log("tmux is not installed, so only --no-tmux is tried")
			continue
		}
		for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
			signalDemo(t, sig, args...)
		}
	}
}

// signalDemo sends sig as soon as a peer's name is on the terminal.
func signalDemo(t *testing.T, sig os.Signal, args ...string) {
	t.Helper()
	// The socket's path must be short, so not t.TempDir.
	temp, err := os.MkdirTemp("", "p2pt")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp)
	cmd := program(t, temp+"-home", args...)
	cmd.Env = append(without(cmd.Env, "TMUX"), "TMPDIR="+temp, "TERM=xterm-256color")
	var said bytes.Buffer
	cmd.Stderr = &said
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 120, Rows: 40})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	defer func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
	}()
	untilShown(t, cmd, terminal, "Bob")
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, terminal) // to its end, which a pseudo-terminal tells by an error
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitSignal || said.Len() > 0 {
		t.Errorf("%v, %v: exit %d, stderr %q", args, sig, code, said.String())
	}
	if left, _ := os.ReadDir(temp); len(left) > 0 {
		t.Errorf("%v, %v: left behind %v", args, sig, left)
	}
	out, _ := exec.Command("ps", "-A", "-ww", "-o", "stat=,args=").Output()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, temp) && !strings.HasPrefix(line, "Z") {
			t.Errorf("%v, %v: left behind %s", args, sig, line)
		}
	}
}

// A demo that is killed has left word what to do.
func TestNothingIsLeftOfADemoThatWasKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts real peers")
	}
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is not installed")
	}
	temp, err := os.MkdirTemp("", "p2pt") // short, for the socket's path
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(temp)
	defer func() { // when the test fails
		sockets, _ := filepath.Glob(filepath.Join(temp, "p2pchat-demo-*", "tmux"))
		for _, socket := range sockets {
			exec.Command("tmux", "-S", socket, "kill-server").Run()
		}
	}()
	cmd := program(t, temp+"-home", "demo")
	cmd.Env = append(without(cmd.Env, "TMUX"), "TMPDIR="+temp, "TERM=xterm-256color")
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: 120, Rows: 40})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	running := func() string {
		out, err := exec.Command("ps", "-A", "-ww", "-o", "stat=,args=").Output()
		if err != nil {
			t.Skipf("ps: %v", err)
		}
		var rows []string
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, temp) && !strings.HasPrefix(line, "Z") {
				rows = append(rows, line)
			}
		}
		return strings.Join(rows, "")
	}
	untilShown(t, cmd, terminal, "Bob")
	if !strings.Contains(running(), "Charlie") {
		t.Errorf("before: running %s", running())
	}
	cmd.Process.Kill()
	io.Copy(io.Discard, terminal) // the terminal hangs up with its first process
	cmd.Wait()
	for start := time.Now(); ; {
		now, left := running(), 0
		if files, err := os.ReadDir(temp); err == nil {
			left = len(files)
		}
		if now == "" && left == 0 {
			return
		}
		if time.Since(start) > time.Minute {
			t.Fatalf("%d files left, still running: %s", left, now)
		}
	}
}

// untilShown reads the terminal until text came.
func untilShown(t *testing.T, cmd *exec.Cmd, terminal io.Reader, text string) {
	t.Helper()
	var shown []byte
	for buffer := make([]byte, 4096); !bytes.Contains(shown, []byte(text)); {
		n, err := terminal.Read(buffer)
		if shown = append(shown, buffer[:n]...); err != nil {
			t.Fatalf("%v: %v, the terminal got %q", cmd.Args, err, shown)
		}
	}
}
