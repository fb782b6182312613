// Package profile is the folder that a person's program lives in: the lock of the process that uses
// it, what it remembers of other people (known.json), and its log. The identity's key lies there
// too (see package identity), and the records of all rooms (see package store).
//
//	$XDG_DATA_HOME/p2pchat/alice/     0700
//	    lock                          {"pid", "started"} of the process that holds it
//	    known.json                    names and first keys, verified, trusted, ignored, addresses, links
//	    log, log.1                    at most 1 MiB each
//
// A copy of a folder is a copy of the person: both sign with one key. So only one process may use a
// folder, and a second process is refused. The kernel's lock on the file lock decides; its content
// only names the process for an error message. All times in the files are milliseconds since 1970.
//
// known.json is replaced as a whole, through a temporary file and a rename. Its version, v, is 1.
// names has the first key seen under each folded name (see Known.NoteName), verified and ignored the
// marked keys and uuids, reached the addresses that answered. trusted has what /trust said of keys, and links how long
// keys were linked (see package standing); earlier versions leave both out. A file with invalid entries is renamed
// to known.json.damaged, and its other entries are written anew. Of a file of another version, or
// without valid JSON, no entries are used.
package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// maxNumbered is the last number that OpenFree tries.
const maxNumbered = 99

// Profile is a folder whose lock this process holds. Methods may be called from any goroutine.
// Close must be the last call.
type Profile struct {
	dir      string
	lock     *os.File
	known    *Known
	warnings []string
}

// InUseError says that another process (or another part of this process) holds the profile.
type InUseError struct {
	Dir     string
	PID     int       // 0 when the lock file doesn't say
	Started time.Time // zero when the lock file doesn't say
}

// Error names the holder and what the user can do.
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

// killGrace is how long the kernel may take to release the lock of a killed process.
const killGrace = 150 * time.Millisecond

// Open creates a missing folder (0700), locks it, and reads known.json. The error is an *InUseError
// if another process holds the lock. Open waits up to killGrace for that: a program that is
// restarted right after a kill must not fail.
func Open(dir string) (*Profile, error) {
	for end := time.Now().Add(killGrace); ; time.Sleep(killGrace / 15) {
		p, err := tryOpen(dir)
		if err == nil || !errors.As(err, new(*InUseError)) || time.Now().After(end) {
			return p, err
		}
	}
}

func tryOpen(dir string) (*Profile, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	// An existing folder keeps its mode: a --profile may be shared on purpose, and its files are 0600.
	err = os.MkdirAll(dir, 0o700)
	if info, statErr := os.Stat(dir); statErr == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", dir)
	}
	if err != nil {
		err = fmt.Errorf("%w: choose another folder with --profile", err)
	}
	owner := foreignOwner(dir)
	var lock *os.File
	if err == nil {
		lock, err = lockFolder(dir)
	}
	switch {
	case errors.As(err, new(*InUseError)):
		return nil, err
	case errors.Is(err, fs.ErrPermission) && owner != "":
		return nil, fmt.Errorf("profile %s belongs to %s: start as %s, or choose another folder with --profile", dir, owner, owner)
	case err != nil:
		return nil, fmt.Errorf("profile: %w", err)
	}
	p := &Profile{dir: dir, lock: lock}
	p.known, p.warnings = readKnown(dir)
	if owner != "" {
		p.warnings = append(p.warnings, fmt.Sprintf("this profile belongs to %s, who may not be able to read what is saved now", owner))
	}
	return p, nil
}

// OpenFree opens the profile of name, or the first free one of name-2, name-3 …, and returns the
// name that it took. It serves a start without --name, where the user asked for no particular
// profile.
func OpenFree(name string) (*Profile, string, error) {
	for n := 1; ; n++ {
		try := name
		if n > 1 {
			try = WithSuffix(name, fmt.Sprintf("-%d", n))
		}
		dir, err := Dir(try)
		if err != nil {
			return nil, "", err
		}
		p, err := tryOpen(dir)
		if inUse := (*InUseError)(nil); errors.As(err, &inUse) && n < maxNumbered {
			continue
		}
		return p, try, err
	}
}

// WithSuffix appends a suffix to a name, within MaxName bytes: it shortens the name.
func WithSuffix(name, suffix string) string { return cutName(name, MaxName-len(suffix)) + suffix }

// Dir returns the profile's folder.
func (p *Profile) Dir() string { return p.dir }

// Known returns what the profile remembers of other people.
func (p *Profile) Known() *Known { return p.known }

// Warnings returns sentences for the user about damage that Open found.
func (p *Profile) Warnings() []string { return p.warnings }

// Close saves the rest and releases the lock. It may be called again, but not by two goroutines at
// a time.
func (p *Profile) Close() error {
	err := p.known.save()
	if p.lock != nil {
		err = errors.Join(err, unlockFolder(p.lock))
		p.lock = nil
	}
	return err
}
