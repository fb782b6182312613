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
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/tui/lines"

	"github.com/spf13/cobra"
)

// flushWait is how long a running program may take to have its last messages on disk.
const flushWait = 250 * time.Millisecond

// newExportCommand returns `p2pchat export`, which writes a profile's records of a room to standard
// output. It works beside a program that uses the profile, since it reads a copy of the file.
func newExportCommand() *cobra.Command {
	var f flags
	var text bool
	var since string
	cmd := &cobra.Command{
		Use: "export", Short: "Print all messages, to keep or to check with verify",
		Long: "export prints one record a line, in one order and with nothing of yours in it: the same records\n" +
			"always give the same bytes, and p2pchat verify checks them. --text prints it for reading.",
		Args: countArguments(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if text && f.json {
				return &usageError{"--json and --text don't go together", "choose one"}
			}
			from, err := parseSince(since, time.Now())
			if err != nil {
				return err
			}
			return f.export(cmd.OutOrStdout(), from, text)
		},
	}
	f.addIdentityTo(cmd)
	set := cmd.Flags()
	set.StringVar(&f.room, "room", defaultRoom, "of the room `NAME`")
	set.BoolVar(&f.json, "json", false, "one record a line, to be verified (the default)")
	set.BoolVar(&text, "text", false, "lines for reading, times in UTC")
	set.StringVar(&since, "since", "", "only messages since `TIME`: 12h, 30d, 2026-07-01 or 2026-07-01T12:00:00Z")
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

// export writes the records since a time to out: as an archive, or as text for reading.
func (f *flags) export(out io.Writer, since time.Time, text bool) error {
	dir, err := f.profileDir()
	if err != nil {
		return err
	}
	room, err := parseRoom(f.room)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, recordsName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("nothing is remembered in %s: --name or --profile names another profile", dir)
	} else if err != nil {
		return err
	}
	// Neither a signal nor a closed pipe must leave the copy behind.
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	g := group.New(ctx, nil)
	defer g.Close()
	cancelOnSignal(g, cancel)
	if profileInUse(dir) {
		select {
		case <-time.After(flushWait):
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
	if err == nil { // else Flush returns the same error again
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
	switch damage := s.Status(); {
	case damage.Aside != "":
		printError(fmt.Errorf("%s is damaged: this is what can still be read of it", path))
	case damage.Unreadable > 0:
		printError(fmt.Errorf("%d records of %s are damaged and left out", damage.Unreadable, path))
	case n == 0 && since.IsZero():
		printError(fmt.Errorf("nothing is remembered of the room %q in %s: --room names another", room, dir))
	}
	return nil
}
