package tui

import (
	"context"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

const (
	historyPage = 200   // lines that are fetched at a time
	climbPage   = 5_000 // on the way to the first line
)

// history is how much of what is remembered was fetched.
type history struct {
	oldest event.Place // of what was fetched; zero: nothing yet
	asking bool
	toTop  bool // on the way to the first line
	done   bool // there is no more, or it can't be read
}

// historyPageLoaded is a page of what is remembered.
type historyPageLoaded struct {
	lines []event.Line
	err   error
}

// Answer is "": this is for the screen alone.
func (historyPageLoaded) Answer() string { return "" }

// requestBackfill fetches the next page when the reader comes near the top of what is loaded.
func (m *model) requestBackfill() {
	h := &m.history
	if h.asking || h.done || m.ready.IsZero() || !m.messages.WantsOlder() {
		return
	}
	h.asking = true
	before, page := h.oldest, historyPage
	if h.toTop {
		page = climbPage
	}
	m.deps.queueRead(func(ctx context.Context) {
		lines, err := m.deps.node.History(ctx, before, page)
		m.deps.post(historyPageLoaded{lines, err})
	})
}

// remembered puts a page above what is loaded.
func (m *model) addHistory(p historyPageLoaded) {
	h := &m.history
	h.asking = false
	switch {
	case p.err != nil:
		h.done = true
		m.fail(wording.HistoryUnreadable(p.err), "/status says more")
	case len(p.lines) == 0:
		h.done = true
		m.messages.AddOlder(nil)
	default:
		h.oldest = p.lines[0].Place
		for _, l := range p.lines {
			m.roster.NoteAuthor(l)
		}
		m.messages.AddOlder(p.lines)
		m.noted = true
	}
	switch {
	case !h.toTop:
	case p.err != nil:
		h.toTop = false // and why stays in the status line
	default:
		m.status.clear()
		m.climb()
	}
	if m.search.waiting {
		m.search.waiting = false
		m.searchNext(-1)
	}
}

// toTop goes to the first line that there is, or that there is room for. It takes a moment where much is
// remembered; another key stays where that came to.
func (m *model) toTop() {
	m.history.toTop = true
	m.climb()
}

func (m *model) climb() {
	h := &m.history
	m.messages.ScrollToStart()
	h.toTop = !h.done && m.messages.OlderCapacity() > 0
	switch {
	case h.toTop:
		m.status.tell(m.cfg.Now(), sanitize.Trusted("Loading earlier messages"))
	case !h.done:
		m.status.tell(m.cfg.Now(), sanitize.Trusted("Older messages: Ctrl+F searches them, p2pchat export has them all"))
	}
}

// saved notes how keeping the room goes, and says what changed.
func (m *model) saved(s event.Saving) {
	for _, n := range m.phrases().Saving(m.saving, s) {
		m.note(n.Level, n.Text)
	}
	m.saving = s
}

// catching is how far catching up is: a bar, and how many lines are to come.
func (m *model) catching() sanitize.SafeText {
	const cells = 10
	done := 0
	if m.behind > 0 {
		done = cells * (m.behind - m.sync.Missing) / m.behind
	}
	t := m.th
	bar := make([]sanitize.SafeText, cells)
	for i := range bar {
		bar[i] = t.Empty
		if i < done {
			bar[i] = t.Full
		}
	}
	return sanitize.Linef("Catching up %s %d lines to come", sanitize.Concat(bar...), m.sync.Missing)
}
