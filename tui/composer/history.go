package composer

// maxHistory is how many lines are remembered.
const maxHistory = 500

// history is what was sent, and a place in it.
type history struct {
	lines []string // oldest first
	at    int      // lines behind the draft: 0 is the draft
	draft string
}

// add remembers a line that was sent.
func (h *history) add(line string) {
	if n := len(h.lines); n > 0 && h.lines[n-1] == line {
		return
	}
	h.lines = append(h.lines, line)
	if len(h.lines) > maxHistory {
		h.lines = append(h.lines[:0], h.lines[len(h.lines)-maxHistory:]...)
	}
}

// leave ends looking back: what is written is the draft again.
func (h *history) leave() { h.at, h.draft = 0, "" }

// older is the line before. Now is what the composer holds: the draft, the first time.
func (h *history) older(now string) (string, bool) {
	if h.at >= len(h.lines) {
		return "", false
	}
	if h.at == 0 {
		h.draft = now
	}
	h.at++
	return h.lines[len(h.lines)-h.at], true
}

// newer is the line after, in the end the draft.
func (h *history) newer() (string, bool) {
	if h.at == 0 {
		return "", false
	}
	h.at--
	if h.at == 0 {
		return h.draft, true
	}
	return h.lines[len(h.lines)-h.at], true
}
