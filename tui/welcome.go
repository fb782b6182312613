package tui

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"chat.lan/p2pchat/tui/clean"
	"chat.lan/p2pchat/tui/theme"
)

// inTheWay is how long nobody may be found before the screen says what is in the way.
const inTheWay = 10 * time.Second

// unheard is how long discovery may take to say that it looks.
const unheard = 2 * time.Second

// alone reports whether nobody was ever here and nothing was said: the screen then explains itself.
func (m *model) alone() bool {
	there, _ := m.peers.Count()
	return !m.ready.IsZero() && !m.met && there == 0
}

// looking is for how long nobody has been found, in a few letters.
func (m *model) looking() string {
	d := m.cfg.Now().Sub(m.ready)
	if d < time.Minute {
		return fmt.Sprintf("looking %d s", d/time.Second)
	}
	return fmt.Sprintf("looking %d min", d/time.Minute)
}

// welcomeRows are what stands above the messages while one is alone, at most height rows.
func (m *model) welcomeRows(width, height int) []string {
	if !m.alone() {
		return nil
	}
	t := m.th
	indent := 3
	if width < sideWidth {
		indent = 1
	}
	var rows []string
	add := func(s theme.Style, text clean.SafeText) {
		for i, part := range text.Wrap(max(width-2*indent, 2)) {
			r := t.Row(width).Space(t.Text, indent)
			if i > 0 {
				r.Space(t.Text, 2)
			}
			rows = append(rows, r.Put(s, part).String())
		}
	}
	blank := func() { rows = append(rows, "") }
	try := func(what, command string) {
		r := t.Row(width).Space(t.Text, indent).Put(t.Dim, clean.Line(what))
		if r.Width()+len(command)+2 > width { // the command is what matters: a row of its own
			rows = append(rows, r.String())
			r = t.Row(width).Space(t.Text, indent+1)
		} else {
			r.To(t.Text, indent+22)
		}
		rows = append(rows, r.Put(t.Strong, clean.Line(command)).String())
	}

	if height > 8 {
		blank()
	}
	r := t.Row(width).Space(t.Text, indent).Put(t.Text, clean.Trusted("You are ")).Put(t.Strong, m.ownName)
	words := clean.Line(m.self.Fingerprint)
	if r.Width()+words.Width()+4 <= width {
		r.Put(t.Dim, clean.Concat(clean.Trusted(" "), t.Dot, clean.Trusted(" "), words))
		rows = append(rows, r.String())
	} else {
		rows = append(rows, r.String())
		if height > 10 {
			add(t.Dim, words)
		}
	}
	switch {
	case m.network.Looking:
		add(t.Dim, m.where())
	case m.cfg.Now().Sub(m.ready) >= unheard:
		add(t.Dim, clean.Trusted("Not looking for anybody: started with --no-discovery"))
	default:
		blank()
	}
	blank()
	add(t.Text, clean.Trusted("Nobody yet. They appear here by themselves, usually within a second."))
	try("In another terminal:", "p2pchat start --name "+m.somebody())
	if addr := m.address(); addr != "" {
		try("From elsewhere:", "/connect "+addr)
	}
	if m.cfg.Now().Sub(m.ready) >= inTheWay {
		blank()
		m.trouble(add, try)
	}
	if height > 8 {
		blank()
	}
	return rows[:min(len(rows), height)]
}

// trouble says what is probably in the way.
func (m *model) trouble(add func(theme.Style, clean.SafeText), try func(what, command string)) {
	t := m.th
	if m.network.Trouble == "" {
		add(t.Dim, clean.Trusted("Nothing seems to be in the way: nobody else is here yet. /status says what was sent and heard."))
		return
	}
	add(t.Warn, clean.Concat(t.Unsigned, clean.Trusted(" "), clean.Line(m.network.Trouble)))
	if m.network.Hint != "" {
		try("Try:", m.network.Hint)
	}
}

// where is where peers are looked for.
func (m *model) where() clean.SafeText {
	parts, skipped := []string{"Looking on"}, []string{}
	for _, i := range m.network.Interfaces {
		if i.Skipped != "" || i.Error != "" {
			skipped = append(skipped, i.Name)
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %s", i.Name, i.Addr))
	}
	if len(skipped) > 4 {
		skipped = append(skipped[:4], fmt.Sprintf("%d more", len(skipped)-4))
	}
	if len(skipped) > 0 {
		parts = append(parts, "("+strings.Join(skipped, ", ")+" skipped)")
	}
	return clean.Line(strings.Join(parts, "  "))
}

// address is where others reach this one, as /connect takes it.
func (m *model) address() string {
	for _, i := range m.network.Interfaces {
		if i.Skipped == "" && i.Error == "" && i.Addr.IsValid() && m.self.Port != 0 {
			return netip.AddrPortFrom(i.Addr, uint16(m.self.Port)).String()
		}
	}
	return ""
}

// somebody is a name for a second person that isn't one's own.
func (m *model) somebody() string {
	if strings.EqualFold(m.self.Name, "bob") {
		return "alice"
	}
	return "bob"
}
