package demo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"

	"chat.lan/p2pchat/net/group"
)

const (
	// leaveTime is how long a peer may take for its goodbyes; its own limit is 5 s.
	leaveTime = 7 * time.Second
	killTime  = 2 * time.Second
	// pollTime is how often we check a process that is no child of ours: the system doesn't report its end.
	pollTime = 20 * time.Millisecond
)

// ended reports whether p no longer runs. A zombie counts as ended: tmux's own process, and peers that
// outlive it, belong to process 1, which in a container may never collect them.
func ended(p *os.Process) bool {
	if p.Signal(syscall.Signal(0)) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
	if err != nil {
		return false // not Linux
	}
	// 4711 (name, with anything in it) Z …
	end := bytes.LastIndexByte(stat, ')')
	return end >= 0 && bytes.HasPrefix(stat[end+1:], []byte(" Z"))
}

// waitEnded returns the processes that still run when ctx ends, or none as soon as none does.
func waitEnded(ctx context.Context, all []*os.Process) []*os.Process {
	left := slices.DeleteFunc(slices.Clone(all), ended)
	for len(left) > 0 && group.Sleep(ctx, pollTime, nil) {
		left = slices.DeleteFunc(left, ended)
	}
	return left
}

// dismiss ends processes as a closed terminal does: peers say goodbye, shells exit. It kills those that
// still run after patience.
func dismiss(all []*os.Process, patience time.Duration) error {
	for _, p := range all {
		_ = p.Signal(syscall.SIGHUP) // the error is that it has ended
	}
	left := waitAtMost(patience, all)
	for _, p := range left {
		_ = p.Kill()
	}
	if left = waitAtMost(killTime, left); len(left) > 0 {
		return fmt.Errorf("process %d of the demo doesn't end: kill -9 %[1]d", left[0].Pid)
	}
	return nil
}

// waitAtMost calls waitEnded for at most d. It ignores the demo's context, since it serves the cleanup.
func waitAtMost(d time.Duration, all []*os.Process) []*os.Process {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return waitEnded(ctx, all)
}
