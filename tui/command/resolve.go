package command

import (
	"fmt"
	"strings"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
)

// maxOffered bounds the labels that an answer offers to choose from.
const maxOffered = 8

// find returns the peer that text means. If there isn't exactly one, find answers what is wrong. Usage
// is how to type the command, with %s in the place of a name.
func (e Env) find(text, usage string) (event.Peer, bool) {
	text = strings.TrimSpace(text)
	self := e.Node.Self()
	byBook := make(map[string]event.Peer)
	for _, p := range e.Node.Peers() {
		if strings.EqualFold(p.ID, text) {
			return p, true
		}
		byBook[roster.ID(p.Key, p.ID)] = p
	}
	var found []event.Peer
	me := false
	for _, id := range e.Roster.Find(text) {
		if p, ok := byBook[id]; ok {
			found = append(found, p)
		}
		me = me || id == roster.ID(self.Key, self.ID)
	}
	switch {
	case len(found) == 1:
		return found[0], true
	case len(found) > 1:
		labels := make([]string, 0, maxOffered)
		for _, p := range found[:min(len(found), maxOffered)] {
			labels = append(labels, e.Label(p))
		}
		if len(found) > maxOffered {
			labels = append(labels, "…")
		}
		e.Reply(Fail{
			Text: fmt.Sprintf("%d peers may be meant: %s", len(found), strings.Join(labels, ", ")),
			Hint: "say which one: " + fmt.Sprintf(usage, labels[0]),
		})
	case me:
		e.Reply(Fail{Text: "that is you", Hint: "/list shows the others"})
	default:
		e.Reply(Fail{Text: fmt.Sprintf("no one here is called %.80s", text), Hint: "/list shows who is here"})
	}
	return event.Peer{}, false
}
