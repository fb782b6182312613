package tui

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// troubleAfter is how long no peer is found before the screen names the likely obstacle.
const troubleAfter = 10 * time.Second

// briefWidth is the width under which the explanations have a short form.
const briefWidth = 48

// discoveryDelay is how long discovery may take to say that it looks for peers.
const discoveryDelay = 2 * time.Second

// alone reports whether no peer was ever here: the screen then explains itself.
func (m *model) alone() bool {
	there, _ := m.peers.Count()
	return !m.ready.IsZero() && !m.hasMet() && there == 0
}

// lookingTime says in a few letters for how long no peer has been found.
func (m *model) lookingTime() string {
	d := m.cfg.Now().Sub(m.ready)
	if d < time.Minute {
		return fmt.Sprintf("looking %d s", d/time.Second)
	}
	return fmt.Sprintf("looking %d min", d/time.Minute)
}

// welcomeRows returns what stands above the messages while the local peer is alone: all of height rows
// while there are no messages, else at most two thirds of them. Where not all of it fits, the likely
// obstacle comes before the usual advice.
func (m *model) welcomeRows(width, height int) []string {
	if !m.alone() {
		return nil
	}
	empty := m.current.IsEmpty()
	if !empty {
		height = height * 2 / 3
	}
	b := welcome{t: m.th, width: width, indent: 3, self: m.self, network: m.network, waited: m.cfg.Now().Sub(m.ready)}
	if width < sideWidth {
		b.indent = 1
	}
	who, where := b.introduction(m.ownName), b.looking()
	nobody := b.say(m.th.Text, sanitize.Trusted("No one else is here yet. Anyone on this network shows up by itself, usually within a second."))
	if width < briefWidth {
		nobody = b.say(m.th.Text, sanitize.Trusted("No one yet."))
	}
	here := b.try("In another terminal:", cmp.Or(m.cfg.InviteCommand, "p2pchat start")+" --name "+b.exampleName())
	var elsewhere, trouble []string
	if addr := b.address(); addr != "" {
		elsewhere = b.try("From elsewhere:", "/connect "+addr)
	}
	if b.waited >= troubleAfter {
		trouble = b.trouble()
	}

	blank := []string{""}
	rows := slices.Concat(blank, who, where, blank, nobody, here, elsewhere)
	if len(trouble) > 0 {
		rows = slices.Concat(rows, blank, trouble)
	}
	if len(rows) > height {
		// Whole parts as far as they fit; only the obstacle may be cut.
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
	if !empty {
		return rows[:min(len(rows), height)]
	}
	return append(rows, make([]string, max(height-len(rows), 0))...)[:height]
}

// welcome draws the rows of the explanation.
type welcome struct {
	t             *theme.Theme
	width, indent int
	self          event.Self
	network       event.Network
	waited        time.Duration // since the program began to look for peers
}

// say returns a sentence, wrapped.
func (b *welcome) say(s theme.Style, text sanitize.SafeText) (rows []string) {
	for i, part := range text.Wrap(max(b.width-b.indent-2, 2)) {
		r := b.t.Row(b.width).Space(b.t.Text, b.indent)
		if i > 0 {
			r.Space(b.t.Text, 2)
		}
		rows = append(rows, r.Put(s, part).String())
	}
	return rows
}

// try returns a command to type. Where there is no room beside its label, the command has a row of its
// own, and may wrap.
func (b *welcome) try(what, command string) []string {
	text := sanitize.Line(command)
	r := b.t.Row(b.width).Space(b.t.Text, b.indent).Put(b.t.Dim, sanitize.Line(what))
	if at := b.indent + 22; at+text.Width() <= b.width {
		return []string{r.PadTo(b.t.Text, at).Put(b.t.Strong, text).String()}
	}
	return append([]string{r.String()}, b.t.Row(b.width).Wrap(b.indent+2, max(b.width-b.indent-2, 2), b.t.Strong, text)...)
}

// introduction says what the local peer is called, with the words of its key where there is room.
func (b *welcome) introduction(name sanitize.SafeText) []string {
	t := b.t
	r := t.Row(b.width).Space(t.Text, b.indent).Put(t.Text, sanitize.Trusted("You are ")).Put(t.Strong, name)
	if words := sanitize.Line(b.self.Fingerprint); r.Width()+words.Width()+3 <= b.width {
		r.Put(t.Dim, sanitize.Linef(" %s %s", t.Dot, words))
	}
	return []string{r.String()}
}

// looking says where peers are looked for. Discovery needs a moment before it reports that.
func (b *welcome) looking() []string {
	switch {
	case b.network.Looking:
		return b.say(b.t.Dim, b.lookingOn())
	case b.waited >= discoveryDelay:
		return b.say(b.t.Dim, sanitize.Trusted("Discovery is off: started with --no-discovery"))
	}
	return []string{""}
}

// trouble names the likely obstacle.
func (b *welcome) trouble() []string {
	switch {
	case b.network.Trouble == "" && b.width < briefWidth:
		return b.say(b.t.Dim, sanitize.Trusted("Nothing seems wrong; /doctor says more."))
	case b.network.Trouble == "":
		return b.say(b.t.Dim, sanitize.Trusted("Your network looks fine; no one else seems to be running p2pchat. /doctor for details"))
	}
	rows := b.say(b.t.Warn, sanitize.Linef("%s %s", b.t.Unsigned, b.network.Trouble))
	if b.network.Hint != "" {
		rows = append(rows, b.say(b.t.Text, sanitize.Linef("Try: %s", b.network.Hint))...)
	}
	return append(rows, b.say(b.t.Dim, sanitize.Trusted("/doctor says more."))...)
}

// lookingOn names the interfaces on which peers are looked for.
func (b *welcome) lookingOn() sanitize.SafeText {
	parts, skipped := []string{"Looking on"}, []string{}
	for _, i := range b.network.Interfaces {
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

// address returns where peers reach the local peer, as /connect takes it, or "".
func (b *welcome) address() string {
	for _, i := range b.network.Interfaces {
		if i.Skipped == "" && i.Error == "" && i.Addr.IsValid() && !i.Addr.IsLoopback() && b.self.Port != 0 {
			return netip.AddrPortFrom(i.Addr, uint16(b.self.Port)).String()
		}
	}
	return ""
}

// exampleName returns a name for a second person.
func (b *welcome) exampleName() string {
	if strings.EqualFold(b.self.Name, "bob") {
		return "alice"
	}
	return "bob"
}
