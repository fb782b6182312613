package tui

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
	"chat.lan/p2pchat/vote"
)

// offer is a proposal that is being made: what is chosen from a list, then seen in a preview, then
// sent. While it is open it takes all keys.
type proposeDialog struct {
	open    bool
	choice  int            // in the list, while there is no draft
	wish    vote.Draft     // of the draft
	draft   event.Proposal // Slot is "" while the list is shown
	waiting bool           // for the draft
}

// previewing tells that a preview is shown, and can be sent.
func (o proposeDialog) previewing() bool { return o.open && o.draft.Slot != "" }

// previewed is a draft that the node made, or why it made none.
type previewed struct {
	wish  vote.Draft
	draft event.Proposal
	err   error
}

// askProposal asks for the preview of a wish.
type askProposal struct{ wish vote.Draft }

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
		Propose: func(w vote.Draft) { m.deps.post(askProposal{w}) },
		Vote:    func(p event.Proposal, c vote.Choice) { m.deps.post(holdBallot{p, c}) },
	}
}

// proposable is what F4 has in its list.
func (m *model) proposable() []vote.Draft {
	secure := vote.Draft{Slot: vote.SecureOnly, Action: vote.On}
	if m.voting.policy.SecureOnly {
		secure.Action = vote.Off
	}
	return []vote.Draft{secure, {Slot: vote.Topic}}
}

// propose is F4: it opens the list, or closes it.
func (m *model) propose() bool {
	if m.voting.proposing.open {
		m.closePropose()
		return true
	}
	m.voting.proposing = proposeDialog{open: true}
	m.showPropose()
	return true
}

func (m *model) closePropose() {
	m.voting.proposing = proposeDialog{}
	if m.overlay.kind == overlayPropose {
		m.overlay = overlay{}
	}
}

// showPropose opens the sheet of the list or the preview.
func (m *model) showPropose() {
	m.show(overlayPropose, sanitize.Trusted("Propose"), func(width int) []string {
		if m.voting.proposing.draft.Slot != "" {
			return m.proposals.PreviewRows(m.voting.proposing.draft, width)
		}
		return m.proposeRows(width)
	})
}

// proposeRows is the list.
func (m *model) proposeRows(width int) []string {
	t := m.th
	var rows []string
	for i, w := range m.proposable() {
		text := sanitize.Trusted("a topic for the room")
		if w.Slot == vote.SecureOnly {
			p := event.Proposal{Slot: "secure_only", Action: w.Action}
			text = sanitize.Linef("%s: %s", wording.Title(p), wording.IfPassed(p))
		}
		style, mark := t.Text, sanitize.Trusted(" ")
		if i == m.voting.proposing.choice {
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

// proposeKey is a key while something is being proposed. What the banner names goes on to work: it is
// still there to be read.
func (m *model) proposeKey(k tea.KeyMsg) {
	o := &m.voting.proposing
	switch keyName(k) {
	case "esc":
		if !m.takeBack() {
			m.closePropose()
		}
	case "f4", "ctrl+c":
		m.closePropose()
	case "f1", "alt+y":
		m.answerVote(vote.Approve)
	case "f2", "alt+n":
		m.answerVote(vote.Reject)
	case "f3", "alt+w":
		m.closePropose()
		m.showVoters()
	case "up", "k", "shift+tab":
		o.choice = max(o.choice-1, 0)
	case "down", "j", "tab":
		o.choice = min(o.choice+1, len(m.proposable())-1)
	case "pgup":
		m.scrollPages(-1)
	case "pgdown":
		m.scrollPages(1)
	case "enter":
		m.proposeEnter()
	}
}

// proposeEnter goes on: from the list to the preview, from the preview to everybody.
func (m *model) proposeEnter() {
	o := &m.voting.proposing
	switch {
	case o.waiting:
	case o.previewing():
		wish := o.wish
		m.closePropose()
		m.queueAction(func(context.Context) {
			if _, err := m.deps.node.Propose(wish); err != nil {
				m.deps.post(command.Fail{Text: err.Error()})
			}
		})
	default:
		wish := m.proposable()[o.choice]
		if wish.Slot == vote.Topic {
			m.closePropose()
			m.setFocus(paneCompose)
			m.compose.Clear()
			m.insert("/topic ")
			return
		}
		m.preview(wish)
	}
}

// redraft makes the preview anew: whoever comes or goes changes the roll, and with it what is needed.
// Meanwhile the one that is there can be sent: the node makes the roll when it is.
func (m *model) redraft() {
	if o := m.voting.proposing; o.previewing() {
		m.draft(o.wish)
	}
}

// preview asks for the preview of a wish.
func (m *model) preview(w vote.Draft) {
	m.voting.proposing.waiting = true
	m.draft(w)
}

// draft asks the node what a wish would become.
func (m *model) draft(w vote.Draft) {
	m.queueAction(func(context.Context) {
		draft, err := m.deps.node.Preview(w)
		m.deps.post(previewed{w, draft, err})
	})
}

// drafted shows the preview, unless the person has gone on to something else.
func (m *model) drafted(p previewed) {
	o := &m.voting.proposing
	again := o.previewing() && o.wish.Slot == p.wish.Slot && o.wish.Action == p.wish.Action
	switch {
	case !o.waiting && !again:
		return
	case p.err != nil:
		o.waiting = false
		m.failWith(p.err)
		return
	}
	m.voting.proposing = proposeDialog{open: true, wish: p.wish, draft: p.draft}
	m.showPropose()
}
