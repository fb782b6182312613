package mdns

import "syscall"

// controls makes a net.ListenConfig.Control of what is done to a socket before it is bound.
func controls(f func(fd uintptr) error) func(network, address string, c syscall.RawConn) error {
	if f == nil {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) { err = f(fd) }); e != nil {
			return e
		}
		return err
	}
}
