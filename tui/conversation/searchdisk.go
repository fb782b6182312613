package conversation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
)

const (
	maxMatches    = 200              // messages in a list of matches
	searchTimeout = 10 * time.Second // a million messages take half of that
	searchReach   = 10_000           // messages that are loaded to show a match in its place
)

// matches holds the matches that a search of the disk found, the latest last.
type matches struct {
	query string
	lines []event.Line
	page  []event.Line // from the latest match to the messages that are loaded; empty if they are too many
	err   error
}

// searchDisk searches the messages that are on disk and not loaded.
func (s *Search) searchDisk() {
	b := &s.c.backfill
	if b.loading { // that page may have a match
		s.resumed = true
		return
	}
	b.loading = true
	query, before := s.input.Value(), b.oldest
	reach := min(searchReach, s.c.Messages.OlderCapacity())
	s.c.cfg.Screen.Inform(sanitize.Trusted("Searching saved history"))
	cancelled, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.c.cfg.Screen.QueueRead(func(ctx context.Context) func() {
		ctx, stop := context.WithTimeout(ctx, searchTimeout)
		defer stop()
		defer context.AfterFunc(cancelled, stop)()
		m := findOnDisk(ctx, s.c.cfg.Node, query, before, reach)
		return func() { s.c.showMatches(m) }
	})
}

// findOnDisk looks for the latest match before a place, and for all messages in between. Where those
// are more than reach, it looks for the latest matches instead. It waits for the disk.
func findOnDisk(ctx context.Context, node command.LocalPeer, query string, before event.Place, reach int) matches {
	m := matches{query: query}
	if m.lines, m.err = node.Search(ctx, query, before, 1); len(m.lines) == 0 {
		return m
	}
	if reach > 0 {
		lines, err := node.History(ctx, before, reach)
		at := slices.IndexFunc(lines, func(l event.Line) bool { return l.Place == m.lines[0].Place })
		if err == nil && at >= 0 {
			m.page = lines[max(at-backfillPage, 0):]
			return m
		}
	}
	m.lines, m.err = node.Search(ctx, query, before, maxMatches)
	return m
}

// showMatches goes to the latest match, or lists the matches where they are too many messages away.
func (c *Conversation) showMatches(m matches) {
	c.backfill.loading = false
	s := c.Search
	switch {
	case s.input.Value() != m.query || errors.Is(m.err, context.Canceled): // the query has changed
	case len(m.lines) == 0 && m.err != nil:
		c.cfg.Screen.Fail("the saved history couldn't be searched completely: "+m.err.Error(), "Enter tries again")
	case len(m.lines) == 0:
		s.noOlder = true
		c.cfg.Screen.Inform(sanitize.Linef("Nothing before has %q", m.query))
	case len(m.page) > 0:
		c.addPage(m.page, nil)
		c.cfg.Screen.ClearStatus()
		c.Messages.NextHit(-1)
	default:
		c.listMatches(m)
	}
}

// listMatches shows the matches in a list, the latest last, as in the room.
func (c *Conversation) listMatches(m matches) {
	var rows []string
	for _, l := range m.lines {
		c.cfg.Roster.NoteAuthor(l)
		rows = append(rows, fmt.Sprintf("%s %s  %s", l.Time.In(c.cfg.Zone).Format("2 Jan 15:04"),
			c.cfg.Roster.Label(roster.ID(l.From, l.FromID)), sanitize.Line(l.Text)))
	}
	title := sanitize.Linef("Before, with %q: %d", m.query, len(m.lines))
	if len(m.lines) == maxMatches || m.err != nil {
		title = sanitize.Linef("Before, with %q: the last %d", m.query, len(m.lines))
	}
	c.Messages.EndSearch()
	c.Search.close()
	c.cfg.Screen.ShowMatches(title, sanitize.Block(strings.Join(rows, "\n")))
}
