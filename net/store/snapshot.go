package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"chat.lan/p2pchat/net/filelock"
	"chat.lan/p2pchat/net/group"
)

// bbolt lets one process open a file, and an export must work beside a running program. So Snapshot
// copies the file while no commit is running. The writer holds an exclusive lock on a file beside
// the store's during each commit, and a copier holds a shared lock on it.

// flockName returns the file whose lock keeps commits and copies apart.
func flockName(path string) string { return path + ".gate" }

// Times of the file lock.
const (
	flockPoll    = 5 * time.Millisecond
	flockTimeout = 10 * time.Second // a commit doesn't wait longer: the copier may be stuck
)

// openFlock opens the lock file. A copier needs no right to write, so that a backup can be read
// where it lies. If there is no lock file and none can be created, a copier gets nil. It finds out
// later if its copy is bad.
func openFlock(path string, exclusive bool) (*os.File, error) {
	f, err := os.OpenFile(flockName(path), os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil || exclusive || !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) {
		return f, err
	}
	if f, err = os.Open(flockName(path)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// acquireFlock takes the lock, polling until ctx ends.
func acquireFlock(ctx context.Context, path string, exclusive bool) (release func(), err error) {
	f, err := openFlock(path, exclusive)
	if err != nil {
		return nil, err
	}
	if f == nil {
		return func() {}, nil
	}
	for {
		if err = filelock.Try(f, exclusive); err == nil {
			return func() { f.Close() }, nil // releases the lock
		}
		if errors.Is(err, filelock.ErrHeld) {
			group.Sleep(ctx, flockPoll, nil)
			if err = ctx.Err(); err == nil {
				continue
			}
		}
		f.Close()
		return nil, err
	}
}

// lockForCommit takes the lock for a commit. If that fails, for whatever reason, the commit goes
// on: a copier finds that its copy is bad, and tries again.
func (d *Disk) lockForCommit() (release func()) {
	ctx, cancel := context.WithTimeout(context.Background(), flockTimeout)
	defer cancel()
	release, err := acquireFlock(ctx, d.cfg.Path, true)
	if err != nil {
		d.cfg.Log.Debug("commit without the file lock", "error", err)
		return func() {}
	}
	return release
}

// snapshotAttempts limits how often Snapshot tries.
const snapshotAttempts = 5

// Snapshot copies the store's file at path into the folder dir, and returns the copy's path, for
// Open. Another program may have the file open. Its records of the last 100 ms may be missing. The
// caller removes the copy.
func Snapshot(ctx context.Context, path, dir string) (copied string, err error) {
	for range snapshotAttempts {
		if copied, err = copyOnce(ctx, path, dir); !isDamage(err) {
			break
		}
	}
	if err != nil {
		return "", fmt.Errorf("copy %s: %w", path, err)
	}
	return copied, nil
}

func copyOnce(ctx context.Context, path, dir string) (copied string, err error) {
	if err := checkRegular(path); err != nil {
		return "", err
	}
	from, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer from.Close()
	to, err := os.CreateTemp(dir, "copy-*-"+filepath.Base(path))
	if err != nil {
		return "", err
	}
	release, err := acquireFlock(ctx, path, false)
	if err == nil {
		_, err = io.Copy(to, from)
		release()
	}
	if err = errors.Join(err, to.Close()); err == nil {
		err = checkFile(to.Name())
	}
	if err != nil {
		os.Remove(to.Name())
		return "", err
	}
	return to.Name(), nil
}
