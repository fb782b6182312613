package filelock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Try locks f, exclusively or shared with others, without waiting. It locks one byte far behind the
// file's end: other processes can't read a locked byte, and may have to read the file.
func Try(f *os.File, exclusive bool) error {
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrHeld
	}
	return err
}
