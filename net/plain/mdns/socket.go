package mdns

import "syscall"

// controlFunc returns a net.ListenConfig.Control that calls f before a socket is bound.
func controlFunc(f func(fd uintptr) error) func(network, address string, c syscall.RawConn) error {
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
