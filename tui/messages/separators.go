package messages

import (
	"time"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// What stands between an entry and the one before it depends on both, and on how far was read; it
// is never cached.

// between is how many rows stand between entry i and the one before it.
func (p *Pane) between(i int) int {
	n := 0
	if p.newDay(i) {
		n++
	}
	if i == p.before.at {
		n++
	}
	if p.divided(i) {
		n++
	}
	return n
}

// betweenRows appends those rows.
func (p *Pane) betweenRows(rows []string, i int) []string {
	t := p.cfg.Theme
	if p.newDay(i) {
		rows = append(rows, p.ruled(t.Dim, p.day(p.log.entries[i].shown())))
	}
	if i == p.before.at {
		text := sanitize.Linef("%s from before you came", count(p.before.lines, "line"))
		if p.before.unverified == 0 {
			text = sanitize.Concat(text, sanitize.Trusted(" "), t.Dot, sanitize.Trusted(" verified"))
		}
		rows = append(rows, p.ruled(t.Dim, text))
	}
	if p.divided(i) {
		rows = append(rows, p.ruled(t.New, sanitize.Trusted("new")))
	}
	return rows
}

// newDay tells whether entry i begins a day. The first of all says its day unless we came that day:
// most conversations would otherwise begin with a date that everybody knows.
func (p *Pane) newDay(i int) bool {
	day := p.dayOf(p.log.entries[i].shown())
	if i <= p.floor {
		return day != p.dayOf(p.came.UnixMilli())
	}
	return day != p.dayOf(p.log.entries[i-1].shown())
}

func (p *Pane) divided(i int) bool {
	for _, at := range p.dividers {
		if at == i {
			return true
		}
	}
	return false
}

// dayOf numbers the days where times are shown.
func (p *Pane) dayOf(ms int64) int64 {
	const day = 24 * 60 * 60
	at := time.UnixMilli(ms).In(p.cfg.Zone)
	_, offset := at.Zone()
	return (at.Unix() + int64(offset)) / day
}

// day is "Saturday 21 November", with the year if it is another than when we came.
func (p *Pane) day(ms int64) sanitize.SafeText {
	at := time.UnixMilli(ms).In(p.cfg.Zone)
	if at.Year() != p.came.In(p.cfg.Zone).Year() {
		return sanitize.Line(at.Format("Monday 2 January 2006"))
	}
	return sanitize.Line(at.Format("Monday 2 January"))
}

// moment is a time of day, with the day if it isn't that of now.
func (p *Pane) moment(ms int64) string {
	at := time.UnixMilli(ms).In(p.cfg.Zone)
	switch {
	case p.dayOf(ms) == p.dayOf(millis(p.cfg.Now())):
		return at.Format("15:04")
	case at.Year() == p.cfg.Now().In(p.cfg.Zone).Year():
		return at.Format("2 Jan 15:04")
	}
	return at.Format("2 Jan 2006 15:04")
}

// ruled is a row with a word in the middle of a rule.
func (p *Pane) ruled(s theme.Style, word sanitize.SafeText) string {
	t := p.cfg.Theme
	r := t.Row(p.cols.end)
	space := p.cols.end - p.cols.rule - word.Width() - 2
	if space < 4 {
		return r.Space(t.Text, p.cols.rule).Put(s, word).String()
	}
	r.Space(t.Text, p.cols.rule).FillTo(s, t.HRule, p.cols.rule+space/2)
	r.Space(t.Text, 1).Put(s, word).Space(t.Text, 1)
	return r.FillTo(s, t.HRule, p.cols.end).String()
}

// count is "1 line" or "3 lines".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return number(n) + " " + what + "s"
}
