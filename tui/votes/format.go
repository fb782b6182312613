package votes

import (
	"fmt"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

// subject is what a vote is about in one or two words.
func subject(q event.Proposal) sanitize.SafeText {
	if q.Slot == "secure_only" {
		if q.Action == "off" {
			return sanitize.Trusted("secure-only off")
		}
		return sanitize.Trusted("secure-only")
	}
	return sanitize.Trusted("topic")
}

// Title is what a vote is about, whole: `secure-only on`, `topic "freeze at 5"`.
func Title(q event.Proposal) sanitize.SafeText { return sanitize.Line(q.Title()) }

// effect is what happens when it passes.
func effect(q event.Proposal) sanitize.SafeText {
	switch {
	case q.Slot != "secure_only":
		return sanitize.Linef("the room's topic becomes \"%s\"", sanitize.Line(q.Action))
	case q.Action == "off":
		return sanitize.Trusted("unsigned messages are heard again")
	}
	return sanitize.Trusted("from then on everybody refuses unsigned messages")
}

// closing is the time until it closes, in a sentence: `in 2:41`.
func closing(q event.Proposal, now time.Time) sanitize.SafeText {
	return sanitize.Linef("in %s", strings.TrimLeft(left(q, now), " "))
}

// left is the time until it closes, of constant width below ten hours: ` 2:41`, ` 3h05`.
func left(q event.Proposal, now time.Time) string {
	d := max(q.Closes.Sub(now), 0).Round(time.Second)
	if d >= time.Hour {
		return fmt.Sprintf("%2dh%02d", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%2d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// names joins what voters are called, at most most of them, then `+3`.
func (p *Pane) names(vs []event.Voter, most int) sanitize.SafeText {
	var out []string
	for i, v := range vs {
		if i == most {
			out = append(out, fmt.Sprintf("+%d", len(vs)-most))
			break
		}
		out = append(out, p.cfg.Label(v).String())
	}
	return sanitize.Line(strings.Join(out, ", "))
}

// ChoiceWord is the word for a choice.
func ChoiceWord(choice string) sanitize.SafeText {
	switch choice {
	case "approve":
		return sanitize.Trusted("yes")
	case "reject":
		return sanitize.Trusted("no")
	case "both":
		return sanitize.Trusted("voted twice")
	}
	return sanitize.Trusted("not yet")
}
