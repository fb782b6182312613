package iface

import (
	"cmp"
	"syscall"

	"golang.org/x/sys/windows"
)

// SharePort lets other programs of this machine listen on the same UDP port, as a net.ListenConfig's Control.
// Each of them receives every broadcast and multicast.
func SharePort(_, _ string, conn syscall.RawConn) error {
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
	})
	return cmp.Or(err, failed)
}
