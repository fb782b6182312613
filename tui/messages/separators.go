package messages

import (
	"time"

	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// separatorHeight counts the rows between entry i and the entry before. Separators depend on both entries
// around them and on how far the person has read, so they are never cached.
func (r *renderer) separatorHeight(i int) int {
	n := 0
	if r.startsDay(i) {
		n++
	}
	if i == r.header.at {
		n++
	}
	if r.viewport.isDivided(i) {
		n++
	}
	return n
}

// appendSeparators appends the rows between entry i and the entry before: a day, the header of the
// history, "new".
func (r *renderer) appendSeparators(rows []string, i int) []string {
	t := r.cfg.Theme
	if r.startsDay(i) {
		rows = append(rows, r.ruleRow(t.Dim, r.formatDay(r.log.entries[i].shownTime())))
	}
	if i == r.header.at {
		text := sanitize.Linef("%s from before you came", countNoun(r.header.messages, "line"))
		if r.header.unverified == 0 {
			text = sanitize.Concat(text, sanitize.Trusted(" "), t.Dot, sanitize.Trusted(" verified"))
		}
		rows = append(rows, r.ruleRow(t.Dim, text))
	}
	if r.viewport.isDivided(i) {
		rows = append(rows, r.ruleRow(t.New, sanitize.Trusted("new")))
	}
	return rows
}

// startsDay reports whether entry i begins a day. The first entry shows its day only if the program
// started on another: most conversations would otherwise begin with today's date.
func (r *renderer) startsDay(i int) bool {
	day := r.dayOf(r.log.entries[i].shownTime())
	if i <= r.viewport.floor {
		return day != r.dayOf(r.opened.UnixMilli())
	}
	return day != r.dayOf(r.log.entries[i-1].shownTime())
}

// dayOf numbers the days of the zone in which times are shown.
func (r *renderer) dayOf(ms int64) int64 {
	const day = 24 * 60 * 60
	at := time.UnixMilli(ms).In(r.cfg.Zone)
	_, offset := at.Zone()
	return (at.Unix() + int64(offset)) / day
}

// formatDay writes "Saturday 21 November", with the year if it isn't that of the start.
func (r *renderer) formatDay(ms int64) sanitize.SafeText {
	at := time.UnixMilli(ms).In(r.cfg.Zone)
	if at.Year() != r.opened.In(r.cfg.Zone).Year() {
		return sanitize.Line(at.Format("Monday 2 January 2006"))
	}
	return sanitize.Line(at.Format("Monday 2 January"))
}

// formatMoment writes a time of day, with the day if it isn't today.
func (r *renderer) formatMoment(ms int64) string {
	at := time.UnixMilli(ms).In(r.cfg.Zone)
	switch {
	case r.dayOf(ms) == r.dayOf(millis(r.cfg.Now())):
		return at.Format("15:04")
	case at.Year() == r.cfg.Now().In(r.cfg.Zone).Year():
		return at.Format("2 Jan 15:04")
	}
	return at.Format("2 Jan 2006 15:04")
}

// ruleRow draws a rule with a word in its middle.
func (r *renderer) ruleRow(s theme.Style, word sanitize.SafeText) string {
	t := r.cfg.Theme
	row := t.Row(r.columns.end)
	space := r.columns.end - r.columns.rule - word.Width() - 2
	if space < 4 {
		return row.Space(t.Text, r.columns.rule).Put(s, word).String()
	}
	row.Space(t.Text, r.columns.rule).FillTo(s, t.HRule, r.columns.rule+space/2)
	row.Space(t.Text, 1).Put(s, word).Space(t.Text, 1)
	return row.FillTo(s, t.HRule, r.columns.end).String()
}

// countNoun writes "1 line" or "3 lines".
func countNoun(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return formatCount(n) + " " + what + "s"
}
