// Package cli is the command line: every command, its flags, and the lifetime of a run, from the
// profile's lock to the last goodbye. It is the only package that imports net/node.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/profile"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/lines"
	"chat.lan/p2pchat/tui/sanitize"

	"github.com/muesli/cancelreader"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

const version = "0.1.0"

// Exit codes (DESIGN.md §8).
const (
	exitError  = 1
	exitUsage  = 2
	exitPanic  = 2
	exitSignal = 130
)

// How long the end may take: goodbyes, and the last output to a reader that has stopped reading.
const (
	goodbyeTime = 2 * time.Second
	outputTime  = time.Second
	endTime     = 5 * time.Second // of all of it, should something hang
)

// Main runs the program with the arguments after its name and returns its exit code.
func Main(args []string) int { return run(args, nil) }

// run is the program and returns its exit code. hook, which only tests give, is called with the root
// group of a start once the node runs.
func run(args []string, hook func(*group.Group)) int {
	cobra.MousetrapHelpText = "" // a double click on Windows starts a chat like any other start
	root, began := commands(hook)
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	switch usage := (*usageError)(nil); {
	case err == nil:
		return 0
	case errors.Is(err, errSignalled):
		return exitSignal
	case errors.Is(err, lines.ErrOutput):
		return exitError // whoever closed our output doesn't want to hear of it
	case errors.As(err, &usage) || !*began: // what cobra finds wrong itself is usage too
		hint := "p2pchat help"
		if cmd.HasParent() {
			hint += " " + cmd.Name()
		}
		complain(withHint(err, hint+" lists what there is"))
		return exitUsage
	case errors.As(err, new(*group.Panic)):
		complain(err)
		return exitPanic
	}
	complain(err)
	return exitError
}

// complain says one line on stderr.
func complain(err error) { fmt.Fprintln(os.Stderr, "p2pchat: "+sanitize.Line(err.Error()).String()) }

// usageError is a flag or an argument that can't be: exit code 2.
type usageError struct{ text, hint string }

func (e *usageError) Error() string { return e.text + ": " + e.hint }

func withHint(err error, hint string) error {
	if errors.As(err, new(*usageError)) {
		return err
	}
	return &usageError{strings.TrimSpace(err.Error()), hint}
}

// open takes the profile that the flags ask for, and returns the name to go by and a sentence if that
// isn't the login name that nobody gave.
func (o *options) open() (p *profile.Profile, name, notice string, err error) {
	name = o.name
	if name == "" {
		name = profile.LoginName()
	}
	if o.beside {
		p, name, err = o.openBeside(name)
		return p, name, "", err
	}
	switch {
	case o.profile != "":
		p, err = profile.Open(o.profile)
	case o.name != "":
		p, err = profile.Open(profile.Dir(name))
	default:
		var free string
		if p, free, err = profile.OpenFree(name); free != name {
			notice = fmt.Sprintf("you are %s: the profile of %s is in use", free, name)
			name = free
		}
	}
	return p, name, notice, err
}

// dir is the folder of the profile that the flags ask for, whether it is in use or not.
func (o *options) dir() (string, error) {
	if err := profile.CheckName(o.name); o.name != "" && err != nil {
		return "", &usageError{err.Error(), "choose another --name"}
	}
	switch {
	case o.profile != "":
		return o.profile, nil
	case o.name != "":
		return profile.Dir(o.name), nil
	}
	return profile.Dir(profile.LoginName()), nil
}

// showID prints who a profile is. One that is in use is only read; one that isn't there is made.
func (o *options) showID(cmd *cobra.Command) error {
	dir, err := o.dir()
	if err != nil {
		return err
	}
	me, err := identity.Load(dir)
	if errors.Is(err, fs.ErrNotExist) {
		p, err := profile.Open(dir)
		if err != nil {
			return err
		}
		defer p.Close()
		if me, err = identity.LoadOrCreate(p.Dir()); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	k := me.Key()
	cmd.Printf("id           %s\nkey          %s\nfingerprint  %s\nprofile      %s\n", k.ID(), k, k.Fingerprint(), dir)
	return nil
}

// errSignalled ends a start that was told to: somebody pressed Ctrl+C, or the machine goes down.
var errSignalled = errors.New("ended by a signal")

// start runs a participant from its profile's lock to its last goodbye.
func (o *options) start(cfg node.Config, hook func(*group.Group)) (err error) {
	p, name, notice, err := o.open()
	if err != nil {
		return err
	}
	defer func() {
		if closed := p.Close(); err == nil {
			err = closed
		}
	}()
	logFile, err := o.openLog(p)
	if err != nil {
		return err
	}
	defer logFile.Close()
	log := slog.New(slog.NewTextHandler(logFile, nil))
	if cfg.Identity, err = identity.LoadOrCreate(p.Dir()); err != nil {
		return err
	}
	cfg.Name, cfg.Profile, cfg.Known, cfg.Log = name, p.Dir(), p.Known(), log

	cfg.Remembered, cfg.Reached, cfg.Forget = p.Known().Addresses(), p.Known().RememberAddress, p.Known().ForgetAddress

	root := group.New(context.Background(), func(caught *group.Panic) {
		log.Error(caught.Error(), "stack", string(caught.Stack))
	})
	root.Go("profile/known", p.Known().Run)
	// A signal ends what reads and writes; the network lives on for the goodbyes.
	ctx, cancel := context.WithCancelCause(root.Context())
	defer cancel(nil)
	endBySignal(root, cancel)

	face := o.face
	if o.special != nil {
		face = o.special
	}
	events := event.NewQueue()
	show, err := face(root, events, logFile)
	if err != nil {
		root.Close()
		return err
	}
	cfg.Events = events
	if cfg.Store, err = o.memory.openStore(root, p.Dir(), cfg.Room, log); err != nil {
		_ = end(log, root, show, nil, nil)
		return err
	}
	running, err := node.Start(root.Child(), cfg)
	if err != nil {
		_ = end(log, root, show, nil, cfg.Store)
		return listening(err)
	}
	for _, warning := range p.Warnings() {
		events.Post(event.Notice{Level: event.Warning, Text: warning})
	}
	if notice != "" {
		events.Post(event.Notice{Level: event.Info, Text: notice})
	}
	if hook != nil {
		hook(root)
	}
	ended := make(chan struct{})
	root.Go("program", func(context.Context) {
		defer close(ended)
		err = show.run(ctx, running)
	})
	<-ended
	if unsaid := end(log, root, show, running, cfg.Store); err == nil {
		err = unsaid
	}
	caught := root.Err()
	if own := (*group.Panic)(nil); caught == nil && errors.As(err, &own) {
		log.Error(own.Error(), "stack", string(own.Stack)) // of the screen's own goroutines
		caught = own
	}
	if caught != nil {
		return fmt.Errorf("%w: please report it, with the stack in %s", caught, logFile.Path())
	}
	return err
}

// endBySignal cancels with errSignalled when a signal comes, until g ends.
func endBySignal(g *group.Group, cancel context.CancelCauseFunc) {
	signals := notify()
	g.Go("signals", func(ctx context.Context) {
		select {
		case <-signals:
			cancel(errSignalled)
		case <-ctx.Done():
		}
	})
}

// notify asks for the signals that end the program. They are never given back: a terminal that goes
// away says so more than once, and the goodbye takes a few seconds at most.
func notify() <-chan os.Signal {
	// Go kills a program that writes to a closed standard output unless it asks for SIGPIPE; ours
	// says goodbye first (lines.ErrOutput).
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	signals := make(chan os.Signal, 1)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) { // nohup
			signal.Notify(signals, s)
		}
	}
	return signals
}

// end says goodbye, writes out what is to be written and waits for every goroutine; n is nil when
// there is no node, kept when there is no store. It returns why the last output, or the last lines
// said, could not be written. What hangs (after a panic, a lock may be held for ever) is left to the
// exit.
func end(log *slog.Logger, root *group.Group, show face, n *node.Node, kept io.Closer) (unsaid error) {
	last := group.New(context.Background(), func(caught *group.Panic) {
		log.Error(caught.Error(), "stack", string(caught.Stack))
	})
	done := make(chan struct{})
	var failed error // read once done is closed
	last.Go("end", func(context.Context) {
		defer close(done)
		if n != nil {
			ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
			n.Close(ctx)
			cancel()
		}
		var unsaved error
		if kept != nil {
			if unsaved = kept.Close(); unsaved != nil {
				unsaved = fmt.Errorf("what was said last is not saved: %w", unsaved)
				log.Warn("end", "error", unsaved)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), outputTime)
		defer cancel()
		if failed = show.close(ctx); failed != nil {
			log.Warn("end", "error", failed)
		}
		failed = errors.Join(failed, unsaved)
		if ctx.Err() == nil { // else its writer is stuck: there is no waiting for it
			root.Close()
		}
	})
	select {
	case <-done:
		return failed
	case <-time.After(endTime):
		log.Warn("end: something hangs", "after", endTime)
		return nil
	}
}

// listening adds the next step to an address that can't be listened on.
func listening(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.As(err, new(*net.DNSError)):
		return fmt.Errorf("%w: give --listen an address of this machine, or only --port", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: choose a port above 1023 with --port", err)
	}
	return err
}

// mode is how to speak where there is no screen.
func (o *options) mode(log *profile.Log) lines.Config {
	cfg := lines.Config{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, JSON: o.json, TwoPerson: o.talk, Commands: command.New(), Log: log,
		History:  o.memory.history,
		Terminal: term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd())), Dumb: os.Getenv("TERM") == "dumb"}
	// A read that waits for a key is interrupted at the end. A file can't be waited for, nor need it.
	if in, err := cancelreader.NewReader(os.Stdin); err == nil {
		cfg.In = in
	}
	return cfg
}

func (o *options) openLog(p *profile.Profile) (*profile.Log, error) {
	if o.log != "" {
		return profile.OpenLog(o.log)
	}
	return p.OpenLog()
}
