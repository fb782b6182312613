package cli

import (
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/net/replica"
	"chat.lan/p2pchat/net/store"

	"github.com/spf13/cobra"
)

// recordsName is the file in a profile that holds its rooms' records.
const recordsName = "records.db"

// retention holds the flags about which messages are kept, and which of them new peers get.
type retention struct {
	ephemeral   bool
	keep, share string
	size        string
	history     int
}

func (r *retention) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&r.ephemeral, "ephemeral", false, "keep no messages on disk, and show none from before")
	f.StringVar(&r.keep, "keep", "all", "keep messages for a `TIME` like 30d, 2w or 12h; all: for good")
	f.StringVar(&r.size, "room-size", "512M", "keep at most `SIZE` of messages, like 512M or 2G; strangers get a quarter of it")
	f.StringVar(&r.share, "share-history", "12h", "of the past, give those who were never here what arrived in the last `TIME`; all or none")
	f.IntVar(&r.history, "history", 0, "without a screen, begin with the last `N` lines of before")
}

// configure checks the flags and copies them into a node's configuration.
func (r *retention) configure(cfg *node.Config) (err error) {
	if r.keep != "all" {
		if cfg.Keep, err = parseSpan(r.keep); err != nil || cfg.Keep <= 0 {
			return &usageError{fmt.Sprintf("--keep %.80q is no time", r.keep), "write all, or a time like 30d, 2w or 12h"}
		}
	}
	switch r.share {
	case "all":
		cfg.Share = replica.ShareAll
	case "none":
		cfg.Share = replica.ShareNone
	default:
		if cfg.Share, err = parseSpan(r.share); err != nil || cfg.Share <= 0 {
			return &usageError{fmt.Sprintf("--share-history %.80q is no time", r.share), "write all, none, or a time like 12h or 2d"}
		}
	}
	if cfg.RoomSize, err = parseSize(r.size); err != nil {
		return &usageError{fmt.Sprintf("--room-size %.80q is no size from 16M to 1024G", r.size), "write a size like 512M or 2G"}
	}
	if r.ephemeral {
		cfg.RoomSize = min(cfg.RoomSize, store.MemCapacity)
	}
	if r.history < 0 {
		return &usageError{fmt.Sprintf("--history %d is no number of lines", r.history), "write 20, for one"}
	}
	return nil
}

// parseSpan reads a time like 30d or 2w, and anything that time.ParseDuration reads.
func parseSpan(text string) (time.Duration, error) {
	for unit, size := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseUint(number, 10, 16)
			return time.Duration(n) * size, err
		}
	}
	return time.ParseDuration(text)
}

// parseSize reads a size like 512M or 2G.
func parseSize(text string) (int, error) {
	number, unit := strings.TrimRight(strings.ToUpper(text), "BI"), 1<<20
	switch {
	case strings.HasSuffix(number, "G"):
		unit = 1 << 30
	case !strings.HasSuffix(number, "M"):
		return 0, strconv.ErrSyntax
	}
	n, err := strconv.ParseUint(number[:len(number)-1], 10, 20)
	if err != nil {
		return 0, err
	}
	size := n * uint64(unit)
	if size < replica.MinSize || size > maxRoomSize || size > math.MaxInt {
		return 0, strconv.ErrRange
	}
	return int(size), nil
}

// maxRoomSize is the greatest --room-size.
const maxRoomSize = 1 << 40

// openStore opens a profile's records of a room, or a store in memory with --ephemeral.
func (r *retention) openStore(g *group.Group, dir, room string, log *slog.Logger) (store.Store, error) {
	id := record.OpenRoom(room)
	if r.ephemeral {
		return store.NewMem(id, 0), nil
	}
	return store.Open(store.Config{Path: filepath.Join(dir, recordsName), Room: id, Group: g, Log: log})
}
