package profile

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// checkRuntimeDir returns why a folder isn't one in memory that only we may use.
func checkRuntimeDir(dir string) error {
	if dir == "" {
		return fmt.Errorf("there is no folder for this run of the machine")
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 || !ok || int(owner.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a folder of our own", dir)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if fs.Type != unix.TMPFS_MAGIC && fs.Type != unix.RAMFS_MAGIC {
		return fmt.Errorf("%s is on a disk, so it may outlive this run of the machine", dir)
	}
	return nil
}

// clocks returns the time since 1970, and since the machine's start with its sleep.
func clocks() (wall, boot time.Duration) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, 0
	}
	return time.Duration(time.Now().UnixNano()), time.Duration(t.Nano())
}
