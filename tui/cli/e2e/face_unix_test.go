//go:build !windows

package e2e

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// onScreen starts the program with its screen, alone.
func onScreen(t *testing.T, env string) *screenful {
	t.Helper()
	cmd := program(t, t.TempDir(), "start", "--name", "Alice", "--no-discovery", "--listen", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, env)
	return onTerminal(t, cmd)
}

// ended waits for the end and returns the exit code and what was written after the screen was left.
func (s *screenful) ended() (code int, after string) {
	s.t.Helper()
	err := s.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	<-s.over
	_, after, left := strings.Cut(s.text.String(), "\x1b[?1049l")
	if !left {
		s.t.Errorf("the main screen was not given back: %q", s.text.String())
	}
	return s.cmd.ProcessState.ExitCode(), after
}

// However the screen ends, the terminal is as it was, and after a panic one line says where the log is.
func TestTheScreenGivesTheTerminalBack(t *testing.T) {
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	trigger := filepath.Join(t.TempDir(), "trigger")
	for _, c := range []struct {
		name string
		env  string
		end  func(p *screenful)
		code int
		says string
	}{
		{"quit", "", func(p *screenful) { p.tty.WriteString("/quit\r") }, 0, ""},
		{"ctrl+c twice", "", func(p *screenful) { p.tty.WriteString("\x03"); p.shows("again to leave"); p.tty.WriteString("\x03") }, 0, ""},
		{"terminated", "", func(p *screenful) { _ = p.cmd.Process.Signal(syscall.SIGTERM) }, exitSignal, ""},
		{"hung up", "", func(p *screenful) { _ = p.cmd.Process.Signal(syscall.SIGHUP) }, exitSignal, ""},
		{"a panic", panicEnv + "=" + trigger, func(p *screenful) {
			if err := os.WriteFile(trigger, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			p.tty.WriteString("/connect " + peer.Addr().String() + "\r")
		}, exitPanic, "with the stack in "},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := onScreen(t, c.env)
			p.shows("You are")
			c.end(p)
			code, after := p.ended()
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if c.says == "" && strings.Contains(after, "p2pchat:") || !strings.Contains(after, c.says) || strings.Contains(after, "goroutine ") {
				t.Errorf("the terminal shows afterwards %q", after)
			}
		})
	}
}

// NO_COLOR draws no colour, and nothing asks the terminal for its own.
func TestNoColor(t *testing.T) {
	p := onScreen(t, "NO_COLOR=1")
	p.shows("You are Alice")
	p.tty.WriteString("/quit\r")
	if code, _ := p.ended(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if out := p.text.String(); strings.Contains(out, "\x1b[38") || strings.Contains(out, "\x1b[48") || strings.Contains(out, "\x1b]11;?") {
		t.Errorf("colours, or a question about them, without colours: %q", out)
	}
}

// What nohup has had ignored stays so: the program outlives its terminal.
func TestAnIgnoredSignalDoesNotEndIt(t *testing.T) {
	cmd := program(t, t.TempDir(), alone("--name", "Ann")...)
	cmd.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`}, cmd.Args...)
	cmd.Path = "/bin/sh"
	p := begin(t, cmd)
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	p.says("/list")
	p.until("an answer", func(h happened) bool { return h.Event == "list" })
	p.quits()
}
