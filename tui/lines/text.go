package lines

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
)

// maxRefused bounds the senders whose refusals are told apart.
const maxRefused = 1024

// indent stands before every row of a text but its first, so that nobody can write a line that looks
// like one of ours.
const indent = "   "

// textView writes the words of the seed's walkthrough. Everything passes tui/sanitize on its way out.
type textView struct {
	out     *output
	roster  *roster.Roster
	refused map[string]int // last count shown, by sender and reason
	trouble string         // last one shown
	saved   event.Saving   // as it was shown last
	now     func() time.Time

	secureOnly  bool // as it was shown last
	policyLabel string
}

// put writes one entry, cleaned, its further rows indented.
func (v *textView) put(errs bool, format string, args ...any) {
	rows := sanitize.Block(fmt.Sprintf(format, args...)).String()
	v.out.add(errs, strings.ReplaceAll(strings.TrimRight(rows, "\n"), "\n", "\n"+indent)+"\n")
}

func (v *textView) say(format string, args ...any) { v.put(false, format, args...) }

func (v *textView) warn(format string, args ...any) { v.put(true, format, args...) }

func (v *textView) event(ev event.Event, before event.State) {
	switch ev := ev.(type) {
	case event.Ready:
		v.ready(ev.Self)
	case event.PeerChanged:
		v.peer(ev, before)
	case event.Said:
		v.said(ev.Line)
	case event.Sent:
		if ev.Peers == 0 {
			v.say("📭 Nobody is here to hear it yet")
		} else {
			v.say("📤 Message sent to %d peer(s)", ev.Peers)
		}
	case event.Saving:
		v.saving(ev)
	case event.Notice:
		v.notice(ev)
	case event.Refused:
		v.refusal(ev)
	case event.ProposalChanged, event.BallotCast, event.PolicyChanged, event.Differs, event.Gate:
		v.vote(ev)
	case event.Network:
		if ev.Trouble != v.trouble {
			v.trouble = ev.Trouble
			if ev.Trouble != "" {
				v.warn("⚠️  %s", withHint(ev.Trouble, ev.Hint))
			}
		}
	}
}

// saving says what became of the disk since it was last said.
func (v *textView) saving(now event.Saving) {
	was := v.saved
	v.saved = now
	switch {
	case now.NotSaved != "" && now.NotSaved != was.NotSaved:
		v.warn("💾 Not saved: %s", sanitize.Line(now.NotSaved))
	case now.NotSaved == "" && was.NotSaved != "" && now.Dropped > 0:
		v.warn("💾 Saved again, but for %d records", now.Dropped)
	case now.NotSaved == "" && was.NotSaved != "":
		v.say("💾 Saved again")
	}
	if now.Aside != "" && now.Aside != was.Aside {
		v.warn("💾 A damaged file was kept aside as %s; %d records were taken over, others have the rest", sanitize.Line(now.Aside), now.Recovered)
	}
	if now.Unreadable > was.Unreadable {
		v.warn("💾 %d damaged records were dropped; others have them", now.Unreadable-was.Unreadable)
	}
}

func (v *textView) ready(self event.Self) {
	v.say("🎙️  Starting P2P Chat...")
	v.say("👤 Your ID: %s", self.ID)
	v.say("📡 Your Name: %s", sanitize.Name(self.Name))
	v.say("🔌 Listening on port: %d", self.Port)
	v.say("🔗 TCP listener started on port %d", self.Port)
}

func (v *textView) peer(ev event.PeerChanged, before event.State) {
	p := ev.Peer
	label := v.roster.Label(roster.ID(p.Key, p.ID))
	switch {
	case p.State == event.Up && before == "":
		v.say("🔍 Discovered new peer: %s%s", label, whence(p))
	case p.State == event.Left && before != "":
		v.say("👋 %s left", label)
	case p.State == event.Lost && before != "":
		v.say("⚠️  %s lost", label)
	case ev.Renamed != "":
		v.say("📛 %s is now called %s", sanitize.Name(ev.Renamed), label)
	}
}

// whence is where a peer is, and a word if what is said to it can be read on the way.
func whence(p event.Peer) string {
	var parts []string
	if p.Addr.IsValid() {
		parts = append(parts, unmapped(p.Addr).Addr().String())
	}
	if !p.Encrypted() {
		parts = append(parts, "not encrypted")
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func (v *textView) said(l event.Line) {
	label := v.roster.Label(roster.ID(l.From, l.FromID)).String()
	if l.Signature != event.Verified {
		label += " (unsigned)"
	}
	at := ""
	if l.History && v.now().Sub(l.Time).Abs() > time.Minute {
		at = " (" + when(l.Time, v.now()) + ")"
	}
	if l.Me {
		v.say("📨 * %s %s%s", label, l.Text, at)
	} else {
		v.say("📨 %s says%s: %s", label, at, l.Text)
	}
}

// when is a time of day, with the date unless it is today's.
func when(t, now time.Time) string {
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

func (v *textView) notice(n event.Notice) {
	switch n.Level {
	case event.Error:
		v.warn("❌ %s", withHint(n.Text, n.Hint))
	case event.Warning:
		v.warn("⚠️  %s", withHint(n.Text, n.Hint))
	default:
		v.say("ℹ️  %s", withHint(n.Text, n.Hint))
	}
}

// refusal shows the first of a kind and then only each doubling: a flood refused is not to become a
// flood shown.
func (v *textView) refusal(r event.Refused) {
	if r.Count < 2*v.refused[r.LatestKey()] {
		return
	}
	if len(v.refused) >= maxRefused {
		clear(v.refused)
	}
	v.refused[r.LatestKey()] = r.Count
	v.warn("⛔ Refused from %s: %s (%d)", sanitize.Line(r.From), sanitize.Line(r.Reason), r.Count)
}

func withHint(text, hint string) string {
	if hint == "" {
		return text
	}
	return text + " · " + hint
}

func (v *textView) answer(a command.Answer) {
	switch a := a.(type) {
	case command.List:
		v.list(a.Peers)
	case command.Status:
		v.status(a.Status)
	case command.Proposals:
		v.proposals(a)
	case command.Save:
		v.answer(a.Write())
	case command.Info:
		v.out.add(false, strings.TrimRight(sanitize.Block(a.Text).String(), "\n")+"\n")
	case command.Fail:
		v.warn("❌ %s", withHint(a.Text, a.Hint))
	}
}

func (v *textView) list(peers []event.Peer) {
	if len(peers) == 0 {
		v.say("👥 Discovered peers: none yet")
		return
	}
	v.say("👥 Discovered peers:")
	for _, p := range peers {
		at := ""
		if p.Addr.IsValid() {
			at = " at " + unmapped(p.Addr).String()
		}
		var marks []string
		if p.State != event.Up {
			marks = append(marks, string(p.State))
		}
		mark := ""
		if marks = append(marks, command.PeerMarks(p)...); len(marks) > 0 {
			mark = ", " + strings.Join(marks, ", ")
		}
		v.say("  - %s (%s)%s%s", v.roster.Label(roster.ID(p.Key, p.ID)), sanitize.Line(p.ID), at, mark)
	}
}

func (v *textView) status(s event.Status) {
	var b strings.Builder
	row := func(format string, args ...any) { fmt.Fprintf(&b, "\n"+format, args...) }
	fmt.Fprintf(&b, "📊 Status: %s in room %s", sanitize.Name(s.Self.Name), sanitize.Line(s.Self.Room))
	row("Port %d, up %s", s.Self.Port, s.Up.Round(time.Second))
	row("Peers: %d encrypted over %d links, %d in clear", s.Peers, s.Links, s.Plain)
	row("Room: %d records", s.Records)
	row("Network: %d bytes in, %d out", s.In, s.Out)
	switch {
	case !s.Discovery:
		row("Discovery: off")
	default:
		for _, i := range s.Network.Interfaces {
			at := sanitize.Line(i.Name).String()
			if i.Addr.IsValid() {
				at += " " + i.Addr.String()
			}
			row("Discovery on %s: %s", at, sanitize.Line(command.InterfaceSummary(i)))
		}
		if s.Network.Trouble != "" {
			row("In the way: %s", sanitize.Line(withHint(s.Network.Trouble, s.Network.Hint)))
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Dropped)) {
		row("Dropped: %d × %s", s.Dropped[reason], sanitize.Line(reason))
	}
	v.say("%s", b.String())
}
