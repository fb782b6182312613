//go:build unix && !linux

package screen

import (
	"os"

	"golang.org/x/sys/unix"
)

// reopen returns out. Where terminals can't be polled by every name they have, a second description
// could refuse a write for being full; so a write to a terminal that hangs can't be interrupted
// here, and the end of the program goes past it.
func reopen(out *os.File) *os.File { return out }

// discardOutput throws away what the terminal was sent and has not taken.
func discardOutput(fd int) {
	const fwrite = 2 // FWRITE of <sys/fcntl.h>
	_ = unix.IoctlSetPointerInt(fd, unix.TIOCFLUSH, fwrite)
}
