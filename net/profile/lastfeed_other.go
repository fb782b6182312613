//go:build !linux

package profile

import (
	"errors"
	"time"
)

// checkRuntimeDir refuses every folder: only Linux promises one that is gone with the machine's run.
func checkRuntimeDir(string) error {
	return errors.New("this system has no folder that is gone with the machine's run")
}

func clocks() (wall, boot time.Duration) { return 0, 0 }
