package discovery

import (
	"errors"
	"net"
)

// LoopbackAlias names the loopback interface on every system, where no other interface has that name:
// Linux calls it so, macOS lo0, Windows something long.
const LoopbackAlias = "lo"

// Loopback is what this system calls its loopback interface: what is sent there stays on this machine.
func Loopback() (name string, err error) {
	all, err := net.Interfaces()
	if err != nil {
		return "", err
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 {
			return i.Name, nil
		}
	}
	return "", errors.New("no loopback interface is up")
}
