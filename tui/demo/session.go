package demo

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"chat.lan/p2pchat/net/group"

	"golang.org/x/term"
)

const sessionName = "p2pchat"

// statusLine returns the status line: the active peer's name, and the keys to go on and to leave. The
// tour's captions replace the keys.
func statusLine(small bool) string {
	keys := "Alt+arrow: another person · /quit: leave · Ctrl+b d: end the demo"
	if small { // what matters most, within 50 columns
		keys = "Ctrl+b z: larger · Alt+arrow: next · /quit"
	}
	return `#[bold] #{@peer} #[nobold]│ #{?#{!=:#{@caption},},#{@caption},` + keys + `}`
}

// session is a tmux server of our own with one session, attached to the user's terminal.
type session struct {
	window
	server *os.Process // nil until it runs
}

// showSession shows the peers in a tmux server of our own, until they have ended or the user detaches.
func showSession(g *group.Group, cfg Config, c *peers, t *tmux) (err error) {
	dog, err := startWatchdog(t, c.dir, "kill-server")
	if err != nil {
		return err
	}
	defer dog.stop()
	s := &session{window: window{tmux: t}}
	defer func() { err = cmp.Or(err, s.end()) }()
	width, height, err := term.GetSize(int(cfg.Stdout.Fd()))
	if err != nil || width == 0 || height == 0 {
		width, height = 80, 24
	}
	create := []string{"new-session", "-d", "-s", sessionName, "-n", sessionName, "-x", strconv.Itoa(width), "-y", strconv.Itoa(height)}
	if err := s.serve(tooSmall(cfg.Peers, width, height-1)); err != nil {
		return err
	}
	if err := s.open(c, create, titlesFit(cfg.Peers, height-1)); err != nil {
		return fmt.Errorf("%w (p2pchat demo --no-tmux needs no tmux)", err)
	}
	if _, err := t.do([]string{"set-option", "-g", "exit-empty", "on"}); err != nil {
		return fmt.Errorf("%w (all peers ended at once: p2pchat start --no-tui says why)", err)
	}
	show := g.Child()
	defer show.Close()
	defer saveTerminal(cfg.Stdin, cfg.Stdout)()
	attach := t.command(context.Background(), []string{"attach-session", "-t", "=" + sessionName})
	var errs bytes.Buffer
	attach.Stdin, attach.Stdout, attach.Stderr = cfg.Stdin, cfg.Stdout, &errs
	if err := attach.Start(); err != nil {
		return fmt.Errorf("tmux: %w", err)
	}
	done := make(chan error, 1)
	if !show.Go("demo/attach", func(context.Context) { done <- attach.Wait() }) { // we are being stopped
		_ = attach.Process.Kill()
		done <- attach.Wait()
	}
	if cfg.Tour {
		show.Go("demo/tour", func(ctx context.Context) { tour(ctx, &s.window, cfg.hurry) })
	}
	select {
	case err := <-done:
		if err != nil {
			return tmuxError(err, errs.String())
		}
		return nil
	case <-g.Context().Done():
		// The client restores the terminal when its session ends.
		left := s.end()
		select {
		case <-done:
		case <-time.After(killTime):
			_ = attach.Process.Kill()
			<-done
		}
		return left
	}
}

// serve starts the server with its settings, and no session yet. small means that a screen needs zooming.
func (s *session) serve(small bool) error {
	commands := [][]string{{"start-server"}, {"set-option", "-g", "exit-empty", "off"}}
	for _, o := range [][2]string{
		{"escape-time", "0"}, // Esc closes at once
		{"default-terminal", innerTerminal()},
		{"focus-events", "on"},
		{"set-clipboard", "on"}, // a copied message reaches the user's own clipboard
		{"mouse", "off"},        // the terminal's own selection works
		{"set-titles", "on"},
		{"set-titles-string", "#T"}, // the active peer's title, with its unread count
		{"repeat-time", "0"},        // an arrow soon after Ctrl+b and an arrow is the peer's
		{"status-interval", "0"},
		{"status-style", "reverse"},
		{"status-left-length", "200"},
		{"status-left", statusLine(small)},
		{"status-right", ""},
		{"window-status-format", ""},
		{"window-status-current-format", ""},
	} {
		commands = append(commands, []string{"set-option", "-g", o[0], o[1]})
	}
	if t := os.Getenv("COLORTERM"); t == "truecolor" || t == "24bit" {
		commands = append(commands, []string{"set-option", "-ga", "terminal-overrides", "," + os.Getenv("TERM") + ":Tc"})
	}
	for key, way := range map[string]string{"Left": "-L", "Right": "-R", "Up": "-U", "Down": "-D"} {
		commands = append(commands, []string{"bind-key", "-n", "M-" + key, "select-pane", way})
	}
	// Suspending would stop tmux alone and leave this process, and the shell, waiting for it.
	commands = append(commands, []string{"unbind-key", "C-z"}, []string{"display-message", "-p", "#{pid}"})
	out, err := s.tmux.do(commands...)
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		return fmt.Errorf("tmux: it says %.80q for its process", out)
	}
	s.server, err = os.FindProcess(pid)
	return err
}

// end ends every process in the server, also a shell that the user opened there, and then the server. It
// may be called again.
func (s *session) end() error {
	if s.server == nil {
		_, _ = s.tmux.do([]string{"kill-server"}) // it may have come up all the same
		return nil
	}
	all := s.processes()
	out, _ := s.tmux.do([]string{"list-panes", "-a", "-F", "#{pane_pid}"}) // none when it has ended
	for _, word := range strings.Fields(out) {
		if pid, err := strconv.Atoi(word); err == nil {
			if p, err := os.FindProcess(pid); err == nil {
				all = append(all, p)
			}
		}
	}
	err := dismiss(all, leaveTime)
	_, _ = s.tmux.do([]string{"kill-server"})
	// Some servers stay after kill-server when a client is about to attach.
	return cmp.Or(err, dismiss([]*os.Process{s.server}, killTime))
}

// innerTerminal returns the TERM of the peers: today's name for tmux, or the name on older systems.
func innerTerminal() string {
	const today = "tmux-256color"
	dirs := []string{os.Getenv("TERMINFO"), "/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo",
		"/usr/local/share/terminfo", "/opt/homebrew/share/terminfo", "/opt/local/share/terminfo"}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".terminfo"))
	}
	for _, dir := range append(dirs, filepath.SplitList(os.Getenv("TERMINFO_DIRS"))...) {
		for _, letter := range []string{"t", "74"} { // by letter, and on macOS by its code
			if _, err := os.Stat(filepath.Join(dir, letter, today)); dir != "" && err == nil {
				return today
			}
		}
	}
	return "screen-256color"
}
