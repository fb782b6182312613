package tui

import (
	"sync"

	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/sanitize"
)

// maxKept is how many errors and warnings are remembered for /log.
const maxKept = 100

// kept is the log with the errors and warnings that the screen showed behind it, so that one that
// was gone too fast can be read again. It is safe for concurrent use.
type kept struct {
	log command.Log // nil when there is none

	mu    sync.Mutex
	lines []string // guarded by mu
}

// keep remembers a line.
func (k *kept) keep(line sanitize.SafeText) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.lines) == maxKept {
		k.lines = append(k.lines[:0], k.lines[1:]...)
	}
	k.lines = append(k.lines, line.String())
}

// Path is the log's.
func (k *kept) Path() string {
	if k.log == nil {
		return "what this screen has shown"
	}
	return k.log.Path()
}

// Tail returns the end of the log and then what the screen has shown, each at most n lines.
func (k *kept) Tail(n int) ([]string, error) {
	var lines []string
	var err error
	if k.log != nil {
		lines, err = k.log.Tail(n)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	shown := k.lines[max(0, len(k.lines)-n):]
	if len(shown) == 0 {
		return lines, err
	}
	if err != nil {
		lines = append(lines, "the log can't be read: "+err.Error())
	}
	return append(append(lines, "Shown on this screen:"), shown...), nil
}
