//go:build !windows

package profile

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// foreignOwner returns the name of the user that owns a folder: "" when that is the user of this
// process, or when there is no such folder.
func foreignOwner(dir string) string {
	info, err := os.Stat(dir)
	if err != nil {
		return ""
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) == os.Geteuid() {
		return ""
	}
	if u, err := user.LookupId(strconv.Itoa(int(stat.Uid))); err == nil {
		return u.Username
	}
	return fmt.Sprintf("user %d", stat.Uid)
}
