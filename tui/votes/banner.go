package votes

import (
	"slices"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/tui/wording"
	"chat.lan/p2pchat/vote"
)

// UndoDelay is how long a ballot can be undone before it is signed. A signed ballot is final.
const UndoDelay = 5 * time.Second

// PendingBallot is a ballot that was chosen and isn't signed yet.
type PendingBallot struct {
	Proposal string      // its id; "" means that there is no pending ballot
	Choice   vote.Choice // Approve or Reject
	Until    time.Time   // when it is signed
}

// barCells is the width of the bar in the banner.
const barCells = 8

// BannerRows draws the banner: a row about the vote that wants an answer, or two where a row is too
// narrow, or none. Its keys are never cut: the rest gives way to them. While a ballot can be undone the
// banner is about that.
func (p *Pane) BannerRows(w int, held PendingBallot) []string {
	if q, ok := p.Proposal(held.Proposal); ok && held.Proposal != "" {
		return p.undoRows(w, q, held)
	}
	q, ok := p.BannerProposal()
	if !ok {
		return nil
	}
	about := sanitize.SafeText{}
	if m := q.Missing(); len(m) > 0 {
		about = sanitize.Linef("%s missing ", p.joinNames(m, 4))
	}
	if e, lacking := q.Lacks(); lacking && q.State == vote.StatusPassed {
		about = sanitize.Linef("%s ends with %d more of %s ", e.Label, e.Need-e.Have, p.joinNames(missingFrom(e, q), 4))
	}
	keys := sanitize.Trusted(" F1 yes F2 no F3 who ")
	if q.State == vote.StatusDisputed {
		keys = sanitize.Trusted(" F3 who ")
		about = sanitize.Linef("disputed: leaves out %s %s /accept %s ", p.joinNames(q.LeftOut, 3), p.th.Dot, q.Label)
	}
	name := sanitize.Linef("%s %s ", q.Label, wording.Title(q))
	short := sanitize.Concat(sanitize.Trusted("VOTE "), name)
	head := sanitize.Concat(short, sanitize.Linef("by %s ", p.cfg.Label(q.By)))
	count := sanitize.Linef(" %d yes %d no %s need %d of %d ", q.Yes, q.No, p.th.Dot, q.Need, q.Of())
	clock := sanitize.Linef(" %s ", wording.TimeLeft(q, p.cfg.Now()))
	s := p.th.Banner
	bar := func(r *theme.Row) {
		full := min(q.Yes*barCells/max(q.Need, 1), barCells)
		if r.Left() > barCells {
			r.Put(s, p.th.Progress(full, barCells))
		}
	}
	missing := sanitize.SafeText{}
	if !about.IsEmpty() {
		missing = sanitize.Linef("%s %s", p.th.Dot, about)
	}
	if 1+head.Width()+barCells+count.Width()+missing.Width()+clock.Width()+keys.Width() <= w {
		r := p.beginBanner(w).Put(s, head)
		bar(r)
		r.Put(s, count).Put(s, missing).PadTo(s, w-clock.Width()-keys.Width())
		return []string{r.Put(s, clock).Put(p.th.BannerKey, keys).String()}
	}
	first, second := p.beginBanner(w), p.beginBanner(w)
	if w >= 60 {
		room := w - 1 - barCells - count.Width()
		for _, shorter := range []sanitize.SafeText{short, name} { // F3 names the proposer
			if head.Width() > room {
				head = shorter
			}
		}
		first.PutWithin(s, head, room-1)
		first.PadTo(s, min(1+head.Width(), 1+room))
		bar(first)
		first.Put(s, count).PadTo(s, w)
		second.PutWithin(s, about, w-2-clock.Width()-keys.Width())
		second.PadTo(s, w-clock.Width()-keys.Width())
		second.Put(s, clock)
	} else {
		tally := sanitize.Linef(" %d/%d %s", q.Yes, q.Need, wording.TimeLeft(q, p.cfg.Now()))
		first.PutWithin(s, sanitize.Linef("%s %s", q.Label, wording.Title(q)), w-1-tally.Width())
		first.PadTo(s, w-tally.Width()).Put(s, tally)
		if q.State != vote.StatusDisputed { // else the row says why
			about = sanitize.Linef("by %s ", p.cfg.Label(q.By))
		}
		second.PutWithin(s, about, w-1-keys.Width())
		second.PadTo(s, w-keys.Width())
	}
	second.Put(p.th.BannerKey, keys)
	return []string{first.String(), second.String()}
}

// missingFrom returns the voters whose approval counts for an ending and is missing.
func missingFrom(e event.Ending, q event.Proposal) []event.Voter {
	return slices.DeleteFunc(q.Missing(), func(v event.Voter) bool {
		return !slices.ContainsFunc(e.Whose, func(w event.Voter) bool { return w.Key == v.Key })
	})
}

// undoRows draws the banner while a ballot can be undone. The choice and the time left are more
// important than the vote's subject, which is cut first.
func (p *Pane) undoRows(w int, q event.Proposal, held PendingBallot) []string {
	seconds := int(max(held.Until.Sub(p.cfg.Now()), 0).Round(time.Second).Seconds())
	keys := sanitize.Trusted(" Esc takes it back ")
	r := p.beginBanner(w)
	room := w - 1 - keys.Width()
	yours := sanitize.Linef("your %s is signed in %d s", wording.Choice(held.Choice), seconds)
	if sanitize.Linef("%s: %s", q.Label, yours).Width() > room {
		yours = sanitize.Linef("%s in %d s", wording.Choice(held.Choice), seconds)
	}
	about := sanitize.Linef("%s %s", q.Label, wording.Title(q))
	if rest := room - yours.Width() - 2; about.Width() > rest {
		if about = sanitize.Line(q.Label); rest > about.Width()+12 {
			about = sanitize.Concat(about, sanitize.Trusted(" "), wording.Title(q).Cut(rest-about.Width()-1, p.th.Ellipsis))
		}
	}
	r.PutWithin(p.th.Banner, sanitize.Concat(about, sanitize.Trusted(": "), yours), room)
	r.PadTo(p.th.Banner, w-keys.Width())
	return []string{r.Put(p.th.BannerKey, keys).String()}
}

// beginBanner begins a row of the banner with its mark.
func (p *Pane) beginBanner(w int) *theme.Row {
	return p.th.Row(w).Put(p.th.BannerKey, p.th.Focus)
}
