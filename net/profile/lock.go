package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"chat.lan/p2pchat/net/filelock"
)

const lockName = "lock"

// holder is the lock file's content. The kernel holds the lock itself: it ends with the process,
// whatever the file says.
type holder struct {
	PID     int   `json:"pid"`
	Started int64 `json:"started"` // ms since 1970
}

// lockFolder locks dir's lock file without waiting, and writes which process holds it.
func lockFolder(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: choose another folder with --profile", err)
	}
	if err := filelock.Try(f, true); err != nil {
		defer f.Close()
		if errors.Is(err, filelock.ErrHeld) {
			return nil, readHolder(dir, f)
		}
		return nil, fmt.Errorf("lock %s: %w: choose a folder on a local disk with --profile", path, err)
	}
	text, _ := json.Marshal(holder{PID: os.Getpid(), Started: time.Now().UnixMilli()})
	// One write replaces the old content, then the rest is cut. A reader in between sees a whole
	// object with the rest behind it, and a Decoder stops at the object's end.
	if _, err = f.WriteAt(append(text, '\n'), 0); err == nil {
		err = f.Truncate(int64(len(text)) + 1)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("write %s: %w: make room, or choose another folder with --profile", path, err)
	}
	return f, nil
}

// readHolder reads which process holds the lock. While that process writes the file, the PID may be
// missing.
func readHolder(dir string, f *os.File) *InUseError {
	e := &InUseError{Dir: dir}
	var h holder
	if json.NewDecoder(io.NewSectionReader(f, 0, 4096)).Decode(&h) == nil {
		e.PID = h.PID
		if h.Started > 0 {
			e.Started = time.UnixMilli(h.Started)
		}
	}
	return e
}

// unlockFolder empties the file, so that it never names a process that has ended, and unlocks it.
// The file stays: if it were deleted, two processes could hold two files of one name.
func unlockFolder(f *os.File) error {
	return errors.Join(f.Truncate(0), f.Close())
}
