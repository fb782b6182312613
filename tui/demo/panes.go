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

// window is the peers' panes in a tmux server, ours or the user's own. Its methods may be called from one
// goroutine at a time. caption, focus, write, press and capture only ask tmux: any goroutine may call them.
type window struct {
	tmux  *tmux
	id    string // @3, as tmux has it
	panes []pane
}

// The space that a peer's screen needs. Under minRows the panes lose their titles, and only the status
// line names the active peer. Under leastRows or leastColumns a screen draws nothing, and the status line
// says how to enlarge a pane.
const (
	minRows      = 11
	leastRows    = 8
	leastColumns = 36
)

// open starts all peers: the first by create, a new-session or new-window without its program, the
// others by splitting. After an error, w.panes holds the peers that have started.
func (w *window) open(c *peers, create []string, titles bool) error {
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
		return w.do(
			[]string{"set-option", "-p", "-t", p.id, "@peer", p.name},
			[]string{"select-pane", "-t", p.id, "-T", p.name},
			[]string{"select-layout", "-t", w.id, "tiled"})
	}
	if err := start(0, create); err != nil {
		return err
	}
	if err := w.configure(titles); err != nil {
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
	return w.focus(0)
}

// do runs commands of tmux that print nothing.
func (w *window) do(commands ...[]string) error {
	_, err := w.tmux.do(commands...)
	return err
}

// configure sets options of this window only, so that the user's own server stays as it is.
func (w *window) configure(titles bool) error {
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
	return w.do(commands...)
}

// tiles returns how tmux tiles n panes: in as many rows as columns, or one row more.
func tiles(n int) (down, across int) {
	down, across = 1, 1
	for down*across < n {
		if down++; down*across < n {
			across++
		}
	}
	return down, across
}

// titlesFit reports whether n peers in a window of these rows still have minRows under a title.
func titlesFit(n, rows int) bool {
	down, _ := tiles(n)
	return rows/down-1 >= minRows
}

// tooSmall reports whether a screen of n in such a window has less than the least space. A line stands
// between two panes.
func tooSmall(n, columns, rows int) bool {
	down, across := tiles(n)
	return (rows-down+1)/down < leastRows || (columns-across+1)/across < leastColumns
}

// processes returns the peers' processes, ended ones too.
func (w *window) processes() (all []*os.Process) {
	for _, p := range w.panes {
		all = append(all, p.process)
	}
	return all
}

// caption shows a sentence of the tour, or removes it if empty.
func (w *window) caption(text string) error {
	return w.do([]string{"set-option", "-w", "-t", w.id, "@caption", text})
}

// focus makes pane i the active one.
func (w *window) focus(i int) error { return w.do([]string{"select-pane", "-t", w.panes[i].id}) }

// write types text in pane i as it is.
func (w *window) write(i int, text string) error {
	return w.do([]string{"send-keys", "-t", w.panes[i].id, "-l", text})
}

// press presses a key in pane i, by tmux's name for it.
func (w *window) press(i int, key string) error {
	return w.do([]string{"send-keys", "-t", w.panes[i].id, key})
}

// capture returns the text in pane i.
func (w *window) capture(i int) (string, error) {
	return w.tmux.do([]string{"capture-pane", "-p", "-J", "-t", w.panes[i].id})
}
