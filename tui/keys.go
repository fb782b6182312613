package tui

import (
	"strings"

	"github.com/charmbracelet/bubbles/key"
	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/tui/composer"
	"chat.lan/p2pchat/tui/screen"
	"chat.lan/p2pchat/vote"
)

// section is a group of keys that count in one situation, by its heading in the help.
type section string

const (
	everywhere     section = "Everywhere"
	whileWriting   section = "Writing"
	onMessage      section = "With a line selected"
	onMessages     section = "Among the messages"  // not in the help
	onPeer         section = "Among the peers"     // their pane has the focus
	onVote         section = "Among the proposals" // their pane has the focus
	whileSearch    section = "Searching"
	whileProposing section = "Proposing" // not in the help
)

// binding is one row of the table of keys. The table is all there is: the dispatch of keys, the help
// and the README's table come from it.
type binding struct {
	key.Binding // its help is empty where the row before explains this key too
	in          section
	// run does it, and reports false when it doesn't apply: then the key goes on to the next section.
	run func(m *model) (bool, tea.Cmd)
}

// bind returns a row: keys as Bubble Tea names them, separated by blanks, then how the help shows them
// and what it says about them.
func bind(in section, keys, show, help string, run func(m *model) (bool, tea.Cmd)) binding {
	return binding{key.NewBinding(key.WithKeys(strings.Fields(keys)...), key.WithHelp(show, help)), in, run}
}

// keyTable returns all bindings. Never bound, because terminals use them otherwise: Ctrl+S and Ctrl+Q
// (flow control), Ctrl+B (tmux), Ctrl+H, Ctrl+I and Ctrl+M (Backspace, Tab and Enter).
func keyTable() []binding {
	return []binding{
		bind(everywhere, "enter", "Enter", "send what you wrote", does(submit)),
		bind(everywhere, "f6", "F6", "the peers", focuses(panePeers)),
		bind(everywhere, "f1 alt+y", "F1 F2", "yes, no to the vote in the banner; for 5 s Esc takes it back (also Alt+Y, Alt+N)", always(func(m *model) { m.current.Voting.Answer(vote.Approve) })),
		bind(everywhere, "f2 alt+n", "", "", always(func(m *model) { m.current.Voting.Answer(vote.Reject) })),
		bind(everywhere, "f3 alt+w", "F3", "who voted how (also Alt+W)", always(toggleVoters)),
		bind(everywhere, "f4", "F4", "propose something to the vote", always(openPropose)),
		bind(everywhere, "f7", "F7", "the proposals", focuses(paneProposals)),
		bind(everywhere, "f5", "F5", "the messages", focuses(paneMessages)),
		bind(everywhere, "f8", "F8", "the composer, where you write", focuses(paneCompose)),
		bind(everywhere, "tab", "Tab", "complete; on an empty line: the next pane", does(func(m *model) bool { return completeOrCycle(m, 1) })),
		bind(everywhere, "shift+tab", "", "", does(func(m *model) bool { return completeOrCycle(m, -1) })),
		bind(everywhere, "pgup", "PgUp PgDn", "scroll by a page", always(func(m *model) { scrollPages(m, -1) })),
		bind(everywhere, "pgdown", "", "", always(func(m *model) { scrollPages(m, 1) })),
		bind(everywhere, "home", "Home End", "on an empty line: to the first line, to the last", does(func(m *model) bool { return jump(m, true) })),
		bind(everywhere, "end", "", "", does(func(m *model) bool { return jump(m, false) })),
		bind(everywhere, "ctrl+home", "", "", always(func(m *model) { m.current.ScrollToStart() })),
		bind(everywhere, "ctrl+end", "", "", always(func(m *model) { m.current.Messages.ScrollToEnd() })),
		bind(everywhere, "ctrl+up", "Ctrl+Up Ctrl+Down", "select a line, to copy it (y) or look into it (i)", always(func(m *model) { selectMessage(m, -1) })),
		bind(everywhere, "ctrl+down", "", "", always(func(m *model) { selectMessage(m, 1) })),
		bind(everywhere, "ctrl+f", "Ctrl+F", "search the messages", always(openSearch)),
		bind(everywhere, "esc", "Esc", "close what is open", always(closeTopmost)),
		bind(everywhere, "ctrl+c", "Ctrl+C", "clear the line; twice: leave, as /quit does", cmd(interrupt)),
		bind(everywhere, "ctrl+l", "Ctrl+L", "draw the screen again", cmd(func(*model) tea.Cmd { return screen.Repaint })),
		bind(everywhere, "ctrl+z", "Ctrl+Z", "suspend; fg comes back", cmd(func(*model) tea.Cmd { return screen.Suspend })),
		bind(everywhere, "?", "?", "on an empty line: this help", does(toggleHelp)),

		bind(whileWriting, "alt+enter ctrl+j", "Alt+Enter Ctrl+J", "a new row in the same message", edits(composer.Newline)),
		bind(whileWriting, "up", "Up Down", "the row above and below, then what you sent before", edits(composer.Up)),
		bind(whileWriting, "down", "", "", edits(composer.Down)),
		bind(whileWriting, "left", "", "", edits(composer.Left)),
		bind(whileWriting, "right", "", "", edits(composer.Right)),
		bind(whileWriting, "ctrl+a home", "Ctrl+A Ctrl+E", "to the beginning, to the end", edits(composer.Home)),
		bind(whileWriting, "ctrl+e end", "", "", edits(composer.End)),
		bind(whileWriting, "alt+b ctrl+left alt+left", "Alt+B Alt+F", "a word back, forward (also Ctrl+Left, Ctrl+Right)", edits(composer.WordLeft)),
		bind(whileWriting, "alt+f ctrl+right alt+right", "", "", edits(composer.WordRight)),
		bind(whileWriting, "backspace", "", "", edits(composer.Backspace)),
		bind(whileWriting, "delete ctrl+d", "", "", edits(composer.Delete)),
		bind(whileWriting, "ctrl+u", "Ctrl+U Ctrl+K", "delete to the beginning, to the end", edits(composer.KillStart)),
		bind(whileWriting, "ctrl+k", "", "", edits(composer.KillEnd)),
		bind(whileWriting, "ctrl+w", "Ctrl+W Alt+D", "delete a word back, forward", edits(composer.KillWord)),
		bind(whileWriting, "alt+backspace", "", "", edits(composer.KillBack)),
		bind(whileWriting, "alt+d", "", "", edits(composer.KillNext)),
		bind(whileWriting, "ctrl+y", "Ctrl+Y", "bring back what was deleted", edits(composer.Yank)),
		bind(whileWriting, "ctrl+t", "Ctrl+T", "swap two characters", edits(composer.Transpose)),

		bind(onMessage, "y alt+c", "y", "copy its text (also Alt+C)", always(copyMessage)),
		bind(onMessage, "i", "i", "inspect it: its signature, its time and its route", always(toggleInspector)),
		bind(onMessage, "up k", "", "", always(func(m *model) { selectMessage(m, -1) })),
		bind(onMessage, "down j", "", "", always(func(m *model) { selectMessage(m, 1) })),

		bind(onMessages, "up k", "", "", always(func(m *model) { selectMessage(m, -1) })),
		bind(onMessages, "down j", "", "", always(func(m *model) { selectMessage(m, 1) })),

		bind(onPeer, "j down", "j k", "the next, the one before (also the arrows)", always(func(m *model) { selectPeer(m, 1) })),
		bind(onPeer, "k up", "", "", always(func(m *model) { selectPeer(m, -1) })),
		bind(onPeer, "enter", "Enter", "details: address, key, words, since when", always(showPeer)),
		bind(onPeer, "v", "v", "compare words: /verify", always(func(m *model) { runOnPeer(m, "/verify %s") })),
		bind(onPeer, "i", "i", "ignore, or listen again: /ignore", always(toggleIgnored)),
		bind(onPeer, "@", "@", "mention in the composer", always(mentionPeer)),

		bind(onVote, "j down", "j k", "the next, the one before (also the arrows)", always(func(m *model) { selectProposal(m, 1) })),
		bind(onVote, "k up", "", "", always(func(m *model) { selectProposal(m, -1) })),
		bind(onVote, "enter", "Enter", "the roll, and who voted how", always(showProposal)),
		bind(onVote, "a", "a r", "approve, reject", always(func(m *model) { m.current.Voting.AnswerSelected(vote.Approve) })),
		bind(onVote, "r", "", "", always(func(m *model) { m.current.Voting.AnswerSelected(vote.Reject) })),
		bind(onVote, "n", "n", "propose something, as F4", always(openPropose)),
		bind(onVote, "c", "c e", "the certificate: show it, save it", always(showCertificate)),
		bind(onVote, "e", "", "", always(saveCertificate)),

		bind(whileSearch, "enter up", "Enter", "the last match, then the one before (also Up, Down)", always(func(m *model) { m.current.Search.Next(-1) })),
		bind(whileSearch, "down", "", "", always(func(m *model) { m.current.Search.Next(1) })),
		bind(whileSearch, "n", "n N", "from a match: the one before, the one after", does(func(m *model) bool { return m.current.Search.NextAmong(-1) })),
		bind(whileSearch, "N", "", "", does(func(m *model) bool { return m.current.Search.NextAmong(1) })),
		bind(whileSearch, "tab", "Tab", "stay at this match, with its line selected", always(func(m *model) { m.current.Search.Stay() })),
		bind(whileSearch, "esc ctrl+c ctrl+f", "Esc", "end the search, and go back to where you were", always(func(m *model) { m.current.Search.Cancel() })),
		bind(whileSearch, "backspace", "", "", always(func(m *model) { m.current.Search.Edit(tea.KeyMsg{Type: tea.KeyBackspace}) })),
		bind(whileSearch, "ctrl+u", "", "", always(func(m *model) { m.current.Search.Edit(tea.KeyMsg{Type: tea.KeyCtrlU}) })),
		bind(whileSearch, "pgup", "", "", always(func(m *model) { m.current.Messages.ScrollPages(-1) })),
		bind(whileSearch, "pgdown", "", "", always(func(m *model) { m.current.Messages.ScrollPages(1) })),

		bind(whileProposing, "esc", "", "", always(func(m *model) { m.propose.escape(m) })),
		bind(whileProposing, "f4 ctrl+c", "", "", always(func(m *model) { m.propose.close(m) })),
		bind(whileProposing, "f1 alt+y", "", "", always(func(m *model) { m.current.Voting.Answer(vote.Approve) })),
		bind(whileProposing, "f2 alt+n", "", "", always(func(m *model) { m.current.Voting.Answer(vote.Reject) })),
		bind(whileProposing, "f3 alt+w", "", "", always(func(m *model) { m.propose.close(m); toggleVoters(m) })),
		bind(whileProposing, "up k shift+tab", "", "", always(func(m *model) { m.propose.move(m, -1) })),
		bind(whileProposing, "down j tab", "", "", always(func(m *model) { m.propose.move(m, 1) })),
		bind(whileProposing, "pgup", "", "", always(func(m *model) { scrollPages(m, -1) })),
		bind(whileProposing, "pgdown", "", "", always(func(m *model) { scrollPages(m, 1) })),
		bind(whileProposing, "enter", "", "", always(func(m *model) { m.propose.accept(m) })),
	}
}

// always returns an action that applies in any case.
func always(f func(*model)) func(*model) (bool, tea.Cmd) {
	return func(m *model) (bool, tea.Cmd) { f(m); return true, nil }
}

// does returns an action that reports whether it applies.
func does(f func(*model) bool) func(*model) (bool, tea.Cmd) {
	return func(m *model) (bool, tea.Cmd) { return f(m), nil }
}

// cmd returns an action that has a command for Bubble Tea.
func cmd(f func(*model) tea.Cmd) func(*model) (bool, tea.Cmd) {
	return func(m *model) (bool, tea.Cmd) { return true, f(m) }
}

// focuses returns an action that moves the focus.
func focuses(p pane) func(*model) (bool, tea.Cmd) {
	return always(func(m *model) { m.setFocus(p) })
}

// edits returns an action that edits the draft.
func edits(op composer.Op) func(*model) (bool, tea.Cmd) {
	return always(func(m *model) { m.current.Edit(op) })
}

// keyName returns the name of a key in the table, and "" for text. Several letters that arrive at once
// are one tea.KeyMsg: those of a fast typist, or of a paste that the terminal doesn't mark. Bubble Tea
// then names the word "end" as it names the key.
func keyName(k tea.KeyMsg) string {
	if k.Type == tea.KeyRunes && (len(k.Runes) != 1 || k.Paste) {
		return ""
	}
	return k.String()
}

// keymap finds a binding by section and key name.
type keymap map[section]map[string]*binding

func newKeymap() keymap {
	all := keymap{}
	for _, b := range keyTable() {
		if all[b.in] == nil {
			all[b.in] = map[string]*binding{}
		}
		for _, name := range b.Keys() {
			all[b.in][name] = &b
		}
	}
	return all
}
