package store

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A Sync that waits while an earlier batch fails once, and is then saved, still waits for its own
// records. A ballot is sent only when it is on disk.
func TestSyncAfterPassingFailure(t *testing.T) {
	for name, wait := range map[string]func(*Disk) error{
		"sync":   func(d *Disk) error { return d.Sync(context.Background()) },
		"expire": func(d *Disk) error { _, err := d.Expire(context.Background(), time.Now()); return err },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// A store without its writer, whose part the test plays.
				d := &Disk{wake: make(chan struct{}, 1), urge: make(chan struct{}, 1), changed: make(chan struct{}), ledger: newLedger()}
				d.queuedTotal = 2
				done := make(chan error, 1)
				go func() { done <- wait(d) }()
				synctest.Wait()

				d.mu.Lock()
				d.failedCommits, d.status.NotSaved = d.failedCommits+1, syscall.ENOSPC
				d.wakeWaitersLocked()
				d.savedTotal, d.status.NotSaved = 1, nil // before the waiting Sync gets the lock
				d.wakeWaitersLocked()
				d.mu.Unlock()
				synctest.Wait()
				select {
				case err := <-done:
					t.Fatalf("it returned %v before its own was saved", err)
				default:
				}

				d.mu.Lock()
				d.failedCommits, d.status.NotSaved = d.failedCommits+1, syscall.ENOSPC
				d.wakeWaitersLocked()
				d.mu.Unlock()
				if err := <-done; !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("it returned %v, want why nothing is saved", err)
				}
			})
		})
	}
}
