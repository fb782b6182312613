//go:build !linux

package store

import "errors"

func mount(dir, options string) error { return errors.New("Linux only") }

func unmount(dir string) {}

func makeReadOnly(path string) (undo func(), err error) { return nil, errors.New("Linux only") }
