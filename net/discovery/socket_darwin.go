package discovery

import "golang.org/x/sys/unix"

// pin makes a socket send by the given interface, whatever the routes.
func pin(fd uintptr, six bool, index int) error {
	if six {
		return unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_BOUND_IF, index)
	}
	return unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BOUND_IF, index)
}
