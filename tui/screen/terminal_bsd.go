//go:build unix && !linux

package screen

import (
	"os"

	"golang.org/x/sys/unix"
)

// reopen returns out. Here terminals can't be polled by every name they have, so a second description
// could refuse a write because it is full. A write to a terminal that hangs so can't be interrupted, and
// the program ends without it.
func reopen(out *os.File) *os.File { return out }

// discardOutput discards output that the terminal hasn't taken.
func discardOutput(fd int) {
	const fwrite = 2 // FWRITE of <sys/fcntl.h>
	_ = unix.IoctlSetPointerInt(fd, unix.TIOCFLUSH, fwrite)
}
