package tui

import (
	"context"
	"errors"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/tui/command"
)

// handleKey takes a key to where it counts: the propose dialog and the search prompt first, then the bindings
// that count everywhere, then those of the pane with the focus. Any other key is text, and text always goes
// to the draft.
func (m *model) handleKey(k tea.KeyMsg) tea.Cmd {
	name := keyName(k)
	if m.quit.waiting {
		if name == "ctrl+c" {
			return tea.Quit
		}
		return nil
	}
	if name != "ctrl+c" {
		m.quit.offeredUntil = time.Time{}
		if m.lay.TooSmall {
			return nil // no effect could be seen
		}
	}
	if name != "home" && name != "ctrl+home" {
		m.current.StopScrolling()
	}
	switch {
	case m.propose.open:
		_, cmd := m.runBinding(whileProposing, k)
		return cmd
	case m.current.Search.IsOpen():
		done, cmd := m.runBinding(whileSearch, k)
		if !done && (k.Type == tea.KeyRunes || k.Type == tea.KeySpace) {
			m.current.Search.Edit(k)
		}
		return cmd
	case k.Paste:
		m.setFocus(paneCompose)
		if err := m.current.Paste(string(k.Runes)); err != nil {
			m.failWith(err)
		}
		return nil
	}
	if _, selected := m.current.Messages.Selected(); selected {
		if done, cmd := m.runBinding(onMessage, k); done {
			return cmd
		}
	}
	for _, in := range [...]section{everywhere, m.focus.section()} {
		if done, cmd := m.runBinding(in, k); done {
			return cmd
		}
	}
	if k.Type == tea.KeyRunes && !k.Alt || k.Type == tea.KeySpace {
		m.setFocus(paneCompose)
		m.current.Messages.ClearSelection()
		m.current.Insert(string(k.Runes))
	}
	return nil
}

// section returns the bindings that count while a pane has the focus.
func (p pane) section() section {
	return [...]section{paneCompose: whileWriting, paneMessages: onMessages, panePeers: onPeer, paneProposals: onVote}[p]
}

// runBinding runs the action that a key has in a section, and reports whether it has one that applies.
func (m *model) runBinding(in section, k tea.KeyMsg) (bool, tea.Cmd) {
	b := m.keys[in][keyName(k)]
	if b == nil || k.Paste || !b.Enabled() {
		return false, nil
	}
	return b.run(m)
}

// runLine queues what a typed line asks for: a message or a command.
func (m *model) runLine(line string) {
	m.queueInput(m.cfg.Commands.Parse(line))
}

// queueInput queues a line that was parsed.
func (m *model) queueInput(in command.Input) {
	m.deps.queueAction(func(context.Context) { m.cfg.Commands.Run(m.env, in) })
}

// submit (Enter) sends the draft, or runs the command in it. Outside the composer it reports false.
func submit(m *model) bool {
	if m.focus != paneCompose {
		return false
	}
	text := m.current.Submit()
	if text == "" {
		return true
	}
	m.status.clear()
	m.current.Messages.ScrollToEnd()
	if m.overlay.kind == overlayAnswer { // the next answer replaces it
		m.overlay.close()
	}
	in := m.cfg.Commands.Parse(text)
	if in.Command != nil && in.Command.Name == "help" && in.Args == "" {
		openHelp(m) // with the keys, which the command's own answer lacks
		return true
	}
	m.queueInput(in)
	return true
}

// fail shows why something wasn't done, and records it for /log.
func (m *model) fail(text, hint string) {
	line := m.withHint(text, hint)
	m.status.fail(m.cfg.Now(), line)
	m.recordError(line)
}

// failWith shows an error, with its hint if it has one.
func (m *model) failWith(err error) {
	hint := ""
	if h := (interface{ Hint() string })(nil); errors.As(err, &h) {
		hint = h.Hint()
	}
	m.fail(err.Error(), hint)
}
