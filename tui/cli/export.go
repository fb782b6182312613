package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/archive"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/profile"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/tui/lines"
	"chat.lan/p2pchat/tui/sanitize"

	"github.com/spf13/cobra"
)

// settle is how long a running program may take to have on disk what it has said.
const settle = 250 * time.Millisecond

// exportCommand is `p2pchat export`: what a profile remembers of a room, on standard output. It works
// beside a program that runs on the profile: it reads a copy of the file.
func exportCommand(began *bool) *cobra.Command {
	var o options
	var text bool
	var since string
	cmd := &cobra.Command{
		Use: "export", Short: "Print all that was said, to keep or to check with verify",
		Long: "export prints one record a line, in one order and with nothing of yours in it: who has the same\n" +
			"records gets the same bytes, and p2pchat verify checks them. --text prints it for reading.",
		Args: words(0, 0), ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			*began = true
			if text && o.json {
				return &usageError{"--json and --text can't be had at once", "choose one"}
			}
			from, err := parseSince(since, time.Now())
			if err != nil {
				return err
			}
			return o.export(cmd.OutOrStdout(), from, text)
		},
	}
	o.whoFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.room, "room", defaultRoom, "of the room `NAME`")
	f.BoolVar(&o.json, "json", false, "one record a line, to be verified (the default)")
	f.BoolVar(&text, "text", false, "lines for reading, times in UTC")
	f.StringVar(&since, "since", "", "only what was said since `TIME`: 12h, 30d, 2026-07-01 or 2026-07-01T12:00:00Z")
	for _, name := range []string{"room", "since"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

// parseSince reads a time, or how long ago it was.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := parseSpan(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, &usageError{fmt.Sprintf("--since %.80q is no time", text), "write 12h, 30d, 2026-07-01 or 2026-07-01T12:00:00Z"}
}

func (o *options) export(out io.Writer, since time.Time, text bool) error {
	dir, err := o.dir()
	if err != nil {
		return err
	}
	room, err := roomName(o.room)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, recordsName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("nothing is remembered in %s: --name or --profile names another profile", dir)
	} else if err != nil {
		return err
	}
	// The copy is taken away however this ends: by a signal, or because nobody reads on (a pipe into head).
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	g := group.New(ctx, nil)
	defer g.Close()
	endBySignal(g, cancel)
	if running(dir) {
		select {
		case <-time.After(settle):
		case <-ctx.Done():
		}
	}
	temp, err := os.MkdirTemp("", "p2pchat-export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	copied, err := store.Snapshot(ctx, path, temp)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	s, err := store.Open(store.Config{Path: copied, Room: record.OpenRoom(room), Group: g})
	if err != nil {
		return err
	}
	defer s.Close()
	buffered := bufio.NewWriterSize(out, 1<<16)
	var n int
	if text {
		n, err = archive.WriteText(buffered, s.ReadAll(ctx, since))
	} else {
		n, err = archive.Write(buffered, s.ReadAll(ctx, since))
	}
	if err == nil { // else flushing says the same again
		err = buffered.Flush()
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, syscall.EPIPE):
		return lines.ErrOutput
	case err != nil:
		return err
	}
	switch bad := s.Status(); {
	case bad.Aside != "":
		complain(fmt.Errorf("%s is damaged: this is what can still be read of it", path))
	case bad.Unreadable > 0:
		complain(fmt.Errorf("%d records of %s are damaged and left out", bad.Unreadable, path))
	case n == 0 && since.IsZero():
		complain(fmt.Errorf("nothing is remembered of the room %q in %s: --room names another", room, dir))
	}
	return nil
}

// running reports whether a program uses the profile.
func running(dir string) bool {
	p, err := profile.Open(dir)
	if err == nil {
		p.Close()
	}
	return errors.As(err, new(*profile.InUseError))
}

// verifyArchive checks an export and says what is in it.
func verifyArchive(out io.Writer, in io.Reader) error {
	r, err := archive.Verify(in)
	if err != nil {
		return err
	}
	if r.Flaw != nil {
		if r.Flaw.Line == 1 && r.Records == 0 && errors.Is(r.Flaw, archive.ErrForm) {
			return fmt.Errorf("this is no certificate, evidence or export of p2pchat: %w", r.Flaw)
		}
		return fmt.Errorf("%w (%d good records before it)", r.Flaw, r.Records)
	}
	say := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-10s %s\n", name, sanitize.Linef(format, args...))
	}
	say("file", "a valid export")
	if r.Records == 0 {
		say("records", "none")
		return nil
	}
	say("room", "%s%s", r.Room, knownRoom(r.Room))
	say("records", "%d, in %d feeds, each signed and in its place", r.Records, r.Feeds)
	say("from", "%s", time.UnixMilli(r.First.Ms).UTC().Format(time.RFC3339))
	say("to", "%s, by their authors' clocks", time.UnixMilli(r.Last.Ms).UTC().Format(time.RFC3339))
	for i, a := range r.Authors {
		say(map[bool]string{true: "authors"}[i == 0], "%s  %s  %d records", voterText(a.Key), sanitize.Name(a.Name), a.Records)
	}
	if r.Missing > 0 {
		say("missing", "%d records lie between these and are not in the file", r.Missing)
	}
	return nil
}
