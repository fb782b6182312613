package demo

import (
	"fmt"
	"io"
	"os/exec"
)

// watchdog cleans up if this process is killed. It is a shell that waits at a pipe, of which only we
// hold the other end.
type watchdog struct {
	shell *exec.Cmd
	pipe  io.WriteCloser
}

// cleanupScript waits for the pipe to close without a word. Then it ends what tmux shows, gives the peers
// time for their goodbyes and removes the folder. It ignores the signals that may come with our end.
const cleanupScript = `trap '' HUP INT TERM; read -r word && exit; dir=$1; shift; "$@"; sleep 2; rm -rf "$dir"`

// startWatchdog starts a watchdog that would run a tmux command and remove dir. Call stop last.
func startWatchdog(t *tmux, dir string, command ...string) (*watchdog, error) {
	args := append([]string{"-c", cleanupScript, "sh", dir, t.path}, t.flags...)
	w := &watchdog{shell: exec.Command("/bin/sh", append(args, command...)...)}
	w.shell.Env = t.env
	var err error
	if w.pipe, err = w.shell.StdinPipe(); err == nil {
		err = w.shell.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("the demo's last will: %w", err)
	}
	return w, nil
}

// stop ends the watchdog, which then does nothing.
func (w *watchdog) stop() {
	_, _ = io.WriteString(w.pipe, "done\n")
	_ = w.pipe.Close()
	_ = w.shell.Wait()
}
