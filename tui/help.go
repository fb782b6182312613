package tui

import (
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// toggleHelp (?) opens the help, or closes it. In a draft with text the key is text.
func toggleHelp(m *model) bool {
	if !m.current.Draft.IsEmpty() {
		return false
	}
	if m.overlay.kind == overlayHelp {
		m.overlay.close()
	} else {
		openHelp(m)
	}
	return true
}

// openHelp shows the tables of keys and commands.
func openHelp(m *model) {
	m.show(overlayHelp, sanitize.Trusted("Help"), func(width int) []string { return helpRows(m, width) })
}

// helpRows returns the tables of keys and commands, at a width.
func helpRows(m *model, width int) []string {
	t := m.th
	heading := func(text string) string {
		return t.Row(width).Space(t.Text, 1).Put(t.Strong, sanitize.Line(text)).String()
	}
	last := everywhere
	rows := []string{heading(string(last))}
	for _, b := range keyTable() {
		h := b.Help()
		if h.Desc == "" {
			continue
		}
		if b.in != last {
			rows = append(rows, "", heading(string(b.in)))
			last = b.in
		}
		rows = append(rows, helpRow(t, width, h.Key, h.Desc)...)
	}
	rows = append(rows, "", heading("Commands"))
	for _, c := range m.cfg.Commands.All() {
		rows = append(rows, helpRow(t, width, c.Usage(), c.Help)...)
	}
	rows = append(rows, "")
	rest := sanitize.Trusted("Anything else is a message to everyone here. A second slash begins a message with a slash: //like this.")
	return append(rows, t.Row(width).Wrap(1, max(width-2, 2), t.Dim, rest)...)
}

// helpRow returns a key or a command in a column, and what it does beside it. That stands below where
// the first is too long.
func helpRow(t *theme.Theme, width int, show, help string) []string {
	at := 22
	if width < 48 {
		at = 12
	}
	r := t.Row(width).Space(t.Text, 2).Put(t.Text, sanitize.Line(show))
	var rows []string
	if r.Width()+2 > at {
		rows, r = append(rows, r.String()), t.Row(width)
	}
	return append(rows, r.Wrap(at, width-at-1, t.Dim, sanitize.Line(help))...)
}
