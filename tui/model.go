package tui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/composer"
	"chat.lan/p2pchat/tui/messages"
	"chat.lan/p2pchat/tui/peers"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/screen"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/tui/votes"
)

// deps is what the model has beside its configuration. Tests give their own.
type deps struct {
	node        Node
	terminal    terminal
	queueAction func(func(ctx context.Context)) // runs it later, in order, outside of Update
	queueRead   func(func(ctx context.Context)) // the same for what waits for the disk, beside the orders
	post        func(any)                       // posts to the queue; for orders only
	wakeAt      func(time.Time)                 // the one timer
	recent      *recentErrors
}

// model is the state of the screen. All of it belongs to Update and Frame, which are never called
// concurrently.
type model struct {
	cfg    Config
	deps   deps
	th     *theme.Theme
	roster *roster.Roster

	messages *messages.Pane
	peers    *peers.Pane
	compose  *composer.Pane

	proposals *votes.Pane
	voting    voting

	width, height int
	lay           layout
	focus         pane
	side          pane // the side pane that was focused last

	self    event.Self
	ownName sanitize.SafeText // of self, cleaned once: it is looked for in every line
	network event.Network
	sync    event.Sync
	behind  int // the most that was missing since all was there
	saving  event.Saving
	history history
	ready   time.Time // of Ready; zero before
	met     bool      // somebody was here
	noted   bool      // there is something among the messages

	away    bool      // the terminal's window has not the focus
	escAt   time.Time // of an Esc behind which the rest of a report may follow
	typing  typing
	rates   rates
	status  statusLine
	overlay overlay
	search  search
	bell    bellMode
	leave   leaving
	keys    keymap
}

func newModel(cfg Config, d deps) *model {
	m := &model{cfg: cfg, deps: d, th: theme.New(cfg.Look), roster: new(roster.Roster), focus: paneCompose, side: panePeers, bell: bellMention, keys: newKeymap()}
	m.messages = messages.New(messages.Config{
		Theme: m.th, Roster: m.roster,
		Self:    func() string { return m.self.ID },
		OwnName: func() sanitize.SafeText { return m.ownName },
		Now:     cfg.Now, Zone: cfg.Zone,
	})
	m.peers = peers.New(peers.Config{Theme: m.th, Roster: m.roster, Now: cfg.Now})
	m.proposals = votes.New(votes.Config{Theme: m.th, Label: m.voter, Now: m.now})
	m.compose = composer.New(composer.Config{Theme: m.th, Complete: m.candidates, Hint: sanitize.Trusted("Say something, or / for commands")})
	m.typing.init()
	cfg.Commands.Add(screenCommands()...)
	return m
}

// Init has nothing to do: events come by themselves.
func (m *model) Init() tea.Cmd { return nil }

// Update takes a message in.
func (m *model) Update(msg tea.Msg) (screen.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case event.Batch:
		cmd = m.handleBatch(msg)
	case tea.KeyMsg:
		if msg, ok := m.repairFocusReport(msg); ok {
			cmd = m.handleKey(msg)
		}
	case tea.MouseMsg:
		m.handleMouse(msg)
	case tea.FocusMsg:
		m.away = false
	case tea.BlurMsg:
		m.away = true
	}
	m.arrange()
	m.requestBackfill()
	m.deps.wakeAt(m.next())
	return m, cmd
}

// arrange gives every part its place and size.
func (m *model) arrange() {
	wide := m.width
	list := m.compose.ListHeight()
	if list > 0 {
		list++ // its heading
	}
	m.lay = arrange(shape{
		Width: wide, Height: m.height, Focus: m.focus, Side: m.side,
		Compose: m.compose.Height(wide), Status: len(m.sentenceRows(wide)), List: list,
		Banner: len(m.banner()), Proposals: max(m.proposals.Len()+1, 3),
		Overlay: m.overlay.height(m.mainWidth()),
	})
	welcome := len(m.welcomeRows(m.lay.Messages.W, m.lay.Messages.H))
	m.messages.SetSize(m.lay.Messages.W, max(m.lay.Messages.H-welcome, 0))
	m.messages.SetAway(m.away || !m.lay.Messages.shown())
	m.peers.SetSize(m.lay.Peers.W, m.lay.Peers.H)
	m.proposals.SetSize(m.lay.Proposals.W, m.lay.Proposals.H)
}

// mainWidth is the width that a sheet will have: its rows depend on it, and the layout on them.
func (m *model) mainWidth() int {
	if m.width >= sideWidth {
		return m.width - sideColumns - 1
	}
	return m.width
}

// setFocus says which pane keys go to.
func (m *model) setFocus(p pane) {
	m.focus = p
	if p == panePeers || p == paneProposals {
		m.side = p
	}
	m.compose.SetFocus(p == paneCompose)
	m.messages.SetFocus(p == paneMessages)
	m.peers.SetFocus(p == panePeers)
	m.proposals.SetFocus(p == paneProposals)
	if p != paneMessages && p != paneCompose {
		m.messages.ClearSelection()
	}
}

// setTheme changes how everything looks.
func (m *model) setTheme(look theme.Look) {
	m.cfg.Look = look
	m.th = theme.New(look)
	m.messages.SetTheme(m.th)
	m.peers.SetTheme(m.th)
	m.proposals.SetTheme(m.th)
	m.compose.SetTheme(m.th)
}

// order queues something for the node and what answers it.
func (m *model) queueAction(f func(ctx context.Context)) { m.deps.queueAction(f) }

// env is what commands work with. Answers go through the queue.
func (m *model) env() command.Env {
	return command.Env{Node: m.deps.node, Roster: m.roster, Log: m.deps.recent, Ask: m.ask(), Reply: func(a command.Answer) { m.deps.post(a) }}
}

// say does what a line asks for that was typed or built by a key.
func (m *model) runLine(line string) {
	m.queueAction(func(context.Context) { m.cfg.Commands.Do(m.env(), line) })
}

// now is the time of day as this screen shows it.
func (m *model) now() time.Time { return m.cfg.Now().In(m.cfg.Zone) }

// next is when the model has something to do by itself; zero: never.
func (m *model) next() time.Time {
	now := m.cfg.Now()
	at := now.Truncate(time.Minute).Add(time.Minute) // the clock, and how long somebody is gone
	sooner := func(t time.Time) {
		if !t.IsZero() && t.After(now) && t.Before(at) {
			at = t
		}
	}
	sooner(m.typing.next(now))
	sooner(m.status.until)
	sooner(m.leave.next())
	sooner(m.rates.next())
	sooner(m.nextVote(now))
	if m.alone() {
		sooner(now.Truncate(time.Second).Add(time.Second))
	}
	return at
}

// rang does what the time asks for.
func (m *model) onTimer() {
	now := m.cfg.Now()
	if m.typing.pause(now) {
		m.queueAction(func(context.Context) { m.deps.node.Typing(false) })
	}
	m.status.expire(now)
	m.voteTime(now)
	m.rates.rest(now)
}
