package command

import (
	"fmt"
	"strings"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/wording"
)

func list(e Env, _ string) {
	var here []event.Peer
	for _, p := range e.Node.Peers() {
		if p.State != event.Left {
			here = append(here, p)
		}
	}
	e.Reply(List{here})
}

// verify works in two steps, so that a look at a key never marks it as compared.
func verify(e Env, args string) {
	self := e.Node.Self()
	if args == "" {
		e.Reply(Info{fmt.Sprintf("Your words: %s\nTo compare with someone: /verify NAME", self.Fingerprint)})
		return
	}
	name, answer := cutLast(args, "yes", "no")
	p, ok := e.find(name, "/verify %s")
	if !ok {
		return
	}
	label := e.Label(p)
	switch {
	case p.Key.IsZero():
		e.Reply(Fail{Text: label + " speaks without a key: there is nothing to verify", Hint: "anyone can use that name"})
	case answer != "":
		if e.fail(e.Node.Verify(p.ID, answer == "yes")) {
			return
		}
		if answer == "yes" {
			e.Reply(Info{label + " is verified: this key is remembered as compared"})
		} else {
			e.Reply(Info{label + " is not verified any more"})
		}
	default:
		e.Reply(Info{compare(label, p, self)})
	}
}

// compare returns the rows that two people need to compare their keys.
func compare(label string, p event.Peer, self event.Self) string {
	next := fmt.Sprintf("If all are the same: /verify %s yes", label)
	if p.Verified {
		next = fmt.Sprintf("%s is verified already; /verify %s no takes that back", label, label)
	}
	return strings.Join([]string{
		fmt.Sprintf("Words of %s: %s", label, p.Key.Fingerprint()),
		"Your words: " + self.Fingerprint,
		"Read them to each other face to face or on the phone, not in this chat (/crypto shows each their own).",
		next,
	}, "\n")
}

func ignore(e Env, args string) {
	if args == "" {
		var labels []string
		for _, p := range e.Node.Peers() {
			if p.Ignored {
				labels = append(labels, e.Label(p))
			}
		}
		if len(labels) == 0 {
			e.Reply(Info{"You aren't ignoring anyone"})
		} else {
			e.Reply(Info{"Ignored: " + strings.Join(labels, ", ")})
		}
		return
	}
	name, off := cutLast(args, "off")
	p, ok := e.find(name, "/ignore %s")
	if !ok || e.fail(e.Node.Ignore(p.ID, off == "")) {
		return
	}
	label := e.Label(p)
	if off == "" {
		e.Reply(Info{fmt.Sprintf("Ignoring %s · /ignore %s off to undo", label, label)})
	} else {
		e.Reply(Info{"No longer ignoring " + label})
	}
}

// trust says whose messages go first when strangers crowd the room. Alone it lists them, and what the words mean.
func trust(e Env, args string) {
	if args == "" {
		var labels []string
		for _, p := range e.Node.Peers() {
			if p.Standing == event.Known {
				labels = append(labels, e.Label(p))
			}
		}
		who := "Known: no one yet"
		if len(labels) > 0 {
			who = "Known: " + strings.Join(labels, ", ")
		}
		e.Reply(Info{strings.Join([]string{who, wording.KnownMeans, wording.TrustedMeans, wording.VerifiedMeans}, "\n")})
		return
	}
	name, off := cutLast(args, "off")
	p, ok := e.find(name, "/trust %s")
	if !ok {
		return
	}
	label := e.Label(p)
	switch {
	case p.Key.IsZero():
		e.Reply(Fail{Text: label + " speaks without a key: anyone can use that name", Hint: "only peers with a key can be trusted"})
	case e.fail(e.Node.Trust(p.ID, off == "")):
	case off == "":
		e.Reply(Info{fmt.Sprintf("Trusting %s · /trust %s off to undo · /verify %s is surer", label, label, label)})
	default:
		e.Reply(Info{fmt.Sprintf("No longer trusting %s: it comes last when the room is crowded", label)})
	}
}

func crypto(e Env, _ string) {
	self := e.Node.Self()
	encrypted, clear, verified := 0, 0, 0
	for _, p := range e.Node.Peers() {
		switch {
		case !p.Present():
		case !p.Encrypted():
			clear++
		default:
			encrypted++
			if p.Verified {
				verified++
			}
		}
	}
	where := self.Profile
	if where == "" {
		where = "kept nowhere: a new one at the next start"
	}
	e.Reply(Info{strings.Join([]string{
		"You are " + self.Name,
		"Your words: " + self.Fingerprint,
		"Your key: " + self.Key.String() + " (Ed25519)",
		"Your ID: " + self.ID,
		"Your profile: " + where,
		"Links: TLS 1.3, X25519MLKEM768 (also safe from quantum computers), both sides prove their keys",
		"Lines: signed with Ed25519 by their author",
		fmt.Sprintf("Peers: %d encrypted (%d of them verified), %d in clear", encrypted, verified, clear),
	}, "\n")})
}

func connect(e Env, args string) {
	addr, err := ParseAddress(args)
	if e.fail(err) || e.fail(e.Node.Connect(addr)) {
		return
	}
	e.Reply(Info{"Connecting to " + addr})
}

func disconnect(e Env, args string) {
	// A peer that can't be reached is in no list, so its address says which attempts to stop.
	if addr, err := ParseAddress(args); err == nil && strings.ContainsAny(args, ".:") && e.Node.Disconnect(addr) == nil {
		e.Reply(Info{"Not connecting to " + addr + " any more"})
		return
	}
	p, ok := e.find(args, "/disconnect %s")
	if !ok || e.fail(e.Node.Disconnect(p.ID)) {
		return
	}
	e.Reply(Info{"Disconnected from " + e.Label(p)})
}

// maxOffered bounds the labels that an answer offers to choose from.
const maxOffered = 8

// find returns the peer that text means. If there isn't exactly one, find answers what is wrong. Usage
// is how to type the command, with %s in the place of a name.
func (e Env) find(text, usage string) (event.Peer, bool) {
	text = strings.TrimSpace(text)
	self := e.Node.Self()
	byID := make(map[string]event.Peer)
	for _, p := range e.Node.Peers() {
		if strings.EqualFold(p.ID, text) {
			return p, true
		}
		byID[roster.ID(p.Key, p.ID)] = p
	}
	var found []event.Peer
	me := false
	for _, id := range e.Roster.Find(text) {
		if p, ok := byID[id]; ok {
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
