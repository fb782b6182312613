package discovery

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// pin makes an IPv4 socket send by the given interface, whatever the routes. Linux takes the index in network
// byte order, and needs no privilege. IPv6 has the zone of each destination for it.
func pin(fd uintptr, six bool, index int) error {
	if six {
		return nil
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(index))
	return unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_UNICAST_IF, int(int32(binary.NativeEndian.Uint32(b[:]))))
}
