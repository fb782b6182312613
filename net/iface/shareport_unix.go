//go:build unix

package iface

import (
	"cmp"
	"syscall"

	"golang.org/x/sys/unix"
)

// SharePort lets other programs of this machine listen on the same UDP port, as a net.ListenConfig's Control.
// Each of them receives every broadcast and multicast.
func SharePort(_, _ string, conn syscall.RawConn) error {
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = cmp.Or(unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	})
	return cmp.Or(err, failed)
}
