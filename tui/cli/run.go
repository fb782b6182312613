package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"sync/atomic"
	"syscall"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/profile"
	"chat.lan/p2pchat/tui/lines"

	"github.com/spf13/cobra"
)

// run is one stay in a room, from its profile's lock to its last goodbye. The command sets the first
// group of fields, execute the second.
type run struct {
	flags    *flags
	cfg      node.Config
	newUI    func(*group.Group, *event.Queue, *profile.Log) (ui, error)
	fallback bool // use another profile when the requested profile is in use
	goOn     bool // go on with the feed of the last run that did (lastfeed.go)

	lastFeed *profile.LastFeed // nil: there is none
	profile  *profile.Profile
	logFile  *profile.Log
	log      *slog.Logger
	group    *group.Group // holds every goroutine of this run
	ui       ui
	node     *node.Node // nil until it has started
	caught   atomic.Pointer[group.Panic]
}

// startChat starts a chat with the user interface that the flags and the terminal ask for.
func (f *flags) startChat(cmd *cobra.Command, args []string) error {
	cfg, err := f.nodeConfig(cmd.Flags(), args)
	if err != nil {
		return err
	}
	var talk *lines.TwoPerson
	if f.ask {
		if talk, err = askAddress(f.port, &cfg); err != nil {
			return err
		}
	}
	r := run{flags: f, cfg: cfg, newUI: func(g *group.Group, events *event.Queue, log *profile.Log) (ui, error) {
		return f.newUI(g, events, log, talk)
	}}
	return r.execute()
}

// execute opens the profile, starts the user interface and the node, and waits until the run has ended.
func (r *run) execute() (err error) {
	notice, err := r.openProfile()
	if err != nil {
		return err
	}
	defer func() { err = joinOutcome(err, r.profile.Close()) }()
	if r.logFile, err = r.openLog(); err != nil {
		return err
	}
	defer r.logFile.Close()
	r.log = slog.New(slog.NewTextHandler(r.logFile, nil))
	if r.cfg.Identity, err = identity.LoadOrCreate(r.profile.Dir()); err != nil {
		return err
	}
	r.openLastFeed()
	defer r.closeLastFeed()
	known := r.profile.Known()
	r.cfg.Profile, r.cfg.Known, r.cfg.Log = r.profile.Dir(), known, r.log
	r.cfg.Remembered, r.cfg.Reached, r.cfg.Forget = known.Addresses(), known.RememberAddress, known.ForgetAddress

	r.group = group.New(context.Background(), r.logPanic)
	r.group.Go("cli/memory", keepMemory)
	r.group.Go("profile/known", known.Run)
	// A signal ends reading and writing. The network lives on for the goodbyes.
	ctx, cancel := context.WithCancelCause(r.group.Context())
	defer cancel(nil)
	cancelOnSignal(r.group, cancel)
	if err := r.start(notice); err != nil {
		return err
	}
	return r.wait(ctx)
}

// start starts the user interface, the store and the node. After an error nothing runs any more.
func (r *run) start(notice string) (err error) {
	r.cfg.Events = event.NewQueue()
	if r.ui, err = r.newUI(r.group, r.cfg.Events, r.logFile); err != nil {
		r.group.Close()
		return err
	}
	kept, err := r.flags.retention.openStore(r.group, r.profile.Dir(), r.cfg.Room, r.log)
	if err != nil {
		_ = r.shutdown(r.group.Context())
		return err
	}
	r.cfg.Store = kept
	for _, warning := range r.profile.Warnings() {
		r.cfg.Notices = append(r.cfg.Notices, event.Notice{Level: event.Warning, Text: warning})
	}
	if notice != "" {
		r.cfg.Notices = append(r.cfg.Notices, event.Notice{Level: event.Info, Text: notice})
	}
	if r.node, err = node.Start(r.group.Child(), r.cfg); err != nil {
		_ = r.shutdown(r.group.Context())
		return listenError(err)
	}
	return nil
}

// wait runs the user interface until it ends, shuts everything down and returns why the run ended.
func (r *run) wait(ctx context.Context) (err error) {
	ended := make(chan struct{})
	r.group.Go("program", func(context.Context) {
		defer close(ended)
		err = r.ui.run(ctx, r.node)
	})
	<-ended
	lost := r.shutdown(ctx)
	if lost == nil && r.caught.Load() == nil {
		r.saveLastFeed()
	}
	if own := (*group.Panic)(nil); r.caught.Load() == nil && errors.As(err, &own) {
		r.logPanic(own) // from a goroutine that the screen started by itself
	}
	if caught := r.caught.Load(); caught != nil {
		err = fmt.Errorf("%w: please report it, with the stack in %s", caught, r.logFile.Path())
	}
	return joinOutcome(err, lost)
}

// logPanic logs a panic, and keeps the first one as the reason why the run ended.
func (r *run) logPanic(caught *group.Panic) {
	r.caught.CompareAndSwap(nil, caught)
	r.log.Error(caught.Error(), "stack", string(caught.Stack))
}

// openLog opens the log of --log, or the profile's.
func (r *run) openLog() (*profile.Log, error) {
	if r.flags.log != "" {
		return profile.OpenLog(r.flags.log)
	}
	return r.profile.OpenLog()
}

// listenError adds the next step to the error of an address on which we can't listen.
func listenError(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.As(err, new(*net.DNSError)):
		return fmt.Errorf("%w: give --listen an address of this machine, or only --port", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: choose a port above 1023 with --port", err)
	}
	return err
}
