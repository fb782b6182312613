package tui

import (
	"context"
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/sanitize"
)

// This file holds the actions of the key table (keys.go) that are more than a call.

// interrupt (Ctrl+C) discards the draft, and the second time in a row it quits.
func interrupt(m *model) tea.Cmd {
	now := m.cfg.Now()
	if now.Before(m.quit.offeredUntil) {
		m.quit.start(m)
		return nil
	}
	m.current.Discard()
	m.quit.offeredUntil = now.Add(quitOffer)
	return nil
}

// closeTopmost (Esc) closes what was opened last, but never the program.
func closeTopmost(m *model) {
	switch _, selected := m.current.Messages.Selected(); {
	case m.current.Voting.Undo():
	case m.current.Draft.CloseList():
	case m.overlay.isOpen():
		m.overlay.close()
	case selected:
		m.current.Messages.ClearSelection()
	case !m.status.text.IsEmpty():
		m.status.clear()
	case m.focus != paneCompose:
		m.setFocus(paneCompose)
	}
}

// completeOrCycle (Tab) completes the draft, or moves the focus where the draft is empty.
func completeOrCycle(m *model, step int) bool {
	if m.focus == paneCompose && !m.current.Draft.IsEmpty() {
		m.current.Draft.Complete(step)
		return true
	}
	m.setFocus((m.focus + pane(step) + panes) % panes)
	return true
}

// jump (Home, End) goes to the first message or the last. In a draft with text these keys move the
// cursor, so jump reports false there.
func jump(m *model, home bool) bool {
	if m.focus == paneCompose && !m.current.Draft.IsEmpty() {
		return false
	}
	if home {
		m.current.ScrollToStart()
	} else {
		m.current.Messages.ScrollToEnd()
	}
	return true
}

// scrollPages scrolls an overlay that is open, else the messages.
func scrollPages(m *model, n int) {
	if m.overlay.isOpen() {
		m.overlay.scroll(n * max(m.lay.Overlay.H-2, 1))
		return
	}
	m.current.Messages.ScrollPages(n)
}

// selectMessage moves the selection among the messages, and uncovers them first.
func selectMessage(m *model, delta int) {
	if uncoverMessages(m); m.lay.Messages.shown() {
		m.current.Messages.MoveSelection(delta)
	}
}

// uncoverMessages closes an overlay or a side pane that leaves no room for the messages.
func uncoverMessages(m *model) {
	if m.lay.Messages.shown() {
		return
	}
	m.overlay.close()
	if m.focus == panePeers || m.focus == paneProposals {
		m.setFocus(paneCompose)
	}
	m.arrange()
}

// copyMessage puts the selected message's text on the clipboard.
func copyMessage(m *model) {
	line, ok := m.current.Messages.Selected()
	if !ok {
		return
	}
	if err := m.deps.terminal.Copy(line.Text); err != nil {
		m.failWith(err)
		return
	}
	m.status.inform(m.cfg.Now(), sanitize.Linef("Copied %d characters", len([]rune(line.Text))))
}

func openSearch(m *model) {
	m.current.Search.Open()
	uncoverMessages(m)
	m.current.Messages.ClearSelection()
}

func selectPeer(m *model, delta int) {
	m.peers.MoveSelection(delta)
	if m.overlay.kind == overlayPeer {
		showPeer(m)
	}
}

// runOnPeer runs a command on the selected peer.
func runOnPeer(m *model, command string) {
	if p, ok := m.peers.Selected(); ok {
		m.runLine(fmt.Sprintf(command, p.ID))
	}
}

func toggleIgnored(m *model) {
	if p, ok := m.peers.Selected(); ok && p.Ignored {
		runOnPeer(m, "/ignore %s off")
	} else {
		runOnPeer(m, "/ignore %s")
	}
}

func mentionPeer(m *model) {
	p, ok := m.peers.Selected()
	if !ok {
		return
	}
	m.setFocus(paneCompose)
	m.current.Insert("@" + m.label(p).String() + " ")
}

// toggleVoters (F3) shows the voters of the proposal in the banner and their ballots, or closes them.
func toggleVoters(m *model) {
	p, ok := m.current.Voting.Pane.BannerProposal()
	switch {
	case m.overlay.kind == overlayVote:
		m.overlay.close()
	case ok:
		openProposal(m, p.ID)
	default:
		m.setFocus(paneProposals)
	}
}

func selectProposal(m *model, delta int) {
	m.current.Voting.Pane.MoveSelection(delta)
	if m.overlay.kind == overlayVote {
		showProposal(m)
	}
}

func showProposal(m *model) {
	if p, ok := m.current.Voting.Pane.Selected(); ok {
		openProposal(m, p.ID)
	}
}

// showCertificate shows the certificate of the selected proposal.
func showCertificate(m *model) {
	p, ok := m.current.Voting.Pane.Selected()
	if !ok {
		return
	}
	m.deps.queueAction(func(context.Context) {
		_, data, err := m.deps.node.Certificate(p.ID)
		if err != nil {
			m.deps.post(command.Fail{Text: err.Error(), Hint: "a certificate is there once it has passed"})
			return
		}
		m.deps.post(command.Info{Text: "Certificate of " + p.Label + "\n" + string(data) + "e saves it; p2pchat verify FILE checks it anywhere"})
	})
}

// saveCertificate writes the certificate of the selected proposal into the working directory.
func saveCertificate(m *model) {
	if p, ok := m.current.Voting.Pane.Selected(); ok {
		m.runLine("/proof " + p.Label + " p2pchat-vote-" + p.ID[:min(len(p.ID), 8)] + ".json")
	}
}
