package tui

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// inTheWay is how long nobody may be found before the screen says what is in the way.
const inTheWay = 10 * time.Second

// briefWidth is the width under which the explanations have a short form.
const briefWidth = 48

// unheard is how long discovery may take to say that it looks.
const unheard = 2 * time.Second

// alone reports whether nobody was ever here: the screen then explains itself.
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

// welcomeRows are what stands above the messages while one is alone: all of height rows while there
// is nothing below, else at most two thirds of them. Where not all fits, what is in the way comes
// before what usually helps.
func (m *model) welcomeRows(width, height int) []string {
	if !m.alone() {
		return nil
	}
	if m.noted {
		height = height * 2 / 3
	}
	b := brief{t: m.th, width: width, indent: 3}
	if width < sideWidth {
		b.indent = 1
	}
	who := b.part(func() { m.introduce(&b) })
	where := b.part(func() { m.lookingRow(&b) })
	nobody := b.part(func() {
		if width < briefWidth {
			b.say(m.th.Text, sanitize.Trusted("Nobody yet. Who comes appears here."))
		} else {
			b.say(m.th.Text, sanitize.Trusted("Nobody yet. They appear here by themselves, usually within a second."))
		}
	})
	here := b.part(func() {
		b.try("In another terminal:", cmp.Or(m.cfg.InviteCommand, "p2pchat start")+" --name "+m.somebody())
	})
	elsewhere := b.part(func() {
		if addr := m.address(); addr != "" {
			b.try("From elsewhere:", "/connect "+addr)
		}
	})
	var trouble []string
	if m.cfg.Now().Sub(m.ready) >= inTheWay {
		trouble = b.part(func() { m.trouble(&b) })
	}

	blank := []string{""}
	rows := slices.Concat(blank, who, where, blank, nobody, here, elsewhere)
	if len(trouble) > 0 {
		rows = slices.Concat(rows, blank, trouble)
	}
	if len(rows) > height {
		// Whole parts as far as they fit; what is in the way is the one that may be cut.
		room := height - len(who) - min(len(trouble), height-len(who))
		fits := func(part []string) []string {
			if len(part) > room {
				return nil
			}
			room -= len(part)
			return part
		}
		nobody, here, elsewhere, where = fits(nobody), fits(here), fits(elsewhere), fits(where)
		rows = slices.Concat(who, where, trouble, nobody, here, elsewhere)
	}
	if m.noted {
		return rows[:min(len(rows), height)]
	}
	return append(rows, make([]string, max(height-len(rows), 0))...)[:height]
}

// brief puts rows of explanation together.
type brief struct {
	t             *theme.Theme
	width, indent int
	rows          []string
}

// part returns the rows that f adds.
func (b *brief) part(f func()) []string {
	b.rows = nil
	f()
	return b.rows
}

// say adds a sentence, wrapped.
func (b *brief) say(s theme.Style, text sanitize.SafeText) {
	for i, part := range text.Wrap(max(b.width-b.indent-2, 2)) {
		r := b.t.Row(b.width).Space(b.t.Text, b.indent)
		if i > 0 {
			r.Space(b.t.Text, 2)
		}
		b.rows = append(b.rows, r.Put(s, part).String())
	}
}

// try adds what to type. It is what matters: where there is no room beside it, it has a row of its
// own, and may wrap.
func (b *brief) try(what, command string) {
	text := sanitize.Line(command)
	r := b.t.Row(b.width).Space(b.t.Text, b.indent).Put(b.t.Dim, sanitize.Line(what))
	if at := b.indent + 22; at+text.Width() <= b.width {
		b.rows = append(b.rows, r.PadTo(b.t.Text, at).Put(b.t.Strong, text).String())
		return
	}
	b.rows = append(b.rows, r.String())
	for _, part := range text.Wrap(max(b.width-b.indent-2, 2)) {
		b.rows = append(b.rows, b.t.Row(b.width).Space(b.t.Text, b.indent+2).Put(b.t.Strong, part).String())
	}
}

// introduce says who one is, with the words of the key where there is room for them.
func (m *model) introduce(b *brief) {
	t := m.th
	r := t.Row(b.width).Space(t.Text, b.indent).Put(t.Text, sanitize.Trusted("You are ")).Put(t.Strong, m.ownName)
	if words := sanitize.Line(m.self.Fingerprint); r.Width()+words.Width()+3 <= b.width {
		r.Put(t.Dim, sanitize.Concat(sanitize.Trusted(" "), t.Dot, sanitize.Trusted(" "), words))
	}
	b.rows = append(b.rows, r.String())
}

// lookingRow says where peers are looked for. Discovery needs a moment before it tells.
func (m *model) lookingRow(b *brief) {
	switch {
	case m.network.Looking:
		b.say(m.th.Dim, m.where())
	case m.cfg.Now().Sub(m.ready) >= unheard:
		b.say(m.th.Dim, sanitize.Trusted("Not looking for anybody: started with --no-discovery"))
	default:
		b.rows = append(b.rows, "")
	}
}

// trouble says what is probably in the way.
func (m *model) trouble(b *brief) {
	switch {
	case m.network.Trouble == "" && b.width < briefWidth:
		b.say(m.th.Dim, sanitize.Trusted("Nothing seems wrong; /doctor says more."))
		return
	case m.network.Trouble == "":
		b.say(m.th.Dim, sanitize.Trusted("Nothing seems to be in the way: nobody else is here yet. /doctor says more."))
		return
	}
	b.say(m.th.Warn, sanitize.Concat(m.th.Unsigned, sanitize.Trusted(" "), sanitize.Line(m.network.Trouble)))
	if m.network.Hint != "" {
		b.say(m.th.Text, sanitize.Linef("Try: %s", m.network.Hint))
	}
	b.say(m.th.Dim, sanitize.Trusted("/doctor says more."))
}

// where is where peers are looked for.
func (m *model) where() sanitize.SafeText {
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
	return sanitize.Line(strings.Join(parts, "  "))
}

// address is where others reach this one, as /connect takes it.
func (m *model) address() string {
	for _, i := range m.network.Interfaces {
		if i.Skipped == "" && i.Error == "" && i.Addr.IsValid() && !i.Addr.IsLoopback() && m.self.Port != 0 {
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
