package screen

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// reopen opens the terminal behind out again, without blocking: writes then wait in Go's poller and can
// be interrupted. Setting the flag on out itself would set it for the shell too, which shares that
// description. If the terminal can't be opened (after su, say), reopen returns out.
func reopen(out *os.File) *os.File {
	name := "/proc/self/fd/" + strconv.Itoa(int(out.Fd()))
	tty, err := os.OpenFile(name, os.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return out
	}
	return tty
}

// discardOutput discards output that the terminal hasn't taken.
func discardOutput(fd int) { _ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH) }
