package tui

import (
	"strings"

	"chat.lan/p2pchat/tui/composer"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
)

// candidates returns how the text before the cursor may go on: commands and their arguments, and
// names. A name behind an @ is completed at once, another word only when asked.
func candidates(m *model, before string, asked bool) []composer.Candidate {
	var out []composer.Candidate
	for _, c := range m.cfg.Commands.Complete(m.env, before) {
		out = append(out, composer.Candidate{Line: c.Line, Label: sanitize.Line(c.Show), Help: sanitize.Line(c.Help)})
	}
	if strings.HasPrefix(before, "/") && !strings.HasPrefix(before, "//") {
		return out
	}
	start := strings.LastIndexAny(before, " \n") + 1
	word := before[start:]
	if word == "" || !asked && (!strings.HasPrefix(word, "@") || len(word) > 64) {
		return out
	}
	own := m.roster.Label(roster.ID(m.self.Key, m.self.ID)).String()
	for _, label := range m.roster.Complete(word) {
		if strings.TrimPrefix(label, "@") == own {
			continue
		}
		end := " "
		if start == 0 && !strings.HasPrefix(word, "@") {
			end = ": "
		}
		out = append(out, composer.Candidate{Line: before[:start] + label + end, Label: sanitize.Line(label)})
	}
	return out
}
