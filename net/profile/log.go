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
	"syscall"
)

// maxLog is the size, in bytes, at which a log is renamed to <file>.1 and a new file begins. A log
// takes at most twice that.
const maxLog = 1 << 20

// Log is a log file of bounded size, for log/slog to write to. Methods may be called from any
// goroutine. The caller that opened a Log closes it.
type Log struct {
	path  string
	limit int64

	mu      sync.Mutex
	file    *os.File // nil after Close, or when no new file could be opened
	size    int64    // bytes
	regular bool     // the log is a regular file, which grows and can be read back
}

// OpenLog opens the profile's own log, <profile>/log.
func (p *Profile) OpenLog() (*Log, error) { return OpenLog(filepath.Join(p.dir, "log")) }

// OpenLog opens the file at path for appending. It creates a missing file with mode 0600.
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
	// A named pipe that no one reads is an error and no reason to wait.
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.file, l.size, l.regular = f, info.Size(), info.Mode().IsRegular()
	return nil
}

// Path returns the file's absolute path.
func (l *Log) Path() string { return l.path }

// Write appends one entry. A log that can't be written (a full disk) loses entries and never stops
// the program: slog drops the error.
func (l *Log) Write(entry []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return 0, os.ErrClosed
	}
	// A device such as /dev/stderr or a pipe may be a log, too.
	if l.regular && l.size > 0 && l.size+int64(len(entry)) > l.limit {
		if err := l.rotateLocked(); err != nil {
			return 0, err
		}
	}
	n, err := l.file.Write(entry)
	l.size += int64(n)
	return n, err
}

// rotateLocked renames the file and opens a new one.
func (l *Log) rotateLocked() error {
	err := l.file.Close() // Windows doesn't rename an open file
	l.file = nil
	return errors.Join(err, os.Rename(l.path, l.path+".1"), l.open())
}

// Tail returns the last n lines, oldest first. It reads at most the last 64 KiB.
func (l *Log) Tail(n int) ([]string, error) {
	const window = 64 << 10
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.regular {
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
	if at > 0 { // the first line is not whole
		text = text[bytes.IndexByte(text, '\n')+1:]
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return nil, nil
	}
	return lines[max(len(lines)-n, 0):], nil
}

// Close ends the log. Later calls do nothing.
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
