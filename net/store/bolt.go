package store

import (
	"errors"
	"fmt"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// damage says that the file is not what was written to it.
type damage struct{ cause error }

func (d *damage) Error() string { return "damaged file: " + d.cause.Error() }
func (d *damage) Unwrap() error { return d.cause }

func damaged(format string, args ...any) error { return &damage{fmt.Errorf(format, args...)} }

func isDamage(err error) bool {
	var d *damage
	return errors.As(err, &d)
}

// file is an open database. bbolt takes a mapped file at its word: a bad page makes it fault or
// panic, in the middle of a transaction. So every call into it goes through caught.
type boltFile struct {
	db *bolt.DB
	// stuck: a panic left bbolt's locks held, so that closing would wait for ever. What is open
	// is left behind; that happens only to a damaged file, which has been put aside.
	lockStuck bool
}

// caught runs f and makes a panic or a fault in it a *damage. A fault is a panic only where
// SetPanicOnFault was called, in this goroutine.
func catchFaults(f func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if v := recover(); v != nil {
			err = damaged("%v", v)
		}
	}()
	return f()
}

// transact runs fn in a transaction and commits it if it is writable and fn returned nil. What fn
// gets from it is valid only until it returns: it lies in the mapped file.
func (f *boltFile) transact(writable bool, fn func(*bolt.Tx) error) error {
	var tx *bolt.Tx
	err := catchFaults(func() (err error) {
		tx, err = f.db.Begin(writable)
		return err
	})
	if err != nil {
		f.lockStuck = f.lockStuck || isDamage(err)
		return err
	}
	err = catchFaults(func() error {
		if err := fn(tx); err != nil || !writable {
			return err
		}
		return tx.Commit()
	})
	ended := catchFaults(func() error {
		if err := tx.Rollback(); !errors.Is(err, berrors.ErrTxClosed) {
			return err
		}
		return nil
	})
	if isDamage(ended) {
		f.lockStuck = true
	}
	if err == nil {
		err = ended
	}
	return err
}

func (f *boltFile) close() error {
	if f.lockStuck {
		return nil
	}
	return catchFaults(f.db.Close)
}
