package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
)

const (
	searchMost  = 200              // lines that a list of what was found on disk shows
	searchTime  = 10 * time.Second // for it: a million lines take half of that
	searchReach = 10_000           // lines that are loaded to show a match in its place
)

// diskMatches is what a search of what is remembered found, the latest last.
type diskMatches struct {
	query string
	lines []event.Line
	page  []event.Line // from the latest down to what is loaded; none if that is too far
	err   error
}

// Answer is "": this is for the screen alone.
func (diskMatches) Answer() string { return "" }

// searchDisk looks for what is searched in what is remembered and not loaded.
func (m *model) searchDisk() {
	if m.history.asking { // what is on its way may have it
		m.search.waiting = true
		return
	}
	m.history.asking = true
	query, before, reach := m.search.query, m.history.oldest, min(searchReach, m.messages.OlderCapacity())
	m.status.tell(m.cfg.Now(), sanitize.Trusted("Searching saved history"))
	abandoned, abandon := context.WithCancel(context.Background())
	m.search.abandon = abandon
	m.deps.queueRead(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, searchTime)
		defer cancel()
		defer context.AfterFunc(abandoned, cancel)()
		node := m.deps.node
		lines, err := node.Search(ctx, query, before, 1)
		var page []event.Line
		if len(lines) > 0 {
			if page = m.deps.downFrom(ctx, lines[0].Place, before, reach); page == nil {
				lines, err = node.Search(ctx, query, before, searchMost)
			}
		}
		m.deps.post(diskMatches{query, lines, page, err})
	})
}

// downFrom fetches the lines from a little above one place to another, or none if they are more than
// most or can't be read. It waits for the disk.
func (d deps) downFrom(ctx context.Context, from, to event.Place, most int) []event.Line {
	if most <= 0 {
		return nil
	}
	lines, err := d.node.History(ctx, to, most)
	at := slices.IndexFunc(lines, func(l event.Line) bool { return l.Place == from })
	if err != nil || at < 0 {
		return nil
	}
	return lines[max(at-historyPage, 0):]
}

// showDiskMatches goes to the latest line that was found, or lists what is too far up to be loaded.
func (m *model) showDiskMatches(f diskMatches) {
	m.history.asking = false
	switch {
	case m.search.query != f.query || errors.Is(f.err, context.Canceled): // of another search
	case len(f.lines) == 0 && f.err != nil:
		m.fail("what was said before could not be searched whole: "+f.err.Error(), "Enter tries again")
	case len(f.lines) == 0:
		m.search.noOlder = true
		m.status.tell(m.cfg.Now(), sanitize.Linef("Nothing before has %q", f.query))
	case len(f.page) > 0:
		m.addHistory(historyPageLoaded{lines: f.page})
		m.status.clear()
		m.messages.NextHit(-1)
	default:
		m.listDiskMatches(f)
	}
}

// listDiskMatches shows what was found as a list, the latest last, as in the room.
func (m *model) listDiskMatches(f diskMatches) {
	var rows []string
	for _, l := range f.lines {
		m.roster.NoteAuthor(l)
		rows = append(rows, fmt.Sprintf("%s %s  %s", l.Time.In(m.cfg.Zone).Format("2 Jan 15:04"),
			m.roster.Label(roster.ID(l.From, l.FromID)), sanitize.Line(l.Text)))
	}
	title := sanitize.Linef("Before, with %q: %d", f.query, len(f.lines))
	if len(f.lines) == searchMost || f.err != nil {
		title = sanitize.Linef("Before, with %q: the last %d", f.query, len(f.lines))
	}
	m.setSearch(search{})
	m.messages.EndSearch()
	m.showText(overlayAnswer, title, sanitize.Block(strings.Join(rows, "\n")))
	m.overlay.top = len(rows) // the latest
}
