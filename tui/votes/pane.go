// Package votes is the pane that lists votes. It also draws what votes need elsewhere:
// the banner that asks for an answer, a vote in full, and the preview of a new vote.
//
// The banner asks about the oldest vote without the local peer's answer. It takes a row, or two where
// the screen is narrow, and its keys are never cut. A ballot is final once it is signed, so it is held
// for UndoDelay first. The banner then counts down, and says how to undo the ballot.
//
// Bubbles' progress draws the banner's bar, through theme.Progress. Its share is rounded down here, so
// that the bar is full only once the vote has passed. Bubbles' list and table don't serve: they select
// by index, and here the selection stays with its vote when the order changes.
//
// A Pane belongs to the program's Update and is not safe for concurrent use. It draws rows and holds
// the selection; its owner handles keys and talks to the node.
package votes

import (
	"cmp"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/tui/wording"
	"chat.lan/p2pchat/vote"
)

// Config holds what a Pane needs. All of it must be set.
type Config struct {
	Theme *theme.Theme
	// Label returns the name under which a voter is shown.
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
	asked    map[string]bool  // ids of the votes that the user is asked about
	selected string           // id; "" selects the first
	top      int              // first drawn
}

// New returns a pane without votes.
func New(cfg Config) *Pane { return &Pane{cfg: cfg, th: cfg.Theme} }

// SetSize sets the pane's width in cells and its height in rows, its title included.
func (p *Pane) SetSize(w, h int) { p.w, p.h = w, h }

// SetTheme changes how the pane looks.
func (p *Pane) SetTheme(th *theme.Theme) { p.th = th }

// SetFocus sets whether keys go to the pane.
func (p *Pane) SetFocus(on bool) { p.focus = on }

// SetProposal adds a proposal, or brings it up to date. The selection stays with its proposal.
func (p *Pane) SetProposal(q event.Proposal) {
	if p.selected == "" && len(p.list) > 0 {
		p.selected = p.list[0].ID
	}
	if i := p.index(q.ID); i >= 0 {
		p.list[i] = q
	} else {
		p.list = append(p.list, q)
	}
	p.asked = chooseAsked(p.list, p.cfg.Now())
	slices.SortFunc(p.list, func(a, b event.Proposal) int {
		return cmp.Or(cmp.Compare(p.rank(a), p.rank(b)), b.Time.Compare(a.Time), cmp.Compare(a.ID, b.ID))
	})
}

// rank sorts proposals: those that want an answer, those still open, those that are over.
func (p *Pane) rank(q event.Proposal) int {
	switch {
	case p.Asks(q.ID):
		return 0
	case q.State == vote.StatusOpen || q.State == vote.StatusDisputed:
		return 1
	}
	return 2
}

// chooseAsked returns the ids of the votes that the user is asked about at now, at most
// vote.MaxPrompts. Each author's oldest comes before any author's second, so that no author can fill
// the list alone.
func chooseAsked(list []event.Proposal, now time.Time) map[string]bool {
	waiting := slices.DeleteFunc(slices.Clone(list), func(q event.Proposal) bool {
		return !q.CanVote || !q.Closes.After(now)
	})
	slices.SortFunc(waiting, func(a, b event.Proposal) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.ID, b.ID))
	})
	turn := make(map[string]int, len(waiting)) // by id: how many of the same author are older
	count := map[identity.Key]int{}
	for _, q := range waiting {
		turn[q.ID] = count[q.By.Key]
		count[q.By.Key]++
	}
	slices.SortStableFunc(waiting, func(a, b event.Proposal) int { return cmp.Compare(turn[a.ID], turn[b.ID]) })
	asked := map[string]bool{}
	for _, q := range waiting[:min(len(waiting), vote.MaxPrompts)] {
		asked[q.ID] = true
	}
	return asked
}

// Asks reports whether the user is asked about the vote. The keys and commands of every other vote
// that the user may vote on work all the same.
func (p *Pane) Asks(id string) bool { return p.asked[id] }

// BannerProposal returns the proposal that the banner asks about: the oldest that wants an answer, and
// false if none does. Disputed proposals count too, so that the reader sees the
// voters they leave out. Answering those takes a command.
func (p *Pane) BannerProposal() (event.Proposal, bool) {
	var found event.Proposal
	for _, q := range p.list {
		if p.Asks(q.ID) && q.Closes.After(p.cfg.Now()) && (found.ID == "" || q.Time.Before(found.Time)) {
			found = q
		}
	}
	return found, found.ID != ""
}

// CountOpen counts the proposals that are open, and those that want the local peer's answer. The latter
// include a proposal that has passed, but needs more approvals to end the votes it names.
func (p *Pane) CountOpen() (undecided, unanswered int) {
	now := p.cfg.Now()
	for _, q := range p.list {
		if !q.Closes.After(now) {
			continue
		}
		if q.State == vote.StatusOpen {
			undecided++
		}
		if p.Asks(q.ID) && q.State != vote.StatusDisputed {
			unanswered++
		}
	}
	return undecided, unanswered
}

// Len returns how many proposals are known.
func (p *Pane) Len() int { return len(p.list) }

// MoveSelection moves the selection by n proposals, down if n is above zero.
func (p *Pane) MoveSelection(n int) {
	if len(p.list) == 0 {
		return
	}
	p.selected = p.list[min(max(p.selectedIndex()+n, 0), len(p.list)-1)].ID
}

// Selected returns the selected proposal, and false if there is none.
func (p *Pane) Selected() (event.Proposal, bool) {
	if len(p.list) == 0 {
		return event.Proposal{}, false
	}
	return p.list[p.selectedIndex()], true
}

// Proposal returns the proposal with that id, and false if it is unknown.
func (p *Pane) Proposal(id string) (event.Proposal, bool) {
	if i := p.index(id); i >= 0 {
		return p.list[i], true
	}
	return event.Proposal{}, false
}

// index returns the index of the proposal with that id, -1 if it is unknown.
func (p *Pane) index(id string) int {
	return slices.IndexFunc(p.list, func(q event.Proposal) bool { return q.ID == id })
}

// selectedIndex returns the index of the selected proposal, 0 if none was selected.
func (p *Pane) selectedIndex() int { return max(p.index(p.selected), 0) }

// Rows draws the pane: exactly as many rows as it is high, none wider than it is wide.
func (p *Pane) Rows() []string {
	rows := append(make([]string, 0, p.h), p.titleRow())
	if len(p.list) == 0 {
		for _, hint := range [...]sanitize.SafeText{sanitize.Trusted("None yet. F4 proposes:"), sanitize.Trusted("secure-only, or a topic.")} {
			rows = append(rows, p.th.Row(p.w).Space(p.th.Text, 1).Put(p.th.Dim, hint).String())
		}
	} else if left := p.h - 1; left > 0 {
		at := p.selectedIndex()
		p.top = min(max(p.top, at-left+1), at)
		p.top = max(min(p.top, len(p.list)-left), 0)
		for i := p.top; i < len(p.list) && len(rows) < p.h; i++ {
			rows = append(rows, p.proposalRow(p.list[i], p.focus && i == at))
		}
	}
	for len(rows) < p.h {
		rows = append(rows, "")
	}
	return rows[:p.h]
}

func (p *Pane) titleRow() string {
	r := p.th.PaneTitle(p.w, p.focus, sanitize.Trusted("Proposals"))
	if n, mine := p.CountOpen(); mine > 0 {
		r.Put(p.th.Accent, sanitize.Linef(" %d to answer", mine))
	} else if n > 0 {
		r.Put(p.th.Dim, sanitize.Linef(" %d open", n))
	}
	return r.String()
}

// proposalRow draws `▸#6 topic       3/4  1:41`.
func (p *Pane) proposalRow(q event.Proposal, selected bool) string {
	r := p.th.Row(p.w)
	style := p.th.Text
	if selected {
		style = p.th.Selected
		r.Put(style, p.th.Selection)
	} else {
		r.Space(style, 1)
	}
	word, wordStyle := p.stateWord(q)
	right := sanitize.Linef(" %s %d/%d", word, q.Yes, q.Of())
	if q.State == vote.StatusOpen {
		right = sanitize.Linef(" %d/%d %s", q.Yes, q.Need, wording.TimeLeft(q, p.cfg.Now()))
	}
	head := sanitize.Linef("%s ", q.Label)
	if 1+head.Width()+wording.Subject(q).Width()+right.Width() > p.w { // the subject matters more than the count
		right = sanitize.Linef(" %s", word)
		if q.State == vote.StatusOpen {
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

// stateWord returns a proposal's state in capitals, and its colour.
func (p *Pane) stateWord(q event.Proposal) (string, theme.Style) {
	switch q.State {
	case vote.StatusPassed:
		return "PASSED", p.th.Good
	case vote.StatusRejected:
		return "REJECTED", p.th.Bad
	case vote.StatusExpired:
		return "EXPIRED", p.th.Dim
	case vote.StatusCancelled:
		return "CANCELLED", p.th.Dim
	case vote.StatusDisputed:
		return "DISPUTED", p.th.Warn
	case vote.StatusOpen:
		return "OPEN", p.th.Accent
	}
	return "ENDED", p.th.Dim
}
