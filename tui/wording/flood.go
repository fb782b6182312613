package wording

import (
	"fmt"

	"chat.lan/p2pchat/net/event"
)

// Flood returns the sentence about people who send more than the others can take; raw.
func Flood(f event.Flood) event.Notice {
	n := event.Notice{Scope: f.Scope, Level: event.Warning, Hint: "/ignore hides what they send"}
	switch f.Others {
	case 0:
		n.Text = f.Name + " sends faster than anyone can read; others go first"
	case 1:
		n.Text = f.Name + " and 1 other send faster than anyone can read; everyone else goes first"
	default:
		n.Text = fmt.Sprintf("%s and %d others send faster than anyone can read; everyone else goes first", f.Name, f.Others)
	}
	return n
}
