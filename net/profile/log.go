package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// maxLog is the size, in bytes, at which a log is put aside as <file>.1 and begun anew: a log takes
// at most twice that.
const maxLog = 1 << 20

// Log is a log file of bounded size, to be written to by log/slog. All methods may be called
// concurrently; whoever opened it closes it.
type Log struct {
	path  string
	limit int64

	mu   sync.Mutex
	file *os.File // guarded by mu; nil once closed, or when it couldn't be begun anew
	size int64    // guarded by mu
	kept bool     // guarded by mu; a regular file, which grows and can be read back
}

// OpenLog opens the profile's own log, <profile>/log.
func (p *Profile) OpenLog() (*Log, error) { return OpenLog(filepath.Join(p.dir, "log")) }

// OpenLog appends to the file at path, which is made with mode 0600 when it isn't there.
func OpenLog(path string) (*Log, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	l := &Log{path: abs, limit: maxLog}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("log: %w: choose another file with --log", err)
	}
	return l, nil
}

func (l *Log) open() error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.file, l.size, l.kept = f, info.Size(), info.Mode().IsRegular()
	return nil
}

// Path is the file's absolute path.
func (l *Log) Path() string { return l.path }

// Write appends one entry. A log that can't be written (a full disk) loses entries and never stops
// the program: the error is returned, and slog drops it.
func (l *Log) Write(entry []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return 0, os.ErrClosed
	}
	// A device such as /dev/stderr or a pipe can be a log too.
	if l.kept && l.size > 0 && l.size+int64(len(entry)) > l.limit {
		if err := l.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(entry)
	l.size += int64(n)
	return n, err
}

// rotate puts the file aside. Called with mu held.
func (l *Log) rotate() error {
	err := l.file.Close() // Windows doesn't rename an open file
	l.file = nil
	return errors.Join(err, os.Rename(l.path, l.path+".1"), l.open())
}

// Tail returns the last n lines, oldest first, of what is at most the last 64 KiB.
func (l *Log) Tail(n int) ([]string, error) {
	const window = 64 << 10
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.kept {
		return nil, fmt.Errorf("%s can't be read back", l.path)
	}
	f, err := os.Open(l.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	at := max(l.size-window, 0)
	text, err := io.ReadAll(io.NewSectionReader(f, at, window))
	if err != nil {
		return nil, err
	}
	if at > 0 { // the first line is cut
		text = text[bytes.IndexByte(text, '\n')+1:]
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil, nil
	}
	return lines[max(len(lines)-n, 0):], nil
}

// Close ends the log. It may be called more than once.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
