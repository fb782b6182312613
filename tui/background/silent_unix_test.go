//go:build unix

package background_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/charmbracelet/lipgloss"
	"github.com/creack/pty"

	// Package background must be initialised before Bubble Tea.
	_ "github.com/charmbracelet/bubbletea"
)

// roleVar makes this test binary a program on a terminal instead of a test run.
const roleVar = "P2PCHAT_BACKGROUND_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVar) {
	case "start":
		fmt.Printf("started dark=%v\n", lipgloss.HasDarkBackground())
		os.Exit(0)
	case "ask":
		// Bubble Tea's init does this unless Lip Gloss knows the background.
		fmt.Printf("asked dark=%v\n", lipgloss.NewRenderer(os.Stdout).HasDarkBackground())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// onSilentTerminal runs this binary in a role on a terminal that answers nothing, until its output
// contains one of the given strings or ends. It returns the output up to then.
func onSilentTerminal(t *testing.T, role, colorfgbg string, until ...string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	// Not screen or tmux, and no dumb terminal: those are never asked.
	// CI is cleared because termenv asks no terminal where it is set.
	cmd.Env = append(os.Environ(), roleVar+"="+role, "TERM=xterm-256color", "COLORFGBG="+colorfgbg, "CI=")
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	defer cmd.Wait()
	defer cmd.Process.Kill()
	var out bytes.Buffer
	for buf := make([]byte, 1024); ; {
		n, err := tty.Read(buf)
		out.Write(buf[:n])
		for _, s := range until {
			if bytes.Contains(out.Bytes(), []byte(s)) {
				return out.String()
			}
		}
		if err != nil {
			return out.String()
		}
	}
}

// query is the question for the background colour; a terminal that knows it answers.
const query = "\x1b]11;?"

// The start doesn't wait because nothing was asked: the query would stand before "started".
func TestStartAsksTheTerminalNothing(t *testing.T) {
	for colorfgbg, want := range map[string]string{
		"":     "started dark=true\r\n",
		"15;0": "started dark=true\r\n",
		"0;15": "started dark=false\r\n",
	} {
		got := onSilentTerminal(t, "start", colorfgbg, query, "\n")
		if got != want {
			t.Errorf("with COLORFGBG=%q the terminal saw %q before the program started, want %q", colorfgbg, got, want)
		}
	}
}

// The same terminal is asked when Lip Gloss was not told, so the test above can fail.
func TestThatTerminalWouldBeAsked(t *testing.T) {
	got := onSilentTerminal(t, "ask", "", query, "asked")
	if !bytes.Contains([]byte(got), []byte(query)) {
		t.Errorf("a renderer that was not told did not ask: the terminal saw %q", got)
	}
}
