package e2e

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestDemoRefusesWhatCannotPlay(t *testing.T) {
	home := t.TempDir()
	for line, want := range map[string]string{
		"demo --peers 1":    "give a number from 2 to 6",
		"demo --peers 7":    "give a number from 2 to 6",
		"demo --peers -3":   "give a number from 2 to 6",
		"demo --peers many": `--peers can't be "many"`,
		"demo Alice":        "write p2pchat demo",
		"demo --tuor":       "unknown flag",
	} {
		code, out, errs := finish(t, program(t, home, strings.Split(line, " ")...))
		if code != exitUsage || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) {
			t.Errorf("%q: exit %d, stdout %q, stderr %q, want %q", line, code, out, errs, want)
		}
	}
}

// without is env without the variable, for which a test has a value of its own.
func without(env []string, variable string) (rest []string) {
	for _, v := range env {
		if !strings.HasPrefix(v, variable+"=") {
			rest = append(rest, v)
		}
	}
	return rest
}

func TestDemoWithoutTmuxSaysHowToHaveIt(t *testing.T) {
	cmd := program(t, t.TempDir(), "demo")
	cmd.Env = append(without(cmd.Env, "PATH"), "PATH="+t.TempDir())
	code, out, errs := finish(t, cmd)
	if code != exitError || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "install it") && !strings.Contains(errs, "Windows") ||
		!strings.Contains(errs, "demo --no-tmux") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, errs)
	}
}

func TestDemoIntoAPipeAsksForATerminal(t *testing.T) {
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("tmux is not installed, and its absence is said first")
	}
	code, out, errs := finish(t, program(t, t.TempDir(), "demo"))
	if code != exitError || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "demo --no-tmux") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, errs)
	}
}

// Three real processes talk, and whoever stops reading ends it without a word.
func TestDemoPrintsAConversation(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts real peers")
	}
	temp := t.TempDir()
	cmd := program(t, t.TempDir(), "demo", "--no-tmux")
	cmd.Env = append(cmd.Env, "TMPDIR="+temp, "TMP="+temp)
	code, out, errs := finish(t, cmd)
	if code != 0 || errs != "" || !strings.Contains(out, "Charlie │ 📨 Alice says: Hello!") {
		t.Errorf("exit %d, stdout\n%s\nstderr %q", code, out, errs)
	}
	cmd = program(t, t.TempDir(), "demo", "--no-tmux", "--peers", "2")
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
		t.Errorf("nobody reads: exit %d, stderr %q", code, said.String())
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
