package screen

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// reopen opens the terminal behind out once more, without blocking: writes then wait in Go's poller
// and can be interrupted. Setting the flag on out itself would set it for the shell too, which
// shares that description. Where it can't be opened (after su, say) out has to do.
func reopen(out *os.File) *os.File {
	name := "/proc/self/fd/" + strconv.Itoa(int(out.Fd()))
	tty, err := os.OpenFile(name, os.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return out
	}
	return tty
}

// discardOutput throws away what the terminal was sent and has not taken.
func discardOutput(fd int) { _ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCOFLUSH) }
