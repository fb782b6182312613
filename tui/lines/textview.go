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
	"chat.lan/p2pchat/tui/wording"
)

// maxRefused bounds the senders whose refusals are counted apart.
const maxRefused = 1024

// indent stands before every row of a text but its first, so that no one can write a line that looks
// like one of ours.
const indent = "   "

// textView writes the words of the seed's walkthrough. Everything passes tui/sanitize on its way out.
type textView struct {
	out     *output
	roster  *roster.Roster
	refused map[string]int // last count shown, by sender and reason
	saved   event.Saving   // as it was shown last
	notKept int            // peers that didn't keep the last message
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

func (v *textView) event(ev event.Event, before event.State) {
	switch ev := ev.(type) {
	case event.Ready:
		v.rows(wording.Started(ev.Self))
	case event.PeerChanged:
		v.peer(ev, before)
	case event.Said:
		v.said(ev.Line)
	case event.Sent:
		v.say("%s", wording.SentTo(ev.Peers))
	case event.Delivered:
		if ev.NotKept > v.notKept {
			v.put(true, "⚠️  %s", v.phrases().WhyNotKept(ev))
		}
		v.notKept = ev.NotKept
	case event.NotKept:
		v.put(true, "⚠️  %s", v.phrases().NotKept(ev))
	case event.Saving:
		for _, n := range v.phrases().Saving(v.saved, ev) {
			v.put(n.Level != event.Info, "💾 %s", n.Text)
		}
		v.saved = ev
	case event.Notice:
		v.put(ev.Level != event.Info, "%s%s", signs[ev.Level], wording.WithHint(ev.Text, ev.Hint, "·"))
	case event.Refused:
		v.refusal(ev)
	case event.Unknown:
		v.roster.NoteAuthor(event.Line{From: ev.From, FromID: ev.FromID, FromName: ev.FromName})
		if ev.First && !v.roster.IsIgnored(ev.FromID) {
			v.say("ℹ️  %s", wording.Unshown(v.roster.Label(roster.ID(ev.From, ev.FromID))))
		}
	case event.ProposalChanged:
		v.proposal(ev)
	case event.BallotCast:
		if ev.Twice || !ev.History {
			v.put(ev.Twice, "🗳️ %s", v.phrases().BallotCast(ev))
		}
	case event.PolicyChanged:
		if ev.Policy.SecureOnly != v.secureOnly || ev.Policy.SecureOnly && ev.Policy.Label != v.policyLabel {
			// Not when only the topic is another. A reader who wasn't there learns who signed.
			v.say("🔐 %s", v.phrases().Policy(ev.Policy, ev.First || ev.History))
		}
		v.secureOnly, v.policyLabel = ev.Policy.SecureOnly, ev.Policy.Label
	case event.Differs:
		v.say("🔐 %s", v.phrases().Differs(ev, v.label(ev.Peer)))
	case event.Gate:
		if ev.Reason != "" {
			v.say("🔐 %s", ev.Reason)
		}
	}
}

// rows writes each row as an entry.
func (v *textView) rows(rows []sanitize.SafeText) {
	for _, row := range rows {
		v.say("%s", row)
	}
}

// phrases returns the sentences as line mode has them.
func (v *textView) phrases() wording.Phrases {
	voter := func(w event.Voter) sanitize.SafeText { return v.roster.Label(roster.ID(w.Key, w.ID)) }
	return wording.Phrases{Name: voter, Most: 8, Dot: sanitize.Trusted("·"), Terse: true}
}

// label returns how a peer is shown.
func (v *textView) label(p event.Peer) sanitize.SafeText {
	return v.roster.Label(roster.ID(p.Key, p.ID))
}

func (v *textView) peer(ev event.PeerChanged, before event.State) {
	p := ev.Peer
	switch {
	case p.Present() && before == "":
		v.say("%s", wording.ArrivedLine(v.label(p), p))
	case p.State == event.Left && before != "":
		v.say("👋 %s", wording.Left(v.label(p)))
	case p.State == event.Lost && before != "":
		v.say("⚠️  %s", v.phrases().Lost(v.label(p)))
	case ev.Renamed != "":
		v.say("📛 %s", wording.Renamed(sanitize.Name(ev.Renamed), v.label(p)))
	}
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

// when returns a time of day, with the date unless it is today's.
func when(t, now time.Time) string {
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// signs stand before notices.
var signs = map[event.Level]string{event.Alarm: "🚨 ", event.Error: "❌ ", event.Warning: "⚠️  ", event.Info: "ℹ️  "}

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
	v.put(true, "⛔ Refused from %s: %s (%d)", sanitize.Line(r.From), sanitize.Line(r.Reason), r.Count)
}

func (v *textView) proposal(ev event.ProposalChanged) {
	p := ev.Proposal
	if ev.Was == "" && !ev.History {
		v.say("🔐 %s", v.phrases().Proposed(p))
		if len(p.LeftOut) > 0 {
			v.say("🔐 %s", v.phrases().LeavesOut(p))
		}
	}
	if outcome := v.phrases().Outcome(p); p.State != ev.Was && !outcome.IsEmpty() {
		v.say("🔐 %s", outcome)
	}
}

func (v *textView) answer(a command.Answer) {
	switch a := a.(type) {
	case command.List:
		v.rows(wording.PeerList(a.Peers, v.label))
	case command.Status:
		v.status(a.Status)
	case command.Proposals:
		rows := v.phrases().Proposals(a.Proposals)
		v.say("🗳️ %s", rows[0])
		v.rows(rows[1:])
		v.say("🔐 %s", v.phrases().Policy(a.Policy, true))
	case command.Info:
		v.out.add(false, strings.TrimRight(sanitize.Block(a.Text).String(), "\n")+"\n")
	}
}

func (v *textView) status(s event.Status) {
	var b strings.Builder
	row := func(format string, args ...any) { fmt.Fprintf(&b, "\n"+format, args...) }
	fmt.Fprintf(&b, "📊 Status: %s in room %s", sanitize.Name(s.Self.Name), sanitize.Line(s.Self.Room))
	row("Port %d, up %s", s.Self.Port, s.Up.Round(time.Second))
	row("Peers: %s", wording.LinkCounts(s))
	row("Room: %d records, %s", s.Records, wording.RoomSize(s.Size))
	for _, e := range s.Size.NotKept {
		v.roster.NoteVoters(e.Named()...)
		row("Not kept: %s", v.phrases().NotKept(e))
	}
	if len(s.Size.NotKept) > 0 {
		row("Why: %s", v.phrases().WhyFull(s.Size))
	}
	row("Network: %s", wording.Traffic(s))
	if !s.Discovery {
		row("Discovery: off")
	} else {
		for _, i := range s.Network.Interfaces {
			at := sanitize.Line(i.Name).String()
			if i.Addr.IsValid() {
				at += " " + i.Addr.String()
			}
			row("Discovery on %s: %s", at, sanitize.Line(wording.InterfaceSummary(i)))
		}
		if s.Network.Trouble != "" {
			row("In the way: %s", sanitize.Line(wording.WithHint(s.Network.Trouble, s.Network.Hint, "·")))
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Dropped)) {
		row("Dropped: %d × %s", s.Dropped[reason], sanitize.Line(reason))
	}
	v.say("%s", b.String())
}
