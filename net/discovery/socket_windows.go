package discovery

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/windows"
)

// unicastIf is IP_UNICAST_IF of ws2ipdef.h; broadcasts follow it too.
const unicastIf = 31

// pin makes an IPv4 socket send by the given interface, whatever the routes. Windows takes the index in
// network byte order for IPv4. IPv6 has the zone of each destination for it.
func pin(fd uintptr, six bool, index int) error {
	if six {
		return nil
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(index))
	return windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_IP, unicastIf, int(int32(binary.NativeEndian.Uint32(b[:]))))
}

// taken reports whether another program holds the port without sharing it: Windows says "access denied"
// if that program asked for exclusive use.
func taken(err error) bool {
	return errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEACCES)
}

// tooLong reports whether a datagram was longer than the buffer, where that is an error.
func tooLong(err error) bool { return errors.Is(err, windows.WSAEMSGSIZE) }
