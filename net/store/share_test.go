package store

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
)

// While the disk can't follow, a flood of one author fills its part of the memory. Others' records are still taken.
func TestFloodFillsItsPartOfTheMemory(t *testing.T) {
	cfg := config(t)
	cfg.fault = func() error { return &os.PathError{Op: "write", Path: cfg.Path, Err: syscall.ENOSPC} }
	talk := conversation(400, 2)
	one := op{entry: &talk[2]}
	cfg.MaxWaitingBytes = 80 * one.size()
	d := open(t, cfg)
	taken := map[identity.Key]int{}
	flooder := talk[0].Record.Author()
	for _, e := range talk {
		if e.Record.Author() == flooder {
			if err := d.Append(e); err == nil {
				taken[flooder]++
			} else if !errors.Is(err, ErrFull) && !errors.Is(err, ErrGap) {
				t.Fatal(err)
			}
		}
	}
	if n := taken[flooder]; n < 60 || n > 70 {
		t.Errorf("%d of its records wait, want seven eighths of 80", n)
	}
	others := 0
	for _, e := range talk {
		if e.Record.Author() != flooder && others < 4 {
			if err := d.Append(e); err != nil {
				t.Fatalf("record %d of someone else: %v", others, err)
			}
			others++
		}
	}
	if others != 4 {
		t.Fatal("nobody else spoke")
	}
}
