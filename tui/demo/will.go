package demo

import (
	"fmt"
	"io"
	"os/exec"
)

// will is what has to be done should this process be killed and can't clean up any more: a shell that
// waits at a pipe, which nobody but us holds the other end of.
type will struct {
	shell *exec.Cmd
	pipe  io.WriteCloser
}

// testament ends what tmux shows when the pipe is closed without a word, gives the peers time for
// their goodbyes and removes the folder. The signals that may come with our end are not its own.
const testament = `trap '' HUP INT TERM; read -r word && exit; dir=$1; shift; "$@"; sleep 2; rm -rf "$dir"`

// makeWill leaves dir and a tmux command to the shell. revoke comes last.
func makeWill(t *tmux, dir string, command ...string) (*will, error) {
	args := append([]string{"-c", testament, "sh", dir, t.path}, t.flags...)
	w := &will{shell: exec.Command("/bin/sh", append(args, command...)...)}
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

// revoke ends the shell: all is cleaned up.
func (w *will) revoke() {
	_, _ = io.WriteString(w.pipe, "done\n")
	_ = w.pipe.Close()
	_ = w.shell.Wait()
}
