package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// mount puts a small file system in memory over dir.
func mount(dir, options string) error { return unix.Mount("tmpfs", dir, "tmpfs", 0, options) }

func unmount(dir string) { _ = unix.Unmount(dir, unix.MNT_DETACH) }

// makeReadOnly makes a file unwritable, for root too.
func makeReadOnly(path string) (undo func(), err error) {
	if os.Getuid() != 0 {
		return func() { os.Chmod(path, 0o600) }, os.Chmod(path, 0o400)
	}
	if err := unix.Mount(path, path, "", unix.MS_BIND, ""); err != nil {
		return nil, err
	}
	if err := unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		unix.Unmount(path, unix.MNT_DETACH)
		return nil, err
	}
	undone := false
	return func() {
		if !undone {
			undone = unix.Unmount(path, unix.MNT_DETACH) == nil
		}
	}, nil
}
