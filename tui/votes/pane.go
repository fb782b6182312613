// Package votes is the pane of votes, and what votes put elsewhere on the screen: the banner of
// the one that is being asked about, the preview before one is sent, the roll of one in full
// (VOTING.md, On screen).
//
// A Pane belongs to the program's Update and is not safe for concurrent use. It draws rows and
// answers what is selected; keys and the node are its owner's business.
package votes

import (
	"cmp"
	"slices"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/tui/wording"
)

// Config is what a Pane needs. All of it must be set.
type Config struct {
	Theme *theme.Theme
	// Label is what a voter is called on this screen.
	Label func(event.Voter) sanitize.SafeText
	Now   func() time.Time
}

// Pane is the list of votes.
type Pane struct {
	cfg      Config
	th       *theme.Theme
	w, h     int
	focus    bool
	list     []event.Proposal // as they are drawn
	selected string           // id; "" selects the first
	top      int              // first drawn
}

// New is the empty pane.
func New(cfg Config) *Pane { return &Pane{cfg: cfg, th: cfg.Theme} }

// SetSize sets the cells that the pane has, its title's row among them.
func (p *Pane) SetSize(w, h int) { p.w, p.h = w, h }

// SetTheme draws in another theme.
func (p *Pane) SetTheme(th *theme.Theme) { p.th = th }

// SetFocus marks the pane as the one that keys go to.
func (p *Pane) SetFocus(on bool) { p.focus = on }

// SetProposal adds a proposal or brings it up to date. The selection stays on the proposal it was on.
func (p *Pane) SetProposal(q event.Proposal) {
	if p.selected == "" && len(p.list) > 0 {
		p.selected = p.list[0].ID
	}
	if i := slices.IndexFunc(p.list, func(o event.Proposal) bool { return o.ID == q.ID }); i >= 0 {
		p.list[i] = q
	} else {
		p.list = append(p.list, q)
	}
	slices.SortFunc(p.list, func(a, b event.Proposal) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), b.Time.Compare(a.Time), cmp.Compare(a.ID, b.ID))
	})
}

// rank puts what wants an answer first, then what is still open, then what is decided.
func rank(p event.Proposal) int {
	switch {
	case p.CanVote:
		return 0
	case p.State == open || p.State == disputed:
		return 1
	}
	return 2
}

// The words of event.Proposal.State that this package tells apart.
const (
	open      = "open"
	passed    = "passed"
	disputed  = "disputed"
	rejected  = "rejected"
	expired   = "expired"
	cancelled = "cancelled"
)

// BannerProposal is the proposal that the banner asks about: the oldest one that wants an answer. One that is
// disputed is shown too, so that it is seen whom it leaves out; answering it takes a command.
func (p *Pane) BannerProposal() (event.Proposal, bool) {
	var found event.Proposal
	for _, q := range p.list {
		if q.CanVote && q.Closes.After(p.cfg.Now()) && (found.ID == "" || q.Time.Before(found.Time)) {
			found = q
		}
	}
	return found, found.ID != ""
}

// CountOpen is how many are open, and how many wait for one's own answer: some of those, and what has
// passed but lacks it to end what it names.
func (p *Pane) CountOpen() (open, unanswered int) {
	now := p.cfg.Now()
	for _, q := range p.list {
		if !q.Closes.After(now) {
			continue
		}
		if q.State == "open" {
			open++
		}
		if q.CanVote && q.State != disputed {
			unanswered++
		}
	}
	return open, unanswered
}

// Len is how many proposals are known.
func (p *Pane) Len() int { return len(p.list) }

// MoveSelection moves the selection down by n, or up.
func (p *Pane) MoveSelection(n int) {
	if len(p.list) == 0 {
		return
	}
	p.selected = p.list[min(max(p.at()+n, 0), len(p.list)-1)].ID
}

// Selected is the selected proposal.
func (p *Pane) Selected() (event.Proposal, bool) {
	if len(p.list) == 0 {
		return event.Proposal{}, false
	}
	return p.list[p.at()], true
}

// Proposal is the proposal of that id.
func (p *Pane) Proposal(id string) (event.Proposal, bool) {
	for _, q := range p.list {
		if q.ID == id {
			return q, true
		}
	}
	return event.Proposal{}, false
}

func (p *Pane) at() int {
	return max(slices.IndexFunc(p.list, func(q event.Proposal) bool { return q.ID == p.selected }), 0)
}

// Rows is the pane: exactly h rows, none wider than w.
func (p *Pane) Rows() []string {
	rows := make([]string, 0, p.h)
	if p.h > 0 {
		rows = append(rows, p.title())
	}
	left := p.h - len(rows)
	if len(p.list) == 0 {
		rows = append(rows, p.empty(left)...)
	} else if left > 0 {
		at := p.at()
		p.top = min(max(p.top, at-left+1), at)
		p.top = max(min(p.top, len(p.list)-left), 0)
		for i := p.top; i < len(p.list) && len(rows) < p.h; i++ {
			rows = append(rows, p.row(p.list[i], p.focus && i == at))
		}
	}
	for len(rows) < p.h {
		rows = append(rows, "")
	}
	return rows
}

func (p *Pane) title() string {
	r := p.th.Row(p.w)
	style := p.th.Strong
	if p.focus {
		style = p.th.Accent
		r.Put(style, p.th.Focus)
	} else {
		r.Space(p.th.Text, 1)
	}
	r.Put(style, sanitize.Trusted("Proposals"))
	if n, mine := p.CountOpen(); mine > 0 {
		r.Put(p.th.Accent, sanitize.Linef(" %d to answer", mine))
	} else if n > 0 {
		r.Put(p.th.Dim, sanitize.Linef(" %d open", n))
	}
	return r.String()
}

// empty says what would be there and the key that makes it so.
func (p *Pane) empty(rows int) []string {
	var out []string
	for _, s := range []sanitize.SafeText{
		sanitize.Trusted("None yet. F4 proposes:"),
		sanitize.Trusted("secure-only, or a topic."),
	} {
		if len(out) < rows {
			out = append(out, p.th.Row(p.w).Space(p.th.Text, 1).Put(p.th.Dim, s).String())
		}
	}
	return out
}

// row is `▸#6 topic       3/4  1:41`.
func (p *Pane) row(q event.Proposal, selected bool) string {
	r := p.th.Row(p.w)
	style := p.th.Text
	if selected {
		style = p.th.Selected
		r.Put(style, p.th.Selection)
	} else {
		r.Space(style, 1)
	}
	word, wordStyle := p.word(q)
	right := sanitize.Linef(" %s %d/%d", word, q.Yes, q.Of())
	if q.State == open {
		right = sanitize.Linef(" %d/%d %s", q.Yes, q.Need, wording.TimeLeft(q, p.cfg.Now()))
	}
	head := sanitize.Linef("%s ", q.Label)
	if 1+head.Width()+wording.Subject(q).Width()+right.Width() > p.w { // what it is about matters more than the count
		right = sanitize.Linef(" %s", word)
		if q.State == open {
			right = sanitize.Linef(" %d/%d", q.Yes, q.Need)
		}
	}
	w := right.Width()
	r.PutWithin(style, head, p.w-1-w)
	what := p.th.Text
	switch {
	case selected:
		what, wordStyle = style, style
	case q.CanVote && q.Closes.After(p.cfg.Now()):
		what = p.th.Accent
	}
	r.PutWithin(what, wording.Subject(q), p.w-w-r.Width())
	r.PadTo(style, p.w-w)
	r.Put(wordStyle, right)
	return r.String()
}

// word is the state in capitals, and how it looks.
func (p *Pane) word(q event.Proposal) (string, theme.Style) {
	switch q.State {
	case passed:
		return "PASSED", p.th.Good
	case rejected:
		return "REJECTED", p.th.Bad
	case expired:
		return "EXPIRED", p.th.Dim
	case cancelled:
		return "CANCELLED", p.th.Dim
	case disputed:
		return "DISPUTED", p.th.Warn
	case open:
		return "OPEN", p.th.Accent
	}
	return "ENDED", p.th.Dim
}
