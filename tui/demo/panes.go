package demo

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// pane is one peer's part of the window.
type pane struct {
	name    string
	id      string // %7, as tmux has it
	process *os.Process
}

// window is the peers' panes in a tmux server, ours or the person's own. Its methods are for one
// goroutine at a time, but caption, focus, press and screen, which only ask tmux.
type window struct {
	tmux  *tmux
	id    string // @3, as tmux has it
	panes []pane
}

// minRows is how many rows a peer's screen needs beside its pane's title: where there are fewer, the
// titles go, and the status line alone says whose pane it is.
const minRows = 11

// open starts all peers: the first by create, a new-session or new-window without its program, the
// others by splitting. What had begun when an error is returned is in w.panes.
func (w *window) open(c *cast, create []string, titles bool) error {
	print := []string{"-P", "-F", "#{window_id} #{pane_id} #{pane_pid}"}
	start := func(i int, command []string) error {
		out, err := w.tmux.do(slices.Concat(command, print, c.argv(i)))
		if err != nil {
			return err
		}
		var pid int
		p := pane{name: c.names[i]}
		if _, err := fmt.Sscan(out, &w.id, &p.id, &pid); err != nil {
			return fmt.Errorf("tmux: it says %.80q about a pane: %w", out, err)
		}
		if p.process, err = os.FindProcess(pid); err != nil {
			return fmt.Errorf("the peer %s: %w", p.name, err)
		}
		w.panes = append(w.panes, p)
		_, err = w.tmux.do(
			[]string{"set-option", "-p", "-t", p.id, "@peer", p.name},
			[]string{"select-pane", "-t", p.id, "-T", p.name},
			[]string{"select-layout", "-t", w.id, "tiled"})
		return err
	}
	if err := start(0, create); err != nil {
		return err
	}
	if err := w.settings(titles); err != nil {
		return err
	}
	for i := 1; i < len(c.names); i++ {
		err := start(i, []string{"split-window", "-t", w.panes[i-1].id})
		if err != nil && strings.Contains(err.Error(), "no space") {
			return fmt.Errorf("%w: %d peers don't fit, make the terminal larger or take fewer with --peers", err, len(c.names))
		}
		if err != nil {
			return err
		}
	}
	_, err := w.tmux.do([]string{"select-pane", "-t", w.panes[0].id})
	return err
}

// settings are those of the window alone, so that a server of the person's own keeps its ways.
func (w *window) settings(titles bool) error {
	status := "off"
	if titles {
		status = "top"
	}
	var commands [][]string
	for _, s := range [][2]string{
		{"remain-on-exit", "off"},
		{"automatic-rename", "off"},
		{"allow-rename", "off"},
		{"pane-border-status", status},
		{"pane-border-format", ` #{@peer} #{?#{&&:#{pane_active},#{!=:#{@caption},}},· #{@caption} ,}`},
	} {
		commands = append(commands, []string{"set-option", "-w", "-t", w.id, s[0], s[1]})
	}
	_, err := w.tmux.do(commands...)
	return err
}

// titlesFit reports whether n peers in a window of these rows still have minRows under a title.
// tmux tiles in as many rows as columns, or one row more.
func titlesFit(n, rows int) bool {
	down, across := 1, 1
	for down*across < n {
		if down++; down*across < n {
			across++
		}
	}
	return rows/down-1 >= minRows
}

// processes are the peers', ended ones too.
func (w *window) processes() (all []*os.Process) {
	for _, p := range w.panes {
		all = append(all, p.process)
	}
	return all
}

// caption shows a sentence of the tour; empty takes it away.
func (w *window) caption(text string) error {
	_, err := w.tmux.do([]string{"set-option", "-w", "-t", w.id, "@caption", text})
	return err
}

// focus makes pane i the active one.
func (w *window) focus(i int) error {
	_, err := w.tmux.do([]string{"select-pane", "-t", w.panes[i].id})
	return err
}

// press types text in pane i as it is; enter presses Enter.
func (w *window) press(i int, text string) error {
	_, err := w.tmux.do([]string{"send-keys", "-t", w.panes[i].id, "-l", text})
	return err
}

func (w *window) enter(i int) error {
	_, err := w.tmux.do([]string{"send-keys", "-t", w.panes[i].id, "Enter"})
	return err
}

// screen is what pane i shows.
func (w *window) screen(i int) (string, error) {
	return w.tmux.do([]string{"capture-pane", "-p", "-J", "-t", w.panes[i].id})
}
