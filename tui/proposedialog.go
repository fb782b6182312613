package tui

import (
	"context"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
	"chat.lan/p2pchat/vote"
)

// proposeDialog makes a proposal: a person chooses from a menu, sees a preview, and sends it.
type proposeDialog struct {
	open    bool
	choice  int            // in the menu, while there is no draft
	wish    vote.Draft     // the wish that draft was made for
	draft   event.Proposal // Slot is "" while the menu is shown
	waiting bool           // for the draft
}

// asker brings proposals and ballots of commands before the person first.
func asker(post func(any)) command.Ask {
	return command.Ask{
		Propose: func(w vote.Draft) { post(screenRequest(func(m *model) { m.propose.request(m, w) })) },
		Vote: func(p event.Proposal, c vote.Choice) {
			post(screenRequest(func(m *model) { m.current.Voting.Choose(p, c) }))
		},
	}
}

// openPropose (F4) opens the menu.
func openPropose(m *model) {
	m.propose = proposeDialog{open: true}
	m.propose.openOverlay(m)
}

// isPreviewing reports whether a preview is shown, and can be sent.
func (d *proposeDialog) isPreviewing() bool { return d.open && d.draft.Slot != "" }

// escape undoes a ballot before it closes the dialog: the banner above still shows its countdown.
func (d *proposeDialog) escape(m *model) {
	if !m.current.Voting.Undo() {
		d.close(m)
	}
}

func (d *proposeDialog) close(m *model) {
	*d = proposeDialog{}
	if m.overlay.kind == overlayPropose {
		m.overlay.close()
	}
}

func (d *proposeDialog) move(m *model, delta int) {
	d.choice = min(max(d.choice+delta, 0), len(d.menu(m))-1)
}

// menu returns what can be proposed now.
func (d *proposeDialog) menu(m *model) []vote.Draft {
	secure := vote.Draft{Slot: vote.SecureOnly, Action: vote.On}
	if m.current.Voting.Policy().SecureOnly {
		secure.Action = vote.Off
	}
	return []vote.Draft{secure, {Slot: vote.Topic}}
}

// accept (Enter) goes from the menu to the preview, or sends the proposal of the preview.
func (d *proposeDialog) accept(m *model) {
	switch {
	case d.waiting:
	case d.isPreviewing():
		wish := d.wish
		d.close(m)
		m.deps.queueAction(func(context.Context) {
			if _, err := m.deps.node.Propose(wish); err != nil {
				host{m}.Reject(err)
			}
		})
	default:
		wish := d.menu(m)[d.choice]
		if wish.Slot == vote.Topic {
			d.close(m)
			m.setFocus(paneCompose)
			m.current.Draft.Clear()
			m.current.Insert("/topic ")
			return
		}
		d.request(m, wish)
	}
}

// request asks the node for the preview of a wish.
func (d *proposeDialog) request(m *model, w vote.Draft) {
	d.waiting = true
	d.queueDraft(m, w)
}

// refresh asks for the preview again when peers come or go: the voter list changes, and with it how
// many approvals are needed. Meanwhile the old preview can be sent, since the node makes the list then.
func (d *proposeDialog) refresh(m *model) {
	if d.isPreviewing() {
		d.queueDraft(m, d.wish)
	}
}

func (d *proposeDialog) queueDraft(m *model, w vote.Draft) {
	m.deps.queueAction(func(context.Context) {
		draft, err := m.deps.node.Preview(w)
		m.deps.post(screenRequest(func(m *model) { m.propose.show(m, w, draft, err) }))
	})
}

// show shows the preview, unless the person has gone on to something else.
func (d *proposeDialog) show(m *model, wish vote.Draft, draft event.Proposal, err error) {
	refreshed := d.isPreviewing() && d.wish.Slot == wish.Slot && d.wish.Action == wish.Action
	switch {
	case !d.waiting && !refreshed:
	case err != nil:
		d.waiting = false
		m.failWith(err)
	default:
		*d = proposeDialog{open: true, wish: wish, draft: draft}
		d.openOverlay(m)
	}
}

// openOverlay shows the menu or the preview.
func (d *proposeDialog) openOverlay(m *model) {
	m.show(overlayPropose, sanitize.Trusted("Propose"), func(width int) []string {
		if d.draft.Slot != "" {
			return m.current.Voting.Pane.PreviewRows(d.draft, width)
		}
		return d.menuRows(m, width)
	})
}

func (d *proposeDialog) menuRows(m *model, width int) []string {
	t := m.th
	var rows []string
	for i, w := range d.menu(m) {
		text := sanitize.Trusted("a topic for the room")
		if w.Slot == vote.SecureOnly {
			p := event.Proposal{Slot: "secure_only", Action: w.Action}
			text = sanitize.Linef("%s: %s", wording.Title(p), wording.IfPassed(p))
		}
		style, mark := t.Text, sanitize.Trusted(" ")
		if i == d.choice {
			style, mark = t.Selected, t.Selection
		}
		for j, part := range text.Wrap(max(width-2, 2)) {
			if j > 0 {
				mark = sanitize.Trusted(" ")
			}
			rows = append(rows, t.Row(width).Put(style, mark).Put(style, part).String())
		}
	}
	hint := sanitize.FirstFitting(width-2, sanitize.Trusted("Up Down choose, Enter shows what it would do"), sanitize.Trusted("Up Down choose, Enter goes on"))
	return append(rows, "", t.Row(width).Space(t.Text, 1).Put(t.Dim, hint).String())
}
