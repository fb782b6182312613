//go:build unix

package discovery

import (
	"errors"

	"golang.org/x/sys/unix"
)

// taken reports whether another program holds the port without sharing it.
func taken(err error) bool { return errors.Is(err, unix.EADDRINUSE) }

// tooLong reports whether a datagram was longer than the buffer, where that is an error.
func tooLong(error) bool { return false }
