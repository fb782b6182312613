package tui

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"chat.lan/p2pchat/tui/sanitize"
)

// search is the prompt of Ctrl+F. While the text is typed, letters are the text; once Enter went to a
// match, n and N go on from there.
type search struct {
	open    bool
	query   string
	moving  bool               // among the matches
	waiting bool               // for a page of what is remembered, before it goes on
	noOlder bool               // what is on disk has no match before the first that is loaded
	abandon context.CancelFunc // ends what searches the disk; nil: nothing does
}

// maxQuery bounds what is searched for, in bytes.
const maxQuery = 256

// setSearch puts a search in the place of the one before, of which nothing goes on.
func (m *model) setSearch(s search) {
	if m.search.abandon != nil {
		m.search.abandon()
	}
	m.search = s
}

func (m *model) openSearch() {
	m.setSearch(search{open: true})
	m.showMessages()
	m.messages.ClearSelection()
}

// searchFor searches for text as it is typed.
func (m *model) searchFor(query string) {
	query = sanitize.Line(query).String()
	if len(query) > maxQuery {
		return
	}
	m.setSearch(search{open: true, query: query})
	if m.search.blank() {
		m.messages.CancelSearch()
		return
	}
	m.messages.Search(query)
}

// blank tells that there is nothing to search for.
func (s search) blank() bool { return strings.TrimSpace(s.query) == "" }

func (m *model) searchBack() {
	_, n := utf8.DecodeLastRuneInString(m.search.query)
	m.searchFor(m.search.query[:len(m.search.query)-n])
}

// searchNext goes to the match before or after. Before the first one that is loaded is what is on
// disk.
func (m *model) searchNext(delta int) {
	if m.search.blank() {
		return
	}
	m.search.moving = true
	if at, of := m.messages.HitPosition(); delta < 0 && (of == 0 || at == 1) && !m.history.done && !m.search.noOlder {
		m.searchDisk()
		return
	}
	m.messages.NextHit(delta)
}

// amongMatches is a letter that goes to another match. While the text is typed it belongs to that.
func (m *model) amongMatches(delta int) bool {
	if m.search.moving {
		m.searchNext(delta)
	}
	return m.search.moving
}

// stayAtMatch ends the search where it is: the line stays selected, to be copied or inspected.
func (m *model) stayAtMatch() {
	if at, _ := m.messages.HitPosition(); at == 0 {
		m.messages.NextHit(-1)
	}
	m.messages.EndSearch()
	m.setSearch(search{})
}

func (m *model) closeSearch() {
	m.setSearch(search{})
	m.messages.CancelSearch()
}

// searchRow is the prompt, in the place of the status line, and the cursor's column in it.
func (m *model) searchRow(width int) (row string, x int) {
	t := m.th
	r := t.Row(width).Space(t.Text, 1).Put(t.Accent, sanitize.Trusted("Search: "))
	note := m.searchNote(width - r.Width() - 3 - searchRoom)
	room := max(width-r.Width()-note.Width()-3, searchRoom)
	r.PutWithin(t.Text, tailOf(sanitize.Line(m.search.query), room), room)
	x = r.Width()
	if at := width - note.Width() - 1; at > x {
		r.PadTo(t.Text, at).Put(t.Dim, note)
	}
	return r.PadTo(t.Text, width).String(), min(x, width-1)
}

// searchRoom is what the text keeps of the prompt, in cells.
const searchRoom = 8

// searchNote says what was found and what to press, as far as there is room.
func (m *model) searchNote(room int) sanitize.SafeText {
	older := !m.history.done && !m.search.noOlder
	dot := m.th.Dot
	at, of := m.messages.HitPosition()
	all := fmt.Sprint(of)
	if older {
		all += "+"
	}
	switch {
	case m.search.blank():
		return sanitize.Trusted("Esc ends")
	case of == 0 && m.search.moving && m.history.asking:
		return sanitize.Trusted("on disk…")
	case of == 0 && older:
		return widest(room, sanitize.Trusted("nothing found here, Enter: on disk"), sanitize.Trusted("none, Enter: disk"))
	case of == 0:
		return sanitize.Trusted("nothing found")
	case at == 0:
		return widest(room, sanitize.Linef("%s found %s Enter: the last", all, dot), sanitize.Linef("%s, Enter goes", all))
	default:
		return widest(room, sanitize.Linef("%d of %s %s n: before, N: after, Tab: stay", at, all, dot),
			sanitize.Linef("%d of %s %s n N Tab", at, all, dot), sanitize.Linef("%d/%s", at, all))
	}
}

// widest is the first of the texts, from long to short, that there is room for, or the last.
func widest(room int, texts ...sanitize.SafeText) sanitize.SafeText {
	for _, t := range texts {
		if t.Width() <= room {
			return t
		}
	}
	return texts[len(texts)-1]
}

// tailOf is the end of a text that is too wide.
func tailOf(text sanitize.SafeText, cells int) sanitize.SafeText {
	s := text.String()
	for text.Width() > cells && s != "" {
		_, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		text = sanitize.Line(s)
	}
	return text
}
