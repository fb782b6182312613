//go:build unix && !linux && !darwin

package discovery

// pin does nothing here: the bound address decides the interface.
func pin(fd uintptr, six bool, index int) error { return nil }
