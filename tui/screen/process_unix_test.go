//go:build unix

package screen

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"chat.lan/p2pchat/net/event"

	"golang.org/x/sys/unix"
)

// echoRole runs a small program on its standard terminal, which ends with a signal.
func echoRole() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	defer stop()
	err := New(nil, nil).Run(ctx, new(echo), event.NewQueue())
	fmt.Printf("ended: %v\n", err)
}

// wait waits for a process and returns its exit code.
func wait(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	err := cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

func TestSignalsGiveTheTerminalBack(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			c := openConsole(t, 40, 5)
			c.watch()
			cmd := c.start("echo")
			c.see("[]")
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if code := wait(t, cmd); code != 0 {
				t.Errorf("exit code %d", code)
			}
			c.see("ended: ")
			c.mustBeBack(0)
		})
	}
}

// Ctrl+C is a key: the terminal must not make a signal of it.
func TestControlKeysAreKeys(t *testing.T) {
	c := openConsole(t, 60, 5)
	c.watch()
	cmd := c.start("echo")
	c.see("[]")
	c.key("\x03\x1c\x11\x13\x16\x0f")
	c.see("[ctrl+cctrl+\\ctrl+qctrl+sctrl+vctrl+o]")
	c.key("q")
	wait(t, cmd)
	c.see("ended: <nil>")
}

// In a session whose first process is the program no shell could continue it, so the kernel
// ignores SIGTSTP. The screen must come back by itself.
func TestSuspendWithoutAShellComesBack(t *testing.T) {
	c := openConsole(t, 60, 5)
	c.watch()
	cmd := c.start("echo")
	c.see("[]")
	c.key("\x1a")
	c.see("[] resumed")
	if !c.raw() {
		t.Error("the terminal is not in raw mode again")
	}
	c.key("a")
	c.see("[a]")
	before := len(c.output()) // the terminal was given back once already, for the stop
	c.key("q")
	if code := wait(t, cmd); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.mustBeBack(before)
}

// shellRole plays a shell with job control. It runs the echo role as a job in the foreground of the
// terminal, and reports on file descriptor 3 when the job stops or ends. For each line on file descriptor
// 4 it continues the job.
func shellRole() {
	say, orders := os.NewFile(3, "say"), bufio.NewScanner(os.NewFile(4, "orders"))
	// A shell isn't stopped for changing the terminal's foreground job, nor is its child for taking
	// that place before it becomes the job.
	signal.Ignore(syscall.SIGTTOU)
	exe, _ := os.Executable()
	os.Setenv(roleVar, "echo")
	job, err := syscall.ForkExec(exe, []string{exe}, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Foreground: true, Ctty: 0},
	})
	if err != nil {
		fmt.Fprintln(say, err)
		return
	}
	for {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(job, &status, syscall.WUNTRACED, nil); err != nil {
			fmt.Fprintln(say, err)
			return
		}
		if !status.Stopped() {
			fmt.Fprintf(say, "ended %d\n", status.ExitStatus())
			return
		}
		unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, syscall.Getpgrp())
		fmt.Fprintf(say, "stopped %v job %d\n", status.StopSignal(), job)
		if !orders.Scan() {
			return
		}
		unix.IoctlSetPointerInt(0, unix.TIOCSPGRP, job)
		syscall.Kill(-job, syscall.SIGCONT)
	}
}

func TestSuspendAndResume(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the shell of this test knows Linux's job control only")
	}
	c := openConsole(t, 60, 5)
	c.watch()
	heard, say, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer heard.Close()
	orders, order, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer order.Close()
	shell := c.start("shell", say, orders)
	say.Close()
	orders.Close()
	news := bufio.NewScanner(heard)
	next := func() string {
		t.Helper()
		if !news.Scan() {
			t.Fatalf("the shell said nothing more (%v)", news.Err())
		}
		return news.Text()
	}

	c.see("[]")
	c.key("a")
	c.see("[a]")
	c.key("\x1a")
	stopped := next()
	if !strings.HasPrefix(stopped, "stopped stopped") {
		t.Fatalf("the shell said %q", stopped)
	}
	var pid int
	fmt.Sscanf(stopped[strings.LastIndexByte(stopped, ' ')+1:], "%d", &pid)
	c.mustBeBack(0)

	before := len(c.output())
	c.resize(50, 4)
	fmt.Fprintln(order, "continue")
	c.hear("told 50x4")
	c.waitFor("a full paint and the keys", func(out, _ string) bool {
		return strings.Contains(out[before:], eraseAll) && strings.Contains(out[before:], "[a] resumed")
	})
	if !c.raw() {
		t.Error("the terminal is not in raw mode again")
	}

	// A stop that can't be prepared for: the shell sets its own modes, and the program its own
	// again, yet it still knows what to give back in the end.
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if said := next(); !strings.HasPrefix(said, "stopped") {
		t.Fatalf("the shell said %q", said)
	}
	before = len(c.output())
	fmt.Fprintln(order, "continue")
	c.waitFor("a full paint", func(out, _ string) bool { return strings.Contains(out[before:], eraseAll) })

	before = len(c.output())
	c.key("q")
	if said := next(); said != "ended 0" {
		t.Fatalf("the shell said %q", said)
	}
	wait(t, shell)
	c.mustBeBack(before)
}
