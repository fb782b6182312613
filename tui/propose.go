package tui

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/vote"
)

// offer is a proposal that is being made: what is chosen from a list, then seen in a preview, then
// sent. While it is open it takes all keys.
type offer struct {
	open    bool
	choice  int            // in the list, while there is no draft
	wish    vote.Wish      // of the draft
	draft   event.Proposal // Slot is "" while the list is shown
	waiting bool           // for the draft
}

// previewing tells that a preview is shown, and can be sent.
func (o offer) previewing() bool { return o.open && o.draft.Slot != "" }

// previewed is a draft that the node made, or why it made none.
type previewed struct {
	wish  vote.Wish
	draft event.Proposal
	err   error
}

// askProposal asks for the preview of a wish.
type askProposal struct{ wish vote.Wish }

// holdBallot holds a ballot that a command asked for.
type holdBallot struct {
	proposal event.Proposal
	choice   vote.Choice
}

// Answer is "": these are for the screen alone.
func (previewed) Answer() string   { return "" }
func (askProposal) Answer() string { return "" }
func (holdBallot) Answer() string  { return "" }

// ask brings what commands want to propose or vote before the person.
func (m *model) ask() command.Ask {
	return command.Ask{
		Propose: func(w vote.Wish) { m.deps.answer(askProposal{w}) },
		Vote:    func(p event.Proposal, c vote.Choice) { m.deps.answer(holdBallot{p, c}) },
	}
}

// offered is what F4 has in its list.
func (m *model) offered() []vote.Wish {
	secure := vote.Wish{Slot: vote.SecureOnly, Action: vote.On}
	if m.voting.policy.SecureOnly {
		secure.Action = vote.Off
	}
	return []vote.Wish{secure, {Slot: vote.Topic}}
}

// propose is F4: it opens the list, or closes it.
func (m *model) propose() bool {
	if m.voting.offer.open {
		m.closeOffer()
		return true
	}
	m.voting.offer = offer{open: true}
	m.showOffer()
	return true
}

func (m *model) closeOffer() {
	m.voting.offer = offer{}
	if m.sheet.kind == sheetOffer {
		m.sheet = sheet{}
	}
}

// showOffer opens the sheet of the list or the preview.
func (m *model) showOffer() {
	m.show(sheetOffer, sanitize.Trusted("Propose"), func(width int) []string {
		if m.voting.offer.draft.Slot != "" {
			return m.proposals.Preview(m.voting.offer.draft, width)
		}
		return m.offerRows(width)
	})
}

// offerRows is the list.
func (m *model) offerRows(width int) []string {
	t := m.th
	var rows []string
	for i, w := range m.offered() {
		text := sanitize.Trusted("a topic for the room")
		switch {
		case w.Slot == vote.SecureOnly && w.Action == vote.On:
			text = sanitize.Trusted("secure-only on: everybody refuses unsigned messages")
		case w.Slot == vote.SecureOnly:
			text = sanitize.Trusted("secure-only off: unsigned messages are heard again")
		}
		style, mark := t.Text, sanitize.Trusted(" ")
		if i == m.voting.offer.choice {
			style, mark = t.Selected, t.Selection
		}
		for j, part := range text.Wrap(max(width-2, 2)) {
			if j > 0 {
				mark = sanitize.Trusted(" ")
			}
			rows = append(rows, t.Row(width).Put(style, mark).Put(style, part).String())
		}
	}
	hint := widest(width-2, sanitize.Trusted("Up Down choose, Enter shows what it would do"), sanitize.Trusted("Up Down choose, Enter goes on"))
	return append(rows, "", t.Row(width).Space(t.Text, 1).Put(t.Dim, hint).String())
}

// offerKey is a key while something is being proposed. What the banner names goes on to work: it is
// still there to be read.
func (m *model) offerKey(k tea.KeyMsg) {
	o := &m.voting.offer
	switch keyName(k) {
	case "esc":
		if !m.takeBack() {
			m.closeOffer()
		}
	case "f4", "ctrl+c":
		m.closeOffer()
	case "f1", "alt+y":
		m.answerVote(vote.Approve)
	case "f2", "alt+n":
		m.answerVote(vote.Reject)
	case "f3", "alt+w":
		m.closeOffer()
		m.who()
	case "up", "k", "shift+tab":
		o.choice = max(o.choice-1, 0)
	case "down", "j", "tab":
		o.choice = min(o.choice+1, len(m.offered())-1)
	case "pgup":
		m.scrollPages(-1)
	case "pgdown":
		m.scrollPages(1)
	case "enter":
		m.offerEnter()
	}
}

// offerEnter goes on: from the list to the preview, from the preview to everybody.
func (m *model) offerEnter() {
	o := &m.voting.offer
	switch {
	case o.waiting:
	case o.previewing():
		wish := o.wish
		m.closeOffer()
		m.order(func(context.Context) {
			if _, err := m.deps.node.Propose(wish); err != nil {
				m.deps.answer(command.Fail{Text: err.Error()})
			}
		})
	default:
		wish := m.offered()[o.choice]
		if wish.Slot == vote.Topic {
			m.closeOffer()
			m.setFocus(paneCompose)
			m.compose.Clear()
			m.write("/topic ")
			return
		}
		m.preview(wish)
	}
}

// redraft makes the preview anew: whoever comes or goes changes the roll, and with it what is needed.
// Meanwhile the one that is there can be sent: the node makes the roll when it is.
func (m *model) redraft() {
	if o := m.voting.offer; o.previewing() {
		m.draft(o.wish)
	}
}

// preview asks for the preview of a wish.
func (m *model) preview(w vote.Wish) {
	m.voting.offer.waiting = true
	m.draft(w)
}

// draft asks the node what a wish would become.
func (m *model) draft(w vote.Wish) {
	m.order(func(context.Context) {
		draft, err := m.deps.node.Preview(w)
		m.deps.answer(previewed{w, draft, err})
	})
}

// drafted shows the preview, unless the person has gone on to something else.
func (m *model) drafted(p previewed) {
	o := &m.voting.offer
	again := o.previewing() && o.wish.Slot == p.wish.Slot && o.wish.Action == p.wish.Action
	switch {
	case !o.waiting && !again:
		return
	case p.err != nil:
		o.waiting = false
		m.refuse(p.err)
		return
	}
	m.voting.offer = offer{open: true, wish: p.wish, draft: p.draft}
	m.showOffer()
}
