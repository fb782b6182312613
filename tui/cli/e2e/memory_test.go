package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The memory of a process is read from its /proc/PID/status (Linux), and its peak as it ends by
// itself: what wait4 calls the peak is at least that of the process which started it, here the tests'.

// leaveStatus keeps what Linux knows of this process, for the test that started it.
func leaveStatus(to string) {
	text, err := os.ReadFile("/proc/self/status")
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// measured makes cmd leave what checkMemory reads.
func measured(t *testing.T, cmd *exec.Cmd) (status string) {
	t.Helper()
	status = filepath.Join(t.TempDir(), "status")
	if runtime.GOOS == "linux" {
		cmd.Env = append(cmd.Env, statusEnv+"="+status)
	}
	return status
}

// checkMemory fails when a process that has ended held more than its records and a fixed amount.
func checkMemory(t *testing.T, status string, lines int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return
	}
	held := bytesOf(t, status, "VmHWM") >> 20
	t.Logf("held %d MiB at most", held)
	if most := 60 + lines/1024; held > most && !raceDetector { // 1 KiB for a record and all that points at it
		t.Errorf("%d MiB, want at most %d", held, most)
	}
}

// bytesOf is a size in a process's status, in bytes: "VmRSS" is what it holds, "VmHWM" the most it held.
func bytesOf(t *testing.T, status, field string) int {
	t.Helper()
	text, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), field+":")
	kilobytes := 0
	if _, err := fmt.Sscan(rest, &kilobytes); err != nil {
		t.Fatal(err)
	}
	return kilobytes << 10
}
