package tui

import (
	"fmt"
	"strings"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// windowTitle returns the title of the terminal's window. The number of unread messages stands first,
// so that it shows in a narrow tab.
func (m *model) windowTitle() sanitize.SafeText {
	title := "p2pchat"
	if m.self.Room != "" {
		title += " #" + m.self.Room
	}
	if n := m.current.Messages.CountUnread(); m.away && n > 0 {
		title = fmt.Sprintf("(%d) %s", n, title)
	}
	return sanitize.Line(title)
}

// titleRow returns the bar at the top: the room and its topic, how safe it is, then networks, peers
// and the clock.
func (m *model) titleRow(width int) string {
	t := m.th
	r := t.Row(width).Space(t.Bar, 1)
	narrow := width < sideWidth
	if !narrow {
		r.Put(t.Bar, sanitize.Trusted("p2pchat")).Space(t.Bar, 2)
	}
	right := m.titleEnd(narrow)
	room := sanitize.Concat(sanitize.Trusted("#"), sanitize.Line(m.self.Room))
	r.PutWithin(t.BarStrong, room, max(width/3, 8)).Space(t.Bar, 2)
	safe, ok := m.safety(narrow)
	style := t.Bar
	if !ok {
		style = t.BarWarn
	}
	if !narrow {
		m.putTopic(r, width-right.Width()-2-r.Width()-safe.Width()-2)
	}
	if left := width - right.Width() - 2 - r.Width(); left > 0 {
		if at := width/3 - safe.Width()/2; !narrow && at > r.Width() && at+safe.Width() < width-right.Width()-2 {
			r.PadTo(t.Bar, at)
			left -= at - r.Width()
		}
		r.PutWithin(style, safe, min(left, width-right.Width()-2-r.Width()))
	}
	return r.PadTo(t.Bar, width-right.Width()-1).Put(t.Bar, right).PadTo(t.Bar, width).String()
}

// minTopic is the fewest cells of a topic that are worth showing.
const minTopic = 10

// putTopic puts the room's topic, if it has one, into at most that many cells of the bar. The quotes
// tell it from what the bar itself says.
func (m *model) putTopic(r *theme.Row, cells int) {
	topic := m.current.Voting.Policy().Topic
	if topic == "" {
		return
	}
	text := sanitize.Linef("\"%s\"", topic)
	if cells < min(minTopic, text.Width())+2 {
		return
	}
	r.PutWithin(m.th.Bar, text, cells-2).Space(m.th.Bar, 2)
}

// safety returns whether messages are encrypted or all signed here, and false for ok where some can be
// read on the way.
func (m *model) safety(narrow bool) (text sanitize.SafeText, ok bool) {
	there, plain := m.peers.Count()
	policy := m.current.Voting.Policy()
	switch {
	case policy.SecureOnly && narrow:
		return sanitize.Concat(m.th.Signed, sanitize.Trusted(" secure")), true
	case policy.SecureOnly:
		return sanitize.Linef("%s secure-only %s policy %s", m.th.Signed, m.th.Dot, policy.Label), true
	case plain > 0 && narrow:
		return sanitize.Linef("%s %d plain", m.th.Unsigned, plain), false
	case plain > 0:
		return sanitize.Linef("%s %d of %d can be read on the way", m.th.Unsigned, plain, there), false
	case there == 0:
		return sanitize.SafeText{}, true
	case narrow:
		return m.th.Signed, true
	}
	return sanitize.Concat(m.th.Signed, sanitize.Trusted(" encrypted")), true
}

// titleEnd returns the right end of the bar.
func (m *model) titleEnd(narrow bool) sanitize.SafeText {
	dot := " " + m.th.Dot.String() + " "
	there, _ := m.peers.Count()
	var parts []string
	if n := m.current.Messages.CountUnread(); n > 0 && (m.away || !m.current.Messages.AtEnd()) {
		parts = append(parts, fmt.Sprintf("%d new", n))
	}
	if _, mine := m.current.Voting.Pane.CountOpen(); mine > 0 && narrow {
		parts = append(parts, fmt.Sprintf("%d to vote", mine))
	}
	if narrow {
		parts = append(parts, fmt.Sprintf("%d here", there+1))
		return sanitize.Line(strings.Join(parts, dot))
	}
	if m.alone() {
		if m.network.Looking {
			parts = append(parts, m.lookingTime())
		}
		if m.self.Port != 0 {
			parts = append(parts, fmt.Sprintf("port %d", m.self.Port))
		}
	} else {
		if names := m.interfaceNames(); names != "" {
			parts = append(parts, names)
		}
		if there == 1 {
			parts = append(parts, "1 peer")
		} else {
			parts = append(parts, fmt.Sprintf("%d peers", there))
		}
	}
	return sanitize.Line(strings.Join(append(parts, m.now().Format("15:04")), dot))
}

// maxInterfaces is how many interfaces the bar names.
const maxInterfaces = 3

// interfaceNames returns the names of the interfaces in use.
func (m *model) interfaceNames() string {
	var names []string
	for _, i := range m.network.Interfaces {
		if i.Skipped == "" && i.Error == "" {
			names = append(names, i.Name)
		}
	}
	if len(names) > maxInterfaces {
		names = append(names[:maxInterfaces], fmt.Sprintf("+%d", len(names)-maxInterfaces))
	}
	return strings.Join(names, " ")
}
