//go:build unix

package demo

import (
	"bytes"
	"errors"
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

// Exit codes of the program.
const (
	exitError  = 1
	exitUsage  = 2
	exitSignal = 130
)

// command returns the program with these arguments and a home folder of its own.
func command(t *testing.T, home string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), args...)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+home, "HOME="+home)
	return cmd
}

// finish runs cmd to its end without input.
func finish(t *testing.T, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestFlags(t *testing.T) {
	for line, want := range map[string]string{
		"demo --peers 1":    "give a number from 2 to 6",
		"demo --peers 7":    "give a number from 2 to 6",
		"demo --peers -3":   "give a number from 2 to 6",
		"demo --peers many": `--peers doesn't take "many"`,
		"demo Alice":        "write p2pchat demo",
		"demo --tuor":       "unknown flag",
	} {
		code, out, errs := finish(t, command(t, t.TempDir(), strings.Split(line, " ")...))
		if code != exitUsage || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) {
			t.Errorf("%q: exit %d, stdout %q, stderr %q, want %q", line, code, out, errs, want)
		}
	}
}

// without returns env without a variable, which the test then sets itself.
func without(env []string, variable string) (rest []string) {
	for _, v := range env {
		if !strings.HasPrefix(v, variable+"=") {
			rest = append(rest, v)
		}
	}
	return rest
}

func TestWithoutTmux(t *testing.T) {
	cmd := command(t, t.TempDir(), "demo")
	cmd.Env = append(without(cmd.Env, "PATH"), "PATH="+t.TempDir())
	code, out, errs := finish(t, cmd)
	if code != exitError || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "install it") && !strings.Contains(errs, "Windows") ||
		!strings.Contains(errs, "demo --no-tmux") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, errs)
	}
}

func TestWithoutTerminal(t *testing.T) {
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is not installed, and its absence is said first")
	}
	code, out, errs := finish(t, command(t, t.TempDir(), "demo"))
	if code != exitError || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "demo --no-tmux") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, errs)
	}
}

// The command prints a conversation of real processes. A closed pipe ends it silently.
func TestCommandPrintsTranscript(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts real peers")
	}
	temp := t.TempDir()
	cmd := command(t, t.TempDir(), "demo", "--no-tmux")
	cmd.Env = append(cmd.Env, "TMPDIR="+temp, "TMP="+temp)
	code, out, errs := finish(t, cmd)
	if code != 0 || errs != "" || !strings.Contains(out, "Charlie │ 📨 Alice says: Hello!") {
		t.Errorf("exit %d, stdout\n%s\nstderr %q", code, out, errs)
	}
	cmd = command(t, t.TempDir(), "demo", "--no-tmux", "--peers", "2")
	cmd.Env = append(cmd.Env, "TMPDIR="+temp, "TMP="+temp)
	r, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Error(err)
	}
	r.Close()
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitError || said.Len() > 0 {
		t.Errorf("no reader: exit %d, stderr %q", code, said.String())
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A signal ends the demo in tmux and the one in line mode, with all that it started.
func TestSignal(t *testing.T) {
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
	cmd := command(t, temp+"-home", args...)
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

// The watchdog cleans up after a demo that was killed.
func TestKill(t *testing.T) {
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
	cmd := command(t, temp+"-home", "demo")
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
