package profile

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/filelock"
	"chat.lan/p2pchat/net/room"
)

// LastFeed names the end of the feed that the last run of a key wrote in a room, so that the next run can go on with
// it. To sign twice for one place of a feed would prove a fork, so the file is made such that its content is right or
// missing:
//
//   - It lies in $XDG_RUNTIME_DIR, in memory: a restart of the machine and a restored backup have none. A copy of the
//     profile on this machine uses the same file, since its name is the key's.
//   - A run locks it, and empties it before it signs anything. Whatever ends the run, the next one finds it empty.
//   - The run writes it at its end, once all its records are on disk.
//   - A machine that is set back to a snapshot gets its memory back, too. The clock is then set right, but not the
//     time since the machine's start: so both are compared.
type LastFeed struct {
	file *os.File
	now  func() (wall, boot time.Duration)
}

// lastFeed is the file's content.
type lastFeed struct {
	Feed record.Feed `json:"feed"`
	Seq  uint64      `json:"seq"`
	Head record.ID   `json:"head"`
	Boot int64       `json:"boot"` // ms since 1970 of the machine's start, by its present clock
}

// maxClockStep is by how much the clock may differ from the time since the machine's start. A clock that is set right
// only opens another feed.
const maxClockStep = 2 * time.Second

// OpenLastFeed opens and locks the file of a key and a room under $XDG_RUNTIME_DIR. The error says why there is none,
// as on systems without such a folder.
func OpenLastFeed(runtime string, key identity.Key, id record.RoomID) (*LastFeed, error) {
	if err := checkRuntimeDir(runtime); err != nil {
		return nil, err
	}
	dir := filepath.Join(runtime, "p2pchat")
	if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
		return nil, err
	}
	if err := checkRuntimeDir(dir); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "feed-"+key.String()+"-"+id.String()), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := filelock.Try(f, true); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return &LastFeed{file: f, now: clocks}, nil
}

// Take returns what the file says, and empties it. It reports false if it says nothing that can be trusted.
func (l *LastFeed) Take() (room.FeedEnd, bool) {
	text, err := io.ReadAll(io.NewSectionReader(l.file, 0, 4096))
	if err != nil || l.file.Truncate(0) != nil {
		return room.FeedEnd{}, false
	}
	var c lastFeed
	wall, boot := l.now()
	if json.Unmarshal(text, &c) != nil || c.Feed == 0 || (wall-boot-time.Duration(c.Boot)*time.Millisecond).Abs() > maxClockStep {
		return room.FeedEnd{}, false
	}
	return room.FeedEnd{Feed: c.Feed, Seq: c.Seq, Head: c.Head}, true
}

// Save writes the end of a feed whose records are all on disk.
func (l *LastFeed) Save(end room.FeedEnd) error {
	wall, boot := l.now()
	text, err := json.Marshal(lastFeed{end.Feed, end.Seq, end.Head, (wall - boot).Milliseconds()})
	if err == nil {
		_, err = l.file.WriteAt(text, 0)
	}
	return err
}

// Close unlocks the file.
func (l *LastFeed) Close() error { return l.file.Close() }
