// Package profile is the folder that a participant lives in: whose it is for now (a lock held by one
// process), whom it has met (known.json), and its log. The identity's key lies there too, in a file
// of crypto/identity.
//
//	$XDG_DATA_HOME/p2pchat/alice/     0700
//	    lock                          pid and start of the process that holds it
//	    known.json                    names and keys met, verified, ignored; addresses reached
//	    log, log.1                    at most 1 MiB each
//
// A copy of a folder is a copy of a person, so a second process is refused, not merged
// (DESIGN.md §2).
package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxNumbered is the last name that OpenFree tries.
const maxNumbered = 99

// Profile is a folder that this process holds the lock of. Its methods may be called concurrently;
// Close comes last.
type Profile struct {
	dir      string
	lock     *os.File
	known    *Known
	warnings []string
}

// InUseError says that another process (or another part of this one) holds the profile.
type InUseError struct {
	Dir     string
	PID     int       // 0 when the lock file doesn't say
	Started time.Time // zero when the lock file doesn't say
}

// Error names the holder and the ways on.
func (e *InUseError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	if !e.Started.IsZero() {
		who += ", started " + e.Started.Format("2006-01-02 15:04:05")
	}
	return fmt.Sprintf("profile %s is in use by %s: end that one, or start under another --name or --profile", e.Dir, who)
}

// lettingGo is how long a process that was killed may take to let go of its profile.
const lettingGo = 150 * time.Millisecond

// Open makes the folder if need be (0700), takes its lock, and reads what it knows. The error is an
// *InUseError when somebody else holds it; whoever is started again at once after a kill waits for that
// a moment.
func Open(dir string) (*Profile, error) {
	for end := time.Now().Add(lettingGo); ; time.Sleep(lettingGo / 15) {
		p, err := openNow(dir)
		if err == nil || !errors.As(err, new(*InUseError)) || time.Now().After(end) {
			return p, err
		}
	}
}

func openNow(dir string) (*Profile, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := makeFolder(dir); err != nil {
		return nil, fmt.Errorf("profile: %w: choose another folder with --profile", err)
	}
	lock, err := takeLock(dir)
	if err != nil {
		return nil, err
	}
	p := &Profile{dir: dir, lock: lock}
	p.known, p.warnings = readKnown(dir)
	return p, nil
}

// makeFolder makes dir. One that was there before keeps its mode: a --profile may be shared on
// purpose, and the files in it are 0600 anyway.
func makeFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return os.MkdirAll(dir, 0o700)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", dir)
	}
	return nil
}

// OpenFree opens the profile of name, or of name-2, name-3 … when it is in use, and returns the name
// that it took. It is for a start without --name, where nobody asked for this profile in particular.
func OpenFree(name string) (*Profile, string, error) {
	for n := 1; ; n++ {
		try := name
		if n > 1 {
			try = WithSuffix(name, fmt.Sprintf("-%d", n))
		}
		p, err := openNow(Dir(try))
		if inUse := (*InUseError)(nil); errors.As(err, &inUse) && n < maxNumbered {
			continue
		}
		return p, try, err
	}
}

// WithSuffix is a name with a suffix, in MaxName bytes: what doesn't fit is cut off the name.
func WithSuffix(name, suffix string) string { return cut(name, MaxName-len(suffix)) + suffix }

// Dir is the profile's folder.
func (p *Profile) Dir() string { return p.dir }

// Known is what the profile remembers of others.
func (p *Profile) Known() *Known { return p.known }

// Warnings are sentences about what was found damaged when the profile was opened, for the person.
func (p *Profile) Warnings() []string { return p.warnings }

// Close writes what is not written yet and gives the lock back. It may be called more than once, but
// not concurrently with itself.
func (p *Profile) Close() error {
	err := p.known.save()
	if p.lock != nil {
		err = errors.Join(err, dropLock(p.lock))
		p.lock = nil
	}
	return err
}

// writeFile replaces dir/name so that it is either the old or the new one, whole: temporary file,
// fsync, rename, fsync of the folder. Mode 0600.
func writeFile(dir, name string, data []byte) error {
	temp, err := os.CreateTemp(dir, name+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name()) // after the rename there is nothing under that name
	_, err = temp.Write(data)
	if err == nil {
		err = temp.Sync()
	}
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temp.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return err
	}
	// Not every system can sync a folder; the rename stands without it, only less soon.
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
	return nil
}

// removeTemporary deletes what a kill in the middle of writeFile left. The lock is held.
func removeTemporary(dir, name string) {
	left, _ := filepath.Glob(filepath.Join(escapeGlob(dir), name+".*.tmp"))
	for _, path := range left {
		os.Remove(path)
	}
}

func escapeGlob(path string) string {
	if filepath.Separator == '\\' {
		return path // Windows' globs have no escape; brackets in a path just match less
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
