package tui

import (
	"strings"
	"unicode/utf8"

	"chat.lan/p2pchat/tui/clean"
)

// search is the prompt of Ctrl+F.
type search struct {
	open  bool
	query string
	found int
}

// maxQuery bounds what is searched for, in bytes.
const maxQuery = 256

func (m *model) openSearch() {
	m.search = search{open: true}
	m.showMessages()
	m.messages.Unselect()
}

// searchFor searches for text as it is typed.
func (m *model) searchFor(query string) {
	query = clean.Line(query).String()
	if len(query) > maxQuery {
		return
	}
	m.search.query = query
	m.search.found = 0
	if strings.TrimSpace(query) == "" {
		m.messages.ClearFind()
		return
	}
	m.search.found = m.messages.Find(query)
}

func (m *model) searchBack() {
	_, n := utf8.DecodeLastRuneInString(m.search.query)
	m.searchFor(m.search.query[:len(m.search.query)-n])
}

// searchNext goes to the match before or after. Before the first one that is loaded is what is on
// disk.
func (m *model) searchNext(delta int) {
	if at, _ := m.messages.Found(); delta < 0 && (m.search.found == 0 || at == 1) && !m.history.done {
		m.searchOlder()
		return
	}
	if m.search.found > 0 {
		m.messages.Next(delta)
	}
}

// stayAtMatch ends the search where it is: the line stays selected, to be copied or inspected.
func (m *model) stayAtMatch() {
	if at, _ := m.messages.Found(); at == 0 {
		m.messages.Next(-1)
	}
	m.messages.StopFind()
	m.search = search{}
}

func (m *model) closeSearch() {
	m.search = search{}
	m.messages.ClearFind()
}

// searchRow is the prompt, in the place of the status line, and the cursor's column in it.
func (m *model) searchRow(width int) (row string, x int) {
	t := m.th
	var note clean.SafeText
	switch at, of := m.messages.Found(); {
	case strings.TrimSpace(m.search.query) == "":
		note = clean.Trusted("Esc ends")
	case of == 0 && !m.history.done:
		note = clean.Trusted("nothing found here, Enter: on disk")
	case of == 0:
		note = clean.Trusted("nothing found")
	case at == 0:
		note = clean.Linef("%d found %s Enter: the last of them", of, t.Dot)
	default:
		note = clean.Linef("%d of %d %s Enter: before, Tab: stay", at, of, t.Dot)
	}
	r := t.Row(width).Space(t.Text, 1).Put(t.Accent, clean.Trusted("Search: "))
	room := max(width-r.Width()-note.Width()-3, 8)
	r.PutWithin(t.Text, tailOf(clean.Line(m.search.query), room), room)
	x = r.Width()
	if at := width - note.Width() - 1; at > x {
		r.To(t.Text, at).Put(t.Dim, note)
	}
	return r.To(t.Text, width).String(), min(x, width-1)
}

// tailOf is the end of a text that is too wide.
func tailOf(text clean.SafeText, cells int) clean.SafeText {
	s := text.String()
	for text.Width() > cells && s != "" {
		_, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		text = clean.Line(s)
	}
	return text
}
