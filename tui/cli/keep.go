package cli

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/store"

	"github.com/spf13/cobra"
)

// recordsName is the file in a profile that keeps what was said.
const recordsName = "records.db"

// memory is the flags of what is kept and what is shared of it.
type memory struct {
	ephemeral   bool
	keep, share string
	history     int
}

func (m *memory) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&m.ephemeral, "ephemeral", false, "keep nothing of what is said on disk, and show nothing of before")
	f.StringVar(&m.keep, "keep", "all", "keep what was said for a `TIME` like 30d, 2w or 12h; all: for good")
	f.StringVar(&m.share, "share-history", "12h", "of the past, give those who were never here what arrived in the last `TIME`; all or none")
	f.IntVar(&m.history, "history", 0, "without a screen, begin with the last `N` lines of before")
	for _, name := range []string{"keep", "share-history", "history"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

// apply checks the flags and notes them in a node's configuration.
func (m *memory) apply(cfg *node.Config) error {
	if m.keep != "all" {
		keep, err := parseSpan(m.keep)
		if err != nil || keep <= 0 {
			return &usageError{fmt.Sprintf("--keep %.80q is no time", m.keep), "write all, or a time like 30d, 2w or 12h"}
		}
		cfg.Keep = keep
	}
	switch m.share {
	case "all":
		cfg.Share = node.ShareAll
	case "none":
		cfg.Share = node.ShareNone
	default:
		share, err := parseSpan(m.share)
		if err != nil || share <= 0 {
			return &usageError{fmt.Sprintf("--share-history %.80q is no time", m.share), "write all, none, or a time like 12h or 2d"}
		}
		cfg.Share = share
	}
	if m.history < 0 {
		return &usageError{fmt.Sprintf("--history %d is no number of lines", m.history), "write 20, for one"}
	}
	return nil
}

// parseSpan reads a time like 30d or 2w, and whatever time.ParseDuration takes.
func parseSpan(text string) (time.Duration, error) {
	for unit, size := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseUint(number, 10, 16)
			return time.Duration(n) * size, err
		}
	}
	return time.ParseDuration(text)
}

// openStore opens what the profile keeps of a room.
func (m *memory) openStore(g *group.Group, dir, room string, log *slog.Logger) (store.Store, error) {
	id := record.OpenRoom(room)
	if m.ephemeral {
		return store.NewMem(id, 0), nil
	}
	return store.Open(store.Config{Path: filepath.Join(dir, recordsName), Room: id, Group: g, Log: log})
}
