package store

import (
	"errors"
	"fmt"
	"runtime/debug"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// errDamaged is the error of a file that doesn't hold what was written to it.
var errDamaged = errors.New("damaged file")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errDamaged, fmt.Errorf(format, args...))
}

func isDamage(err error) bool { return errors.Is(err, errDamaged) }

// boltFile is an open database. bbolt trusts a mapped file: a bad page makes it fault or panic, in
// the middle of a transaction. So every call into bbolt goes through catchFaults.
type boltFile struct {
	db *bolt.DB
	// lockStuck says that a panic left bbolt's locks held, so that closing would never return. The
	// open file then leaks. That happens only to a damaged file, which has been moved aside.
	lockStuck bool
}

// catchFaults runs f and turns a panic or a memory fault in it into damage. A fault becomes a
// panic only where this goroutine called SetPanicOnFault.
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

// transact runs fn in a transaction, and commits it if it is writable and fn returns nil. Data that
// fn gets from the transaction lies in the mapped file: fn must copy what it keeps.
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
