package votes

import (
	"fmt"
	"slices"
	"strings"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/tui/wording"
	"chat.lan/p2pchat/vote"
)

// page collects the rows of a text, wrapped.
type page struct {
	th   *theme.Theme
	w    int
	rows []string
}

func (g *page) add(s theme.Style, text sanitize.SafeText) {
	g.rows = append(g.rows, g.th.Row(g.w).Wrap(1, max(g.w-2, 2), s, text)...)
}

// field adds `label   text`, the text with a hanging indent.
func (g *page) field(label string, s theme.Style, text sanitize.SafeText) {
	const indent = 11
	if g.w < 30 {
		g.add(g.th.Dim, sanitize.Line(label))
		g.add(s, text)
		return
	}
	r := g.th.Row(g.w).Space(g.th.Text, 1).Put(g.th.Dim, sanitize.Line(label))
	g.rows = append(g.rows, r.Wrap(indent, max(g.w-indent-2, 2), s, text)...)
}

func (g *page) space() { g.rows = append(g.rows, "") }

// DetailRows draws a proposal in full: its subject, its voters and their votes, the keys that work.
// There are as many rows as it takes, none wider than w: the caller scrolls them.
func (p *Pane) DetailRows(q event.Proposal, w int) []string {
	g := &page{th: p.th, w: w}
	word, style := p.stateWord(q)
	g.add(p.th.Strong, sanitize.Linef("%s %s", q.Label, wording.Title(q)))
	g.field("state", style, sanitize.Linef("%s  %d yes %d no, need %d of %d", word, q.Yes, q.No, q.Need, q.Of()))
	g.field("by", p.th.Text, sanitize.Linef("%s, %s", p.cfg.Label(q.By), q.Time.Format("2 January 15:04")))
	if q.Note != "" {
		g.field("note", p.th.Text, sanitize.Line(q.Note))
	}
	g.field("effect", p.th.Text, wording.IfPassed(q))
	switch {
	case q.State == vote.StatusOpen:
		g.field("closes", p.th.Text, sanitize.Linef("in %s", strings.TrimLeft(wording.TimeLeft(q, p.cfg.Now()), " ")))
	case q.State == vote.StatusExpired:
		g.field("closed", p.th.Dim, sanitize.Trusted("undecided: propose it again"))
	}
	for _, e := range q.Ends {
		g.field("ends "+e.Label, p.th.Text, sanitize.Linef("%d of %d approvals by those who switched it on (%s)", e.Have, e.Need, p.joinNames(e.Whose, 8)))
	}
	if len(q.LeftOut) > 0 {
		g.field("disputed", p.th.Warn, sanitize.Linef("its roll leaves out %s: it does not count here until /accept %s", p.joinNames(q.LeftOut, 8), q.Label))
	}
	g.space()
	g.add(p.th.Dim, sanitize.Trusted("Voters: everyone connected when it was proposed"))
	for _, v := range q.Roll {
		mark, style := p.choiceMark(v.Choice)
		r := p.th.Row(w).Space(p.th.Text, 1).Put(style, mark).Space(p.th.Text, 1)
		r.PutWithin(p.th.KeyStyle(v.Key), p.cfg.Label(v), max(w-18, 8)).Space(p.th.Text, 1)
		r.PadTo(p.th.Text, min(24, w-14))
		g.rows = append(g.rows, r.Put(style, wording.Choice(v.Choice)).String())
	}
	g.space()
	g.add(p.th.Dim, p.keyHints(q))
	return g.rows
}

// keyHints names the keys and commands that work on a proposal with the focus where it is.
func (p *Pane) keyHints(q event.Proposal) sanitize.SafeText {
	asked, _ := p.BannerProposal()
	sealed := q.State == vote.StatusPassed || q.State == vote.StatusEnded
	switch {
	case q.CanVote && q.State == vote.StatusDisputed:
		return sanitize.Linef("/accept %s follows it, /vote %s yes votes on it  Esc closes", q.Label, q.Label)
	case q.CanVote && p.focus:
		return sanitize.Trusted("a approves  r rejects  Esc closes")
	case q.CanVote && asked.ID == q.ID:
		return sanitize.Trusted("F1 yes  F2 no  Esc closes")
	case q.CanVote:
		return sanitize.Linef("/vote %s yes  /vote %s no  Esc closes", q.Label, q.Label)
	case sealed && p.focus:
		return sanitize.Trusted("c shows the certificate  e saves it  Esc closes")
	case sealed:
		return sanitize.Linef("/proof %s FILE saves the certificate  Esc closes", q.Label)
	}
	return sanitize.Trusted("Esc closes")
}

// choiceMark returns the mark of a ballot, and its colour.
func (p *Pane) choiceMark(c vote.Choice) (sanitize.SafeText, theme.Style) {
	switch c {
	case vote.Approve:
		return p.th.Signed, p.th.Good
	case vote.Reject:
		return p.th.Refused, p.th.Warn
	case vote.Both:
		return p.th.Unsigned, p.th.Bad
	}
	return p.th.Lost, p.th.Dim
}

// findSame finds an open proposal that asks the same as a draft.
func (p *Pane) findSame(draft event.Proposal) (event.Proposal, bool) {
	at := slices.IndexFunc(p.list, func(q event.Proposal) bool {
		return q.State == vote.StatusOpen && q.Closes.After(p.cfg.Now()) && q.Slot == draft.Slot && q.Action == draft.Action
	})
	if at < 0 {
		return event.Proposal{}, false
	}
	return p.list[at], true
}

// PreviewRows draws a proposal before it is sent: its effect, its voters, the approvals it needs, its
// closing time, and how many peers it silences. For secure-only off it names the voters whose approval
// is needed.
func (p *Pane) PreviewRows(q event.Proposal, w int) []string {
	g := &page{th: p.th, w: w}
	g.add(p.th.Strong, sanitize.Linef("Propose %s?", wording.Title(q)))
	g.add(p.th.Accent, sanitize.Trusted("Enter sends it, Esc doesn't"))
	if o, ok := p.findSame(q); ok {
		g.field("but", p.th.Warn, sanitize.Linef("%s by %s asks the same and is open", o.Label, p.cfg.Label(o.By)))
	}
	g.field("effect", p.th.Text, wording.IfPassed(q))
	g.field("roll", p.th.Text, sanitize.Linef("%d voters: %s", q.Of(), p.joinNames(q.Roll, 40)))
	need := fmt.Sprintf("%d of %d approvals, yours goes with it", q.Need, q.Of())
	if q.Need == 1 {
		need = "your own approval: it passes at once"
	}
	g.field("needs", p.th.Text, sanitize.Line(need))
	for _, e := range q.Ends {
		g.field("and", p.th.Text, sanitize.Linef("%d of those who switched on %s: %s", e.Need, e.Label, p.joinNames(e.Whose, 8)))
		if len(e.Whose) < e.Need {
			g.field("", p.th.Warn, sanitize.Linef("too few of them are here: it can't end %s now", e.Label))
		}
	}
	g.field("closes", p.th.Text, sanitize.Linef("%s after it is sent", strings.TrimLeft(wording.TimeLeft(q, q.Time), " ")))
	if q.Silenced > 0 {
		g.field("silenced", p.th.Warn, sanitize.Linef("%d plain peers will not be heard", q.Silenced))
	}
	return g.rows
}

// joinNames joins the names of voters, at most most of them, then `+3`.
func (p *Pane) joinNames(vs []event.Voter, most int) sanitize.SafeText {
	var out []string
	for i, v := range vs {
		if i == most {
			out = append(out, fmt.Sprintf("+%d", len(vs)-most))
			break
		}
		out = append(out, p.cfg.Label(v).String())
	}
	return sanitize.Line(strings.Join(out, ", "))
}
