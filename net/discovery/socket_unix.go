//go:build unix

package discovery

import (
	"errors"

	"golang.org/x/sys/unix"
)

// share lets other programs of this machine listen on the same port; each gets every broadcast.
func share(fd uintptr) error {
	if err := unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return err
	}
	return unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}

// taken reports whether another program holds the port without sharing it.
func taken(err error) bool { return errors.Is(err, unix.EADDRINUSE) }

// tooLong reports whether a datagram was longer than the buffer, where that is an error.
func tooLong(error) bool { return false }
