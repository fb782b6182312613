// Package filelock locks open files against other processes. The kernel holds a lock: it ends when
// the file is closed or the process dies.
package filelock

import "errors"

// ErrHeld is the error of Try if another open file holds the lock.
var ErrHeld = errors.New("held")
