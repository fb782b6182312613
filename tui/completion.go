package tui

import (
	"strings"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/clean"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/compose"
)

func bookID(p event.Peer) string { return command.BookID(p.Key, p.ID) }

// candidates are the ways in which what stands before the cursor may go on: commands and their
// arguments; names behind an @ at once, other words only when asked.
func (m *model) candidates(before string, asked bool) []compose.Candidate {
	var out []compose.Candidate
	for _, c := range m.cfg.Commands.Complete(m.env(), before) {
		out = append(out, compose.Candidate{Line: c.Line, Show: clean.Line(c.Show), Help: clean.Line(c.Help)})
	}
	if strings.HasPrefix(before, "/") && !strings.HasPrefix(before, "//") {
		return out
	}
	start := strings.LastIndexAny(before, " \n") + 1
	word := before[start:]
	if word == "" || !asked && (!strings.HasPrefix(word, "@") || len(word) > 64) {
		return out
	}
	own := m.book.Label(command.BookID(m.self.Key, m.self.ID)).String()
	for _, label := range m.book.Complete(word) {
		if strings.TrimPrefix(label, "@") == own {
			continue
		}
		line := before[:start] + label
		switch {
		case strings.HasPrefix(word, "@"):
			line += " "
		case start == 0:
			line += ": "
		default:
			line += " "
		}
		out = append(out, compose.Candidate{Line: line, Show: clean.Line(label)})
	}
	return out
}
