package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// minMajor is the first major version of tmux with options for single panes.
const minMajor = 3

// commandTime is how long tmux may take to answer; it takes a few milliseconds.
const commandTime = 10 * time.Second

// tmux is the command line of one tmux server.
type tmux struct {
	path  string
	flags []string
	env   []string
}

// newPrivate returns a tmux server of our own, without the user's configuration.
func newPrivate(path, dir string) *tmux {
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		// TMUX would direct the commands to the server that it names.
		return strings.HasPrefix(v, "TMUX=") || strings.HasPrefix(v, "TMUX_PANE=")
	})
	return &tmux{path: path, flags: []string{"-S", socketIn(dir), "-f", "/dev/null", "-u"}, env: env}
}

// newOuter returns the tmux server in which this process runs, or nil. A TMUX variable can outlive its
// server, or come from elsewhere through sudo. Then the server doesn't answer.
func newOuter(path string) *tmux {
	if path == "" || os.Getenv("TMUX") == "" {
		return nil
	}
	t := &tmux{path: path, env: os.Environ()}
	if _, err := t.do([]string{"display-message", "-p", "#{pid}"}); err != nil {
		return nil
	}
	return t
}

func socketIn(dir string) string { return filepath.Join(dir, "tmux") }

// command returns a tmux process that runs these commands in order, until one fails.
func (t *tmux) command(ctx context.Context, commands ...[]string) *exec.Cmd {
	args := append([]string(nil), t.flags...)
	for i, c := range commands {
		if i > 0 {
			args = append(args, ";")
		}
		for _, a := range c {
			// tmux takes a semicolon at the end of an argument for the end of the command.
			if rest, ok := strings.CutSuffix(a, ";"); ok {
				a = rest + `\;`
			}
			args = append(args, a)
		}
	}
	cmd := exec.CommandContext(ctx, t.path, args...)
	cmd.Env = t.env
	return cmd
}

// do runs commands and returns their output. It ignores the demo's context, since the cleanup uses it too.
func (t *tmux) do(commands ...[]string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	cmd := t.command(ctx, commands...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", tmuxError(err, errs.String())
	}
	return out.String(), nil
}

// tmuxError returns tmux's error output on one line, or else its exit status.
func tmuxError(err error, said string) error {
	if said = strings.Join(strings.Fields(said), " "); said != "" {
		return fmt.Errorf("tmux: %s", said)
	}
	return fmt.Errorf("tmux: %w", err)
}

// checkVersion returns an error for a tmux that is too old for the demo.
func checkVersion(path string) error {
	out, err := (&tmux{path: path, env: os.Environ()}).do([]string{"-V"})
	if err == nil && tooOld(out) {
		err = fmt.Errorf("%s is too old, the demo needs %d.0 or later: p2pchat demo --no-tmux needs none", strings.TrimSpace(out), minMajor)
	}
	return err
}

// tooOld reports whether the output of tmux -V names an old version. Development builds have no number.
func tooOld(version string) bool {
	var major int
	_, err := fmt.Sscanf(strings.Replace(version, "next-", "", 1), "tmux %d.", &major)
	return err == nil && major < minMajor
}
