package conversation

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/tui/sanitize"
)

// Search is the prompt of Ctrl+F and the state of its search. While a person types, letters belong to the
// query; once Enter has gone to a match, n and N go on from there.
//
// The query is a textinput of Bubbles with two of its keys, because the others mean something among
// the matches. Its View isn't used: it measures text as Lip Gloss does and draws a cursor of its own.
type Search struct {
	c     *Conversation
	input textinput.Model // focused while the prompt is open

	among   bool               // among the matches
	resumed bool               // goes on once the page that is being loaded is there
	noOlder bool               // the disk has no match before the messages that are loaded
	cancel  context.CancelFunc // ends the search of the disk; nil when none runs
}

// maxQuery bounds the query, in bytes.
const maxQuery = 256

func newSearch(c *Conversation) *Search {
	s := &Search{c: c, input: textinput.New()}
	s.input.KeyMap = textinput.KeyMap{
		DeleteCharacterBackward: key.NewBinding(key.WithKeys("backspace")),
		DeleteBeforeCursor:      key.NewBinding(key.WithKeys("ctrl+u")),
	}
	return s
}

// IsOpen reports whether the prompt takes the keys.
func (s *Search) IsOpen() bool { return s.input.Focused() }

// Open shows an empty prompt.
func (s *Search) Open() {
	s.reset("")
	s.input.Focus()
}

// reset ends the search and puts a query into the prompt.
func (s *Search) reset(query string) {
	if s.cancel != nil {
		s.cancel()
	}
	s.among, s.resumed, s.noOlder, s.cancel = false, false, false, nil
	s.input.SetValue(query)
	s.input.CursorEnd()
}

// Find searches the messages that are loaded for text. A query that is too long changes nothing.
func (s *Search) Find(query string) {
	query = sanitize.Line(query).String()
	if len(query) > maxQuery {
		return
	}
	s.reset(query)
	if s.isBlank() {
		s.c.Messages.CancelSearch()
		return
	}
	s.c.Messages.Search(s.input.Value())
}

// Edit changes the query as a key asks for, and searches for it.
func (s *Search) Edit(k tea.KeyMsg) {
	input := s.input
	if k.Paste { // the input would make spaces of characters that sanitize shows
		s.Find(input.Value() + string(k.Runes))
		return
	}
	input, _ = input.Update(k)
	s.Find(input.Value())
}

func (s *Search) isBlank() bool { return strings.TrimSpace(s.input.Value()) == "" }

// Next goes to the match after the current one, or for -1 to the one before. Before the first match
// that is loaded it goes on to search the disk.
func (s *Search) Next(delta int) {
	if s.isBlank() {
		return
	}
	s.among = true
	if at, of := s.c.Messages.HitPosition(); delta < 0 && (of == 0 || at == 1) && s.hasOlder() {
		s.searchDisk()
		return
	}
	s.c.Messages.NextHit(delta)
}

// NextAmong acts like Next for a letter. It reports false where the letter belongs to the query.
func (s *Search) NextAmong(delta int) bool {
	if s.among {
		s.Next(delta)
	}
	return s.among
}

// resume goes on to the match before once a page of older messages has come.
func (s *Search) resume() {
	if s.resumed {
		s.resumed = false
		s.Next(-1)
	}
}

// hasOlder reports whether the disk may have matches that aren't loaded.
func (s *Search) hasOlder() bool { return !s.c.backfill.done && !s.noOlder }

// Stay closes the prompt at the current match, whose message stays selected.
func (s *Search) Stay() {
	if at, _ := s.c.Messages.HitPosition(); at == 0 {
		s.c.Messages.NextHit(-1)
	}
	s.c.Messages.EndSearch()
	s.close()
}

// Cancel closes the prompt and goes back to where the search began.
func (s *Search) Cancel() {
	s.c.Messages.CancelSearch()
	s.close()
}

func (s *Search) close() {
	s.reset("")
	s.input.Blur()
}

// minQueryCells is the width that the query has in any window.
const minQueryCells = 8

// Row returns the prompt, which stands in place of the status line, and the cursor's column.
func (s *Search) Row(width int) (row string, x int) {
	t := s.c.th
	r := t.Row(width).Space(t.Text, 1).Put(t.Accent, sanitize.Trusted("Search: "))
	note := s.note(width - r.Width() - 3 - minQueryCells)
	room := max(width-r.Width()-note.Width()-3, minQueryCells)
	r.PutWithin(t.Text, cutStart(sanitize.Line(s.input.Value()), room), room)
	x = r.Width()
	if at := width - note.Width() - 1; at > x {
		r.PadTo(t.Text, at).Put(t.Dim, note)
	}
	return r.PadTo(t.Text, width).String(), min(x, width-1)
}

// note says how many matches there are and which keys go on, in as many words as have room.
func (s *Search) note(room int) sanitize.SafeText {
	dot := s.c.th.Dot
	at, of := s.c.Messages.HitPosition()
	all := fmt.Sprint(of)
	if s.hasOlder() {
		all += "+"
	}
	switch {
	case s.isBlank():
		return sanitize.Trusted("Esc ends")
	case of == 0 && s.among && s.c.backfill.loading:
		return sanitize.Trusted("on disk…")
	case of == 0 && s.hasOlder():
		return sanitize.FirstFitting(room, sanitize.Trusted("nothing found here, Enter: on disk"), sanitize.Trusted("none, Enter: disk"))
	case of == 0:
		return sanitize.Trusted("nothing found")
	case at == 0:
		return sanitize.FirstFitting(room, sanitize.Linef("%s found %s Enter: the last", all, dot), sanitize.Linef("%s, Enter goes", all))
	default:
		return sanitize.FirstFitting(room, sanitize.Linef("%d of %s %s n: before, N: after, Tab: stay", at, all, dot),
			sanitize.Linef("%d of %s %s n N Tab", at, all, dot), sanitize.Linef("%d/%s", at, all))
	}
}

// cutStart returns the end of a text that is too wide.
func cutStart(text sanitize.SafeText, cells int) sanitize.SafeText {
	s := text.String()
	for text.Width() > cells && s != "" {
		_, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		text = sanitize.Line(s)
	}
	return text
}
