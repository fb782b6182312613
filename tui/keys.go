package tui

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/tui/composer"
	"chat.lan/p2pchat/vote"
)

// section is a group of keys that count in one situation.
type section int

// The sections, in the order of the help.
const (
	everywhere section = iota
	whileWriting
	onLine      // a line is selected
	onPeer      // the peers pane has the focus
	onVote      // the proposals pane has the focus
	whileSearch // the search prompt is open
)

// title is the heading of a section in the help.
func (s section) title() string {
	return [...]string{"Everywhere", "Writing", "With a line selected", "Among the peers", "Among the proposals", "Searching"}[s]
}

// binding is one row of the table of keys. The table is all there is: what dispatches keys, the help
// and the README's table come from it.
type binding struct {
	in   section
	keys string // as Bubble Tea names them, separated by blanks; "space" is " "
	show string // for people
	help string // what it does; "" shares the row of the binding before
	// run does it, and reports false when it doesn't apply: then the key goes on to the next section.
	run func(m *model) (bool, tea.Cmd)
}

// Never bound, because terminals use them otherwise: Ctrl+S and Ctrl+Q (flow control), Ctrl+B (tmux),
// Ctrl+H, Ctrl+I and Ctrl+M (Backspace, Tab and Enter).
func keyTable() []binding {
	return []binding{
		{everywhere, "enter", "Enter", "send what you wrote", does((*model).send)},
		{everywhere, "f6", "F6", "the peers: who is here", focuses(panePeers)},
		{everywhere, "f1 alt+y", "F1 F2", "yes, no to the vote in the banner; for 5 s Esc takes it back (also Alt+Y, Alt+N)", does(func(m *model) bool { return m.answerVote(vote.Approve) })},
		{everywhere, "f2 alt+n", "", "", does(func(m *model) bool { return m.answerVote(vote.Reject) })},
		{everywhere, "f3 alt+w", "F3", "who voted how (also Alt+W)", does((*model).showVoters)},
		{everywhere, "f4", "F4", "propose something to the vote", does((*model).propose)},
		{everywhere, "f7", "F7", "the proposals", focuses(paneProposals)},
		{everywhere, "f5", "F5", "the messages", focuses(paneMessages)},
		{everywhere, "f8", "F8", "the composer, where you write", focuses(paneCompose)},
		{everywhere, "tab", "Tab", "complete; on an empty line: the next pane", does((*model).nextPane)},
		{everywhere, "shift+tab", "", "", does((*model).previousPane)},
		{everywhere, "pgup", "PgUp PgDn", "scroll by a page", always(func(m *model) { m.scrollPages(-1) })},
		{everywhere, "pgdown", "", "", always(func(m *model) { m.scrollPages(1) })},
		{everywhere, "home", "Home End", "on an empty line: to the first line, to the last", does(func(m *model) bool { return m.jump(true) })},
		{everywhere, "end", "", "", does(func(m *model) bool { return m.jump(false) })},
		{everywhere, "ctrl+home", "", "", always((*model).toTop)},
		{everywhere, "ctrl+end", "", "", always(func(m *model) { m.messages.ScrollToEnd() })},
		{everywhere, "ctrl+up", "Ctrl+Up Ctrl+Down", "select a line, to copy it (y) or look into it (i)", always(func(m *model) { m.selectLine(-1) })},
		{everywhere, "ctrl+down", "", "", always(func(m *model) { m.selectLine(1) })},
		{everywhere, "ctrl+f", "Ctrl+F", "search what was said", always((*model).openSearch)},
		{everywhere, "esc", "Esc", "close what is open", always((*model).escape)},
		{everywhere, "ctrl+c", "Ctrl+C", "clear the line; twice: leave, as /quit does", cmd((*model).interrupt)},
		{everywhere, "ctrl+l", "Ctrl+L", "draw the screen again", cmd((*model).repaint)},
		{everywhere, "ctrl+z", "Ctrl+Z", "suspend; fg comes back", cmd(func(*model) tea.Cmd { return suspend })},
		{everywhere, "?", "?", "on an empty line: this help", does((*model).help)},

		{whileWriting, "alt+enter ctrl+j", "Alt+Enter Ctrl+J", "a new row in the same message", edits(composer.Newline)},
		{whileWriting, "up", "Up Down", "the row above and below, then what you sent before", edits(composer.Up)},
		{whileWriting, "down", "", "", edits(composer.Down)},
		{whileWriting, "left", "", "", edits(composer.Left)},
		{whileWriting, "right", "", "", edits(composer.Right)},
		{whileWriting, "ctrl+a home", "Ctrl+A Ctrl+E", "to the beginning, to the end", edits(composer.Home)},
		{whileWriting, "ctrl+e end", "", "", edits(composer.End)},
		{whileWriting, "alt+b ctrl+left alt+left", "Alt+B Alt+F", "a word back, forward (also Ctrl+Left, Ctrl+Right)", edits(composer.WordLeft)},
		{whileWriting, "alt+f ctrl+right alt+right", "", "", edits(composer.WordRight)},
		{whileWriting, "backspace", "", "", edits(composer.Backspace)},
		{whileWriting, "delete ctrl+d", "", "", edits(composer.Delete)},
		{whileWriting, "ctrl+u", "Ctrl+U Ctrl+K", "delete to the beginning, to the end", edits(composer.KillStart)},
		{whileWriting, "ctrl+k", "", "", edits(composer.KillEnd)},
		{whileWriting, "ctrl+w", "Ctrl+W Alt+D", "delete a word back, forward", edits(composer.KillWord)},
		{whileWriting, "alt+backspace", "", "", edits(composer.KillBack)},
		{whileWriting, "alt+d", "", "", edits(composer.KillNext)},
		{whileWriting, "ctrl+y", "Ctrl+Y", "bring back what was deleted", edits(composer.Yank)},
		{whileWriting, "ctrl+t", "Ctrl+T", "swap two characters", edits(composer.Transpose)},

		{onLine, "y alt+c", "y", "copy its text (also Alt+C)", always((*model).copyLine)},
		{onLine, "i", "i", "inspect it: who signed what, when, and through whom it came", always((*model).inspect)},
		{onLine, "up k", "", "", always(func(m *model) { m.selectLine(-1) })},
		{onLine, "down j", "", "", always(func(m *model) { m.selectLine(1) })},

		{onPeer, "j down", "j k", "the next, the one before (also the arrows)", always(func(m *model) { m.selectPeer(1) })},
		{onPeer, "k up", "", "", always(func(m *model) { m.selectPeer(-1) })},
		{onPeer, "enter", "Enter", "details: address, key, words, since when", always((*model).showPeer)},
		{onPeer, "v", "v", "compare words: /verify", always(func(m *model) { m.onPeer("/verify %s") })},
		{onPeer, "i", "i", "ignore, or listen again: /ignore", always((*model).ignorePeer)},
		{onPeer, "@", "@", "mention in the composer", always((*model).mentionPeer)},

		{onVote, "j down", "j k", "the next, the one before (also the arrows)", always(func(m *model) { m.selectVote(1) })},
		{onVote, "k up", "", "", always(func(m *model) { m.selectVote(-1) })},
		{onVote, "enter", "Enter", "the roll, and who voted how", always((*model).openVote)},
		{onVote, "a", "a r", "approve, reject", always(func(m *model) { m.voteSelected(vote.Approve) })},
		{onVote, "r", "", "", always(func(m *model) { m.voteSelected(vote.Reject) })},
		{onVote, "n", "n", "propose something, as F4", does((*model).propose)},
		{onVote, "c", "c e", "the certificate: show it, save it", always((*model).showProof)},
		{onVote, "e", "", "", always((*model).saveProof)},

		{whileSearch, "enter up", "Enter", "the last match, then the one before (also Up, Down)", always(func(m *model) { m.searchNext(-1) })},
		{whileSearch, "down", "", "", always(func(m *model) { m.searchNext(1) })},
		{whileSearch, "n", "n N", "from a match: the one before, the one after", does(func(m *model) bool { return m.amongMatches(-1) })},
		{whileSearch, "N", "", "", does(func(m *model) bool { return m.amongMatches(1) })},
		{whileSearch, "tab", "Tab", "stay at this match, with its line selected", always((*model).stayAtMatch)},
		{whileSearch, "esc ctrl+c ctrl+f", "Esc", "end the search, and go back to where you were", always((*model).closeSearch)},
		{whileSearch, "backspace", "", "", always((*model).searchBack)},
		{whileSearch, "ctrl+u", "", "", always(func(m *model) { m.searchFor("") })},
		{whileSearch, "pgup", "", "", always(func(m *model) { m.messages.ScrollPages(-1) })},
		{whileSearch, "pgdown", "", "", always(func(m *model) { m.messages.ScrollPages(1) })},
	}
}

// The forms that the last column has.
func always(f func(*model)) func(*model) (bool, tea.Cmd) {
	return func(m *model) (bool, tea.Cmd) { f(m); return true, nil }
}

func does(f func(*model) bool) func(*model) (bool, tea.Cmd) {
	return func(m *model) (bool, tea.Cmd) { return f(m), nil }
}

func cmd(f func(*model) tea.Cmd) func(*model) (bool, tea.Cmd) {
	return func(m *model) (bool, tea.Cmd) { return true, f(m) }
}

func focuses(p pane) func(*model) (bool, tea.Cmd) {
	return always(func(m *model) { m.setFocus(p) })
}

func edits(op composer.Op) func(*model) (bool, tea.Cmd) {
	return always(func(m *model) { m.edit(op) })
}

// keyName is what the table calls a key; "" for text, which no key stands for. Text that comes at once
// (a fast typist on a slow line, a paste into a terminal that doesn't mark it) is one tea.KeyMsg, and
// Bubble Tea calls the word "end" as it calls the key.
func keyName(k tea.KeyMsg) string {
	if k.Type == tea.KeyRunes && (len(k.Runes) != 1 || k.Paste) {
		return ""
	}
	return k.String()
}

// keymap finds a binding by section and key.
type keymap map[section]map[string]*binding

func newKeymap() keymap {
	all := keymap{}
	for _, b := range keyTable() {
		if all[b.in] == nil {
			all[b.in] = map[string]*binding{}
		}
		for key := range strings.FieldsSeq(b.keys) {
			all[b.in][key] = &b
		}
	}
	return all
}

// KeysMarkdown is the table of keys as the README shows it.
func KeysMarkdown() string {
	var b strings.Builder
	last := section(-1)
	for _, k := range keyTable() {
		if k.help == "" {
			continue
		}
		if k.in != last {
			if last >= 0 {
				b.WriteString("\n")
			}
			b.WriteString("| " + k.in.title() + " | |\n| --- | --- |\n")
			last = k.in
		}
		b.WriteString("| " + k.show + " | " + k.help + " |\n")
	}
	return b.String()
}
