package tui

import (
	"sync"

	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/sanitize"
)

// maxRecent bounds the errors and warnings that /log can show.
const maxRecent = 100

// recentErrors is the program's log with the latest errors and warnings of the screen behind it, so that
// /log shows again what left the screen too soon. It is safe for concurrent use.
type recentErrors struct {
	command.Log

	mu struct {
		sync.Mutex
		lines []string
	}
}

// add records an error or a warning, and drops the oldest where there are too many.
func (r *recentErrors) add(line sanitize.SafeText) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.mu.lines) == maxRecent {
		r.mu.lines = append(r.mu.lines[:0], r.mu.lines[1:]...)
	}
	r.mu.lines = append(r.mu.lines, line.String())
}

// Tail implements command.Log. It returns the end of the log, then what the screen has shown, each at
// most n lines.
func (r *recentErrors) Tail(n int) ([]string, error) {
	lines, err := r.Log.Tail(n)
	r.mu.Lock()
	defer r.mu.Unlock()
	shown := r.mu.lines[max(0, len(r.mu.lines)-n):]
	if len(shown) == 0 {
		return lines, err
	}
	if err != nil {
		lines = append(lines, "the log can't be read: "+err.Error())
	}
	return append(append(lines, "Shown on this screen:"), shown...), nil
}
