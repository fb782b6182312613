//go:build unix && !linux

package screen

import "golang.org/x/sys/unix"

const getTermios = unix.TIOCGETA
