package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/clean"
	"chat.lan/p2pchat/tui/command"
)

const (
	historyPage = 200             // lines that are fetched at a time
	searchMost  = 200             // lines that a search of what is on disk shows
	searchTime  = 5 * time.Second // for it
)

// history is how much of what is remembered was fetched.
type history struct {
	oldest event.Place // of what was fetched; zero: nothing yet
	asking bool
	done   bool // there is no more, or it can't be read
}

// pastLines is a page of what is remembered.
type pastLines struct {
	lines []event.Line
	err   error
}

// foundLines is what a search of what is remembered found.
type foundLines struct {
	query string
	lines []event.Line
	err   error
}

// Answer is "": these are for the screen alone.
func (pastLines) Answer() string  { return "" }
func (foundLines) Answer() string { return "" }

// wantHistory fetches the next page when the reader comes near the top of what is loaded.
func (m *model) wantHistory() {
	h := &m.history
	if h.asking || h.done || m.ready.IsZero() || !m.messages.WantsOlder() {
		return
	}
	h.asking = true
	before := h.oldest
	m.order(func(ctx context.Context) {
		lines, err := m.deps.node.History(ctx, before, historyPage)
		m.deps.answer(pastLines{lines, err})
	})
}

// remembered puts a page above what is loaded.
func (m *model) remembered(p pastLines) {
	h := &m.history
	h.asking = false
	switch {
	case p.err != nil:
		h.done = true
		m.fail("what was said before can't be read: "+p.err.Error(), "/status says more")
	case len(p.lines) == 0:
		h.done = true
		m.messages.Older(nil)
	default:
		h.oldest = p.lines[0].Place
		for _, l := range p.lines {
			m.know(l)
		}
		m.messages.Older(p.lines)
		m.noted = true
	}
}

// know notes what the author of a line is called who isn't here.
func (m *model) know(l event.Line) {
	if peer, known := m.peers.Peer(l.FromID); !l.Own && (!known || !present(peer)) {
		id := command.BookID(l.From, l.FromID)
		m.book.Set(id, l.FromName)
		m.book.Remove(id)
	}
}

// searchOlder looks for what is searched in what is remembered and not loaded.
func (m *model) searchOlder() {
	if m.history.done || strings.TrimSpace(m.search.query) == "" {
		return
	}
	query, before := m.search.query, m.history.oldest
	m.status.tell(m.cfg.Now(), clean.Trusted("Searching what was said before"))
	m.order(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, searchTime)
		defer cancel()
		lines, err := m.deps.node.Search(ctx, query, before, searchMost)
		m.deps.answer(foundLines{query, lines, err})
	})
}

// foundOlder shows what was found, the latest last, as in the room.
func (m *model) foundOlder(f foundLines) {
	if len(f.lines) == 0 {
		m.status.tell(m.cfg.Now(), clean.Linef("Nothing before has %q", f.query))
		return
	}
	var rows []string
	for _, l := range f.lines {
		m.know(l)
		rows = append(rows, fmt.Sprintf("%s %s  %s", l.Time.In(m.cfg.Zone).Format("2 Jan 15:04"),
			m.book.Label(command.BookID(l.From, l.FromID)), clean.Line(l.Text)))
	}
	title := clean.Linef("%d lines before with %q", len(f.lines), f.query)
	if len(f.lines) == searchMost || f.err != nil {
		title = clean.Linef("The last %d lines before with %q", len(f.lines), f.query)
	}
	m.search = search{}
	m.messages.StopFind()
	m.showText(sheetAnswer, title, clean.Block(strings.Join(rows, "\n")))
	m.sheet.top = len(rows) // the latest
}

// saved notes how keeping the room goes, and says what changed.
func (m *model) saved(s event.Saving) {
	before := m.saving
	m.saving = s
	switch {
	case s.NotSaved != "" && before.NotSaved == "":
		m.note(event.Warning, clean.Linef("Not saved: %s %s the chat goes on, and is saved when there is room", s.NotSaved, m.th.Dot))
	case s.NotSaved == "" && before.NotSaved != "" && s.Dropped > before.Dropped:
		m.note(event.Warning, clean.Linef("Saved again, but for %d records that are asked of the others", s.Dropped-before.Dropped))
	case s.NotSaved == "" && before.NotSaved != "":
		m.note(event.Info, clean.Trusted("Saved again"))
	}
	if s.Aside != "" && s.Aside != before.Aside {
		m.note(event.Error, clean.Linef("What was kept of this room was damaged: %d records were saved from it, the rest is asked of the others; the file is %s", s.Recovered, s.Aside))
	}
	if s.Unreadable > before.Unreadable {
		m.note(event.Warning, clean.Linef("%d records on disk were damaged and are asked of the others", s.Unreadable-before.Unreadable))
	}
}

// catching is how far catching up is: a bar, and how many lines are to come.
func (m *model) catching() clean.SafeText {
	const cells = 10
	done := 0
	if m.behind > 0 {
		done = cells * (m.behind - m.sync.Missing) / m.behind
	}
	t := m.th
	bar := make([]clean.SafeText, cells)
	for i := range bar {
		bar[i] = t.Empty
		if i < done {
			bar[i] = t.Full
		}
	}
	return clean.Linef("Catching up %s %d lines to come", clean.Concat(bar...), m.sync.Missing)
}
