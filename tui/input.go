package tui

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/composer"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/screen"
)

// key takes a key to where it counts: modes first, then what counts everywhere, then the pane with
// the focus; what is left over is text, and text always goes to the composer.
func (m *model) handleKey(k tea.KeyMsg) tea.Cmd {
	if m.leave.waiting {
		if keyName(k) == "ctrl+c" {
			return tea.Quit
		}
		return nil
	}
	if keyName(k) != "ctrl+c" {
		m.leave.until = time.Time{} // who does something else stays
		if m.lay.TooSmall {
			return nil // nobody sees what it would do
		}
	}
	if s := keyName(k); m.history.toTop && s != "home" && s != "ctrl+home" {
		m.history.toTop = false
		m.status.clear()
	}
	if m.voting.proposing.open {
		m.proposeKey(k)
		return nil
	}
	if m.search.open {
		done, cmd := m.runBinding(whileSearch, k)
		if !done && k.Type == tea.KeyRunes || k.Type == tea.KeySpace {
			m.searchFor(m.search.query + string(k.Runes))
		}
		return cmd
	}
	if k.Paste {
		m.paste(string(k.Runes))
		return nil
	}
	if _, selected := m.messages.Selected(); selected {
		if done, cmd := m.runBinding(onLine, k); done {
			return cmd
		}
	}
	if done, cmd := m.runBinding(everywhere, k); done {
		return cmd
	}
	switch m.focus {
	case paneCompose:
		if done, cmd := m.runBinding(whileWriting, k); done {
			return cmd
		}
	case panePeers:
		if done, cmd := m.runBinding(onPeer, k); done {
			return cmd
		}
	case paneProposals:
		if done, cmd := m.runBinding(onVote, k); done {
			return cmd
		}
	case paneMessages:
		switch keyName(k) {
		case "up", "k":
			m.selectLine(-1)
			return nil
		case "down", "j":
			m.selectLine(1)
			return nil
		}
	}
	if k.Type == tea.KeyRunes && !k.Alt || k.Type == tea.KeySpace {
		m.setFocus(paneCompose)
		m.messages.ClearSelection()
		m.insert(string(k.Runes))
	}
	return nil
}

// press does what the key stands for in a section, if it stands for something there.
func (m *model) runBinding(in section, k tea.KeyMsg) (bool, tea.Cmd) {
	if k.Paste {
		return false, nil
	}
	b := m.keys[in][keyName(k)]
	if b == nil {
		return false, nil
	}
	return b.run(m)
}

// write puts typed text into the composer.
func (m *model) insert(text string) {
	if !m.compose.Type(text) {
		m.fail("a message has at most 8 KiB", "send it, and go on in the next")
		return
	}
	m.typingStarted()
}

// wrote tells peers that one is writing, but not while that is a command.
func (m *model) typingStarted() {
	text := m.compose.Text()
	if text == "" {
		m.typingStopped()
		return
	}
	if strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") {
		return
	}
	if m.typing.wrote(m.cfg.Now()) {
		m.queueAction(func(context.Context) { m.deps.node.Typing(true) })
	}
}

// stopped tells peers that nothing is being written.
func (m *model) typingStopped() {
	if m.typing.end() {
		m.queueAction(func(context.Context) { m.deps.node.Typing(false) })
	}
}

func (m *model) paste(text string) {
	m.setFocus(paneCompose)
	if err := m.compose.Paste(text); err != nil {
		m.failWith(err)
		return
	}
	m.typingStarted()
}

// refuse shows why something wasn't done.
func (m *model) failWith(err error) {
	hint := ""
	if h := (interface{ Hint() string })(nil); errors.As(err, &h) {
		hint = h.Hint()
	}
	m.fail(err.Error(), hint)
}

func (m *model) edit(op composer.Op) {
	before := m.compose.Text()
	m.compose.Apply(op)
	if m.compose.Text() != before {
		m.typingStarted()
	}
}

// send is Enter where one writes: what is written goes out, or is done.
func (m *model) send() bool {
	if m.focus != paneCompose {
		return false
	}
	text := m.compose.Submit()
	m.typingStopped()
	if text == "" {
		return true
	}
	m.status.clear()
	m.messages.ScrollToEnd()
	m.sheetAfterSend()
	if in, err := m.cfg.Commands.Parse(text); err == nil && in.Command != nil && in.Command.Name == "help" && in.Args == "" {
		m.openHelp() // with the keys, which the command's own answer doesn't have
		return true
	}
	m.runLine(text)
	return true
}

// interrupt is Ctrl+C: it clears the line; twice in a row it leaves.
func (m *model) interrupt() tea.Cmd {
	now := m.cfg.Now()
	if !m.leave.until.IsZero() && now.Before(m.leave.until) {
		m.quit()
		return nil
	}
	m.compose.Clear()
	m.typingStopped()
	m.leave.until = now.Add(leaveTime)
	return nil
}

func (m *model) repaint() tea.Cmd { return screen.Repaint }

// escape is Esc: it closes one thing, the one that was opened last, and never the program.
func (m *model) escape() {
	switch _, selected := m.messages.Selected(); {
	case m.takeBack():
	case m.compose.CloseList():
	case m.overlay.open():
		m.overlay = overlay{}
	case selected:
		m.messages.ClearSelection()
	case !m.status.text.IsEmpty():
		m.status.clear()
	case m.focus != paneCompose:
		m.setFocus(paneCompose)
	}
}

// nextPane is Tab: it completes, or moves the focus where there is nothing to complete.
func (m *model) nextPane() bool { return m.tab(1) }

func (m *model) previousPane() bool { return m.tab(-1) }

func (m *model) tab(step int) bool {
	if m.focus == paneCompose && !m.compose.IsEmpty() {
		m.compose.Complete(step)
		return true
	}
	order := []pane{paneCompose, panePeers, paneProposals, paneMessages}
	for i, p := range order {
		if p == m.focus {
			m.setFocus(order[(i+step+len(order))%len(order)])
			return true
		}
	}
	m.setFocus(paneCompose)
	return true
}

// jump is Home or End on an empty line: with text they move the cursor.
func (m *model) jump(home bool) bool {
	if m.focus == paneCompose && !m.compose.IsEmpty() {
		return false
	}
	if home {
		m.toTop()
	} else {
		m.messages.ScrollToEnd()
	}
	return true
}

// scrollPages scrolls a sheet that is open, else the messages.
func (m *model) scrollPages(n int) {
	if m.overlay.open() {
		m.overlay.scroll(n * max(m.lay.Overlay.H-2, 1))
		return
	}
	m.messages.ScrollPages(n)
}

// selectLine selects among the messages, which have to be seen for that.
func (m *model) selectLine(delta int) {
	if m.showMessages(); m.lay.Messages.shown() {
		m.messages.MoveSelection(delta)
	}
}

// showMessages takes away what covers the messages, or stands in their place, where there is not
// room for both.
func (m *model) showMessages() {
	if m.lay.Messages.shown() {
		return
	}
	m.overlay = overlay{}
	if m.focus == panePeers || m.focus == paneProposals {
		m.setFocus(paneCompose)
	}
	m.arrange()
}

// copyLine puts the selected line's text on the clipboard.
func (m *model) copyLine() {
	line, ok := m.messages.Selected()
	if !ok {
		return
	}
	if err := m.deps.terminal.Copy(line.Text); err != nil {
		m.failWith(err)
		return
	}
	m.status.tell(m.cfg.Now(), sanitize.Linef("Copied %d characters", len([]rune(line.Text))))
}

func (m *model) selectPeer(delta int) {
	m.peers.MoveSelection(delta)
	if m.overlay.kind == overlayPeer {
		m.showPeer()
	}
}

// onPeer does a command for the selected peer.
func (m *model) onPeer(command string) {
	if p, ok := m.peers.Selected(); ok {
		m.runLine(fmt.Sprintf(command, p.ID))
	}
}

func (m *model) ignorePeer() {
	if p, ok := m.peers.Selected(); ok && p.Ignored {
		m.onPeer("/ignore %s off")
	} else {
		m.onPeer("/ignore %s")
	}
}

func (m *model) mentionPeer() {
	p, ok := m.peers.Selected()
	if !ok {
		return
	}
	m.setFocus(paneCompose)
	m.insert("@" + m.label(p).String() + " ")
}

func (m *model) label(p event.Peer) sanitize.SafeText { return m.roster.Label(roster.ID(p.Key, p.ID)) }
