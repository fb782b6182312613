package tui

import (
	"cmp"
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/composer"
	"chat.lan/p2pchat/tui/conversation"
	"chat.lan/p2pchat/tui/peers"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// deps is what the model needs beside its configuration. Tests have their own.
type deps struct {
	node        command.LocalPeer
	terminal    terminal
	queueAction func(func(ctx context.Context)) // runs it later, in order, outside Update
	queueRead   func(func(ctx context.Context)) // runs it later, in order, beside the actions
	post        func(any)                       // to Update, through the event queue; from any goroutine
	wakeAt      func(time.Time)                 // sets the timer
	recent      *recentErrors
}

// model is the state of the screen. All of it belongs to Update and Frame, which are never called
// concurrently.
type model struct {
	cfg    Config
	deps   deps
	env    command.Env
	th     *theme.Theme
	roster *roster.Roster
	keys   keymap

	conversations []*conversation.Conversation // never empty
	current       *conversation.Conversation   // the one that is shown
	settings      *conversation.Settings
	peers         *peers.Pane

	width, height int
	lay           layout
	focus         pane
	side          pane // the side pane that had the focus last

	self    event.Self
	ownName sanitize.SafeText // our name in self, sanitized
	network event.Network
	ready   time.Time // when event.Ready came; zero before
	met     bool      // a peer was ever here

	away   bool      // the terminal's window doesn't have the focus
	escAt  time.Time // the last Esc that the rest of a focus report may follow
	rangAt time.Time // the last bell
	rates  rates
	status statusLine

	overlay overlay
	propose proposeDialog
	quit    quitting
}

func newModel(cfg Config, d deps) *model {
	m := &model{cfg: cfg, deps: d, th: theme.New(cfg.Look), roster: new(roster.Roster), focus: paneCompose, side: panePeers, keys: newKeymap()}
	m.settings = &conversation.Settings{Bell: conversation.BellMention}
	m.env = command.Env{Node: d.node, Roster: m.roster, Log: d.recent,
		Reply: func(a command.Answer) { d.post(a) },
		Ask:   asker(d.post)}
	m.peers = peers.New(peers.Config{Theme: m.th, Roster: m.roster, Now: cfg.Now})
	m.current = m.openConversation("") // takes the room of the first event that names one
	cfg.Commands.Add(screenCommands(d.post)...)
	return m
}

// openConversation adds a conversation about a room.
func (m *model) openConversation(room event.RoomID) *conversation.Conversation {
	c := conversation.New(conversation.Config{
		Node: m.deps.node, Screen: host{m}, Roster: m.roster, Theme: m.th, Settings: m.settings,
		Self:     func() event.Self { return m.self },
		OwnName:  func() sanitize.SafeText { return m.ownName },
		Complete: func(before string, asked bool) []composer.Candidate { return candidates(m, before, asked) },
		Now:      m.cfg.Now, Zone: m.cfg.Zone,
	})
	c.Room = room
	m.conversations = append(m.conversations, c)
	return c
}

// conversationOf returns the conversation about a room. This is the only place that routes.
func (m *model) conversationOf(room event.RoomID) *conversation.Conversation {
	for _, c := range m.conversations {
		c.Room = cmp.Or(c.Room, room)
		if c.Room == room || room == "" {
			return c
		}
	}
	return m.openConversation(room)
}

// Update implements screen.Model.
func (m *model) Update(msg tea.Msg) (cmd tea.Cmd) {
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
	m.current.RequestBackfill()
	m.deps.wakeAt(m.nextTimer())
	return cmd
}

// arrange gives every part its place and size.
func (m *model) arrange() {
	c := m.current
	list := c.Draft.ListHeight()
	if list > 0 {
		list++ // its heading
	}
	m.lay = arrange(shape{
		Width: m.width, Height: m.height, Focus: m.focus, Side: m.side,
		Compose: c.Draft.Height(m.width), Status: len(m.sentenceRows(m.width)), List: list,
		Banner: len(c.Voting.BannerRows(m.width)), Proposals: max(c.Voting.Pane.Len()+1, 3),
		Overlay: m.overlay.height(m.mainWidth()),
	})
	m.overlay.setSize(m.lay.Overlay)
	welcome := len(m.welcomeRows(m.lay.Messages.W, m.lay.Messages.H))
	c.Messages.SetSize(m.lay.Messages.W, max(m.lay.Messages.H-welcome, 0))
	for _, other := range m.conversations {
		other.Messages.SetAway(other != c || m.away || !m.lay.Messages.shown())
	}
	m.peers.SetSize(m.lay.Peers.W, m.lay.Peers.H)
	c.Voting.Pane.SetSize(m.lay.Proposals.W, m.lay.Proposals.H)
}

// mainWidth returns the width that an overlay will have. Its rows depend on that, and the layout on
// its rows.
func (m *model) mainWidth() int {
	if m.width >= sideWidth {
		return m.width - sideColumns - 1
	}
	return m.width
}

// setFocus makes p the pane that keys go to.
func (m *model) setFocus(p pane) {
	m.focus = p
	if p == panePeers || p == paneProposals {
		m.side = p
	}
	c := m.current
	c.Draft.SetFocus(p == paneCompose)
	c.Messages.SetFocus(p == paneMessages)
	m.peers.SetFocus(p == panePeers)
	c.Voting.Pane.SetFocus(p == paneProposals)
	if p != paneMessages && p != paneCompose {
		c.Messages.ClearSelection()
	}
}

// setTheme changes how everything looks.
func (m *model) setTheme(look theme.Look) {
	m.cfg.Look = look
	m.th = theme.New(look)
	m.peers.SetTheme(m.th)
	for _, c := range m.conversations {
		c.SetTheme(m.th)
	}
}

// now returns the time of day that this screen shows.
func (m *model) now() time.Time { return m.cfg.Now().In(m.cfg.Zone) }

// nextTimer returns when the model next has something to do by itself: at the latest when the clock
// shows another minute.
func (m *model) nextTimer() time.Time {
	now := m.cfg.Now()
	at := now.Truncate(time.Minute).Add(time.Minute)
	sooner := func(t time.Time) {
		if t.After(now) && t.Before(at) {
			at = t
		}
	}
	for _, c := range m.conversations {
		c.Timers(sooner)
	}
	sooner(m.status.until)
	sooner(m.quit.offeredUntil)
	sooner(m.rates.next())
	if m.alone() {
		sooner(now.Truncate(time.Second).Add(time.Second))
	}
	return at
}

// onTimer does what is due.
func (m *model) onTimer() {
	now := m.cfg.Now()
	for _, c := range m.conversations {
		c.OnTimer(now)
	}
	m.status.expire(now)
	m.rates.expire(now)
}
