// Package lines is p2pchat without a screen: line mode, which speaks the words of the seed's
// walkthrough, and JSON mode, which writes one object a line. Scripts, bots and tests live on what
// it prints: fields are added, never renamed.
//
//	node ── Post ──▶ view (text or JSON) ──▶ output ──▶ stdout, stderr
//	stdin ─▶ input ─▶ Run ─▶ command.Table ─▶ node
//	                     └── answers ─▶ view
//
// In both modes a line of standard input is what a person would type in the composer. Nothing asks
// back, and every buffer is bounded. A slow reader is waited for: a stuck stdout pushes back on the
// network through Post, a stuck network on stdin through WaitWritable.
package lines

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/wording"
)

const (
	// patience is how long a line waits for a first peer, and the end for acknowledgements.
	patience = 5 * time.Second
	// maxFarewell bounds the wait for acknowledgements that keep coming.
	maxFarewell = 30 * time.Second
)

// Config says where a Mode reads and writes.
type Config struct {
	In        io.Reader // a Cancel method, as of a cancelreader, is called when Run has to end
	Out, Err  io.Writer
	JSON      bool
	Terminal  bool       // a person types and reads: show the prompt
	Dumb      bool       // a terminal that can't erase a line
	TwoPerson *TwoPerson // the two-person program's words; nil: line mode's
	Commands  *command.Table
	Log       command.Log // for /log; nil when there is none
	History   int         // messages of earlier runs to begin with
}

// Mode is line or JSON mode. Post may be called from any goroutine but is meant for the node's one;
// Run is called once, Close once, after it.
type Mode struct {
	cfg    Config
	group  *group.Group
	out    *output
	roster *roster.Roster
	ready  chan struct{} // closed by begin
	begin  func()        // for Ready; only the first counts
	ended  chan struct{} // closed by Run when it returns: Post waits for nothing any more

	acks atomic.Int64 // Delivered events so far

	mu      sync.Mutex // one event or answer is written at a time
	view    view       // guarded by mu
	trouble string     // guarded by mu; the network's trouble that was shown last

	quit  bool // Run only: /quit was typed
	alone bool // Run only: a line has waited for a first peer in vain
}

// view writes events and answers to an output.
type view interface {
	event(ev event.Event, before event.State) // before: the state of a PeerChanged's peer until now, "" when it wasn't here
	answer(command.Answer)
}

// Start makes a Mode and starts its writer in g. The writer outlives g's context, so that the last
// words of a program that is being ended are written: only Close ends it, and comes before g is
// waited for.
func Start(g *group.Group, cfg Config) *Mode {
	m := &Mode{
		cfg:    cfg,
		group:  g,
		out:    newOutput(cfg),
		roster: new(roster.Roster),
		ready:  make(chan struct{}),
		ended:  make(chan struct{}),
	}
	m.begin = sync.OnceFunc(func() {
		m.out.allowPrompt()
		close(m.ready)
	})
	if cfg.JSON {
		m.view = &jsonView{out: m.out}
	} else {
		text := &textView{out: m.out, roster: m.roster, refused: make(map[string]int), now: time.Now}
		m.view = text
		if cfg.TwoPerson != nil {
			m.view = &twoPersonView{textView: text, talk: cfg.TwoPerson}
		}
	}
	g.Go("lines/output", func(context.Context) { m.out.run() })
	return m
}

// Post shows an event. While Run runs it blocks when the reader of stdout is slow.
func (m *Mode) Post(ev event.Event) { m.post(ev, m.ended) }

// post shows an event, and waits for a slow reader until stop is closed.
func (m *Mode) post(ev event.Event, stop <-chan struct{}) {
	if said, ok := ev.(event.Said); ok && m.roster.IsIgnored(said.Line.FromID) {
		return
	}
	m.show(ev)
	m.out.wait(stop)
}

func (m *Mode) show(ev event.Event) {
	m.mu.Lock()
	defer m.mu.Unlock() // also when the view panics: the goodbye must not wait for ever
	if network, ok := ev.(event.Network); ok {
		if network.Trouble == m.trouble {
			return
		}
		m.trouble = network.Trouble
		if m.trouble == "" {
			return
		}
		ev = event.Notice{Level: event.Warning, Text: network.Trouble, Hint: network.Hint}
	}
	if flood, ok := ev.(event.Flood); ok {
		ev = wording.Flood(flood)
	}
	m.view.event(ev, note(m.roster, ev))
	switch ev.(type) {
	case event.Ready:
		m.begin()
	case event.Delivered:
		m.acks.Add(1)
	}
}

// note has the roster learn from an event before it is shown. For a PeerChanged it returns the peer's state
// until now, "" when the peer wasn't here.
func note(r *roster.Roster, ev event.Event) (before event.State) {
	switch ev := ev.(type) {
	case event.Ready:
		r.NoteSelf(ev.Self)
	case event.SelfChanged:
		r.NoteSelf(ev.Self)
	case event.PeerChanged:
		before = r.NotePeer(ev.Peer)
		if ev.Peer.State == event.Lost {
			// A script's name means the peer that is here, not its lost namesake: no one is there to ask back.
			r.Remove(roster.ID(ev.Peer.Key, ev.Peer.ID))
		}
	case event.Said:
		r.NoteAuthor(ev.Line)
	case event.ProposalChanged:
		r.NoteVoters(ev.Proposal.By)
		r.NoteVoters(ev.Proposal.LeftOut...)
	case event.BallotCast:
		r.NoteVoters(ev.By)
	case event.PolicyChanged:
		r.NoteVoters(ev.Policy.Signed...)
	case event.NotKept:
		r.NoteVoters(ev.Named()...)
	}
	return before
}

// answer shows what a command says.
func (m *Mode) answer(a command.Answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if file, ok := a.(command.Save); ok {
		a = file.Write()
	}
	switch a := a.(type) {
	case command.Quit:
		m.quit = true
	case command.Fail:
		m.view.event(event.Notice{Level: event.Error, Text: a.Text, Hint: a.Hint}, "")
	default:
		m.view.answer(a)
	}
}

// Run reads input and does what it asks for, until /quit or the end of input. It returns nil once all
// messages were acknowledged, or had their time. It returns the context's cause when ctx ended first,
// and ErrOutput when stdout has no reader any more.
func (m *Mode) Run(ctx context.Context, n command.LocalPeer) error {
	defer close(m.ended)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(m.out.failed, func() { cancel(context.Cause(m.out.failed)) })
	defer stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-m.ready:
	}

	m.past(ctx, n)
	typed := make(chan line) // closed by the reader
	m.group.Go("lines/input", func(context.Context) {
		defer close(typed)
		readLines(m.cfg.In, func(l line) bool {
			select {
			case typed <- l:
				return true
			case <-ctx.Done():
				return false
			}
		})
	})
	if c, ok := m.cfg.In.(interface{ Cancel() bool }); ok {
		defer c.Cancel()
	}

	defer n.Gather(false)
	env := command.Env{Node: n, Roster: m.roster, Log: m.cfg.Log, Reply: m.answer}
	for !m.quit {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case l, ok := <-typed:
			n.Gather(l.more)
			if ok {
				m.execute(ctx, env, l)
			} else {
				m.quit = true
			}
		}
	}
	n.Gather(false)
	m.farewell(ctx, n)
	return context.Cause(ctx)
}

// past shows messages of earlier runs, as many as were asked for.
func (m *Mode) past(ctx context.Context, n command.LocalPeer) {
	began := n.Self().Started
	var shown []event.Line
	for at := (event.Place{}); len(shown) < m.cfg.History; {
		page, err := n.History(ctx, at, m.cfg.History)
		if err != nil {
			m.answer(command.Fail{Text: wording.HistoryUnreadable(err)})
			break
		}
		if len(page) == 0 {
			break
		}
		at = page[0].Place
		// Later messages come as events.
		page = slices.DeleteFunc(page, func(l event.Line) bool { return !l.Arrived.Before(began) })
		shown = append(page, shown...)
	}
	for _, l := range shown[max(0, len(shown)-m.cfg.History):] {
		if ctx.Err() != nil {
			return
		}
		m.post(event.Said{Line: l}, ctx.Done())
	}
}

// execute does what a line of input asks for.
func (m *Mode) execute(ctx context.Context, env command.Env, l line) {
	m.out.entered()
	if l.fail != nil {
		m.answer(*l.fail)
		return
	}
	in := m.cfg.Commands.Parse(l.text)
	if in.Says() {
		m.waitForHearer(ctx, env.Node)
	}
	m.cfg.Commands.Run(env, in)
	m.out.wait(ctx.Done())
}

// ended is a context that has ended.
var ended = func() context.Context {
	ctx, end := context.WithCancel(context.Background())
	end()
	return ctx
}()

// waitForHearer waits until a peer can take a message. While peers are there that is as long as it
// takes. With none, a first peer has 5 s, once: the next lines don't wait again. On a terminal there is
// no such wait: the person sees which peers are here.
func (m *Mode) waitForHearer(ctx context.Context, n command.LocalPeer) {
	if !m.alone && !m.cfg.Terminal && n.WaitWritable(ended) == nil {
		return // the usual case, which needs no timer
	}
	for ctx.Err() == nil {
		if m.alone || m.cfg.Terminal {
			if !slices.ContainsFunc(n.Peers(), event.Peer.Present) {
				return
			}
			m.alone = false
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		err := n.WaitWritable(limited)
		cancel()
		if err == nil {
			return
		}
		m.alone = true
	}
}

// farewell waits for acknowledgements of our messages: 5 s, and longer only while they come.
func (m *Mode) farewell(ctx context.Context, n command.LocalPeer) {
	ctx, cancel := context.WithTimeout(ctx, maxFarewell)
	defer cancel()
	for ctx.Err() == nil {
		before := m.acks.Load()
		limited, cancel := context.WithTimeout(ctx, patience)
		err := n.WaitDelivered(limited)
		cancel()
		if err == nil || m.acks.Load() == before {
			return
		}
	}
}

// Close writes out what is queued and ends the writer. Later events are dropped. It takes as long as the
// reader of stdout needs, and gives up with ErrStuck when ctx ends, or once that reader has taken less than
// 4 KiB in 5 s. It returns why stdout took no more, if so, or ErrCut: the last lines may be missing.
func (m *Mode) Close(ctx context.Context) error {
	m.out.close()
	before := m.out.taken.Load()
	for looks := 0; looks < maxLooks && ctx.Err() == nil; looks++ {
		group.Sleep(ctx, lookEvery, m.out.done)
		if ended, err := m.out.result(); ended {
			return err
		}
		if taken := m.out.taken.Load(); taken != before {
			before, looks = taken, 0
		}
	}
	return ErrStuck
}

// Errors of the output. ErrOutput is what Run returns, too.
var (
	ErrOutput = errors.New("standard output is closed") // by its reader: a pipe into head, for one
	ErrStuck  = errors.New("standard output isn't read")
	ErrCut    = errors.New("standard output was read too slowly: the last lines are missing")
)
