//go:build unix

package screen

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// patience is how long a test waits before it fails. What it waits for takes milliseconds.
const patience = 30 * time.Second

// console is the other end of a terminal: it shows what a program writes, and types.
type console struct {
	t             *testing.T
	master, slave *os.File
	read          chan struct{} // closed when nothing more comes

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when something was read
	emu     *emulator
	out     strings.Builder
}

// openConsole opens a terminal that answers nothing.
func openConsole(t *testing.T, width, height int) *console {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	// pty.Open leaves it blocking; see control.
	if err := syscall.SetNonblock(int(master.Fd()), true); err != nil {
		t.Fatal(err)
	}
	c := &console{t: t, master: master, slave: slave, read: make(chan struct{}), changed: make(chan struct{})}
	c.resize(width, height)
	c.emu = newEmulator(width, height)
	t.Cleanup(c.close)
	return c
}

// watch starts to take what the program writes.
func (c *console) watch() {
	go func() {
		defer close(c.read)
		buf := make([]byte, 1<<16)
		for {
			n, err := c.master.Read(buf)
			c.mu.Lock()
			c.out.Write(buf[:n])
			c.emu.Write(buf[:n])
			close(c.changed)
			c.changed = make(chan struct{})
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
}

// close hangs up. It may be called more than once.
func (c *console) close() {
	c.slave.Close()
	c.master.Close()
}

// resize changes the window's size; the emulator keeps its own.
func (c *console) resize(width, height int) {
	c.t.Helper()
	c.control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(width), Row: uint16(height)})
	})
}

// control calls f with the terminal. Not through Fd, which makes the file blocking: a Close would
// then wait for the Read that is under way.
func (c *console) control(f func(fd int) error) {
	c.t.Helper()
	conn, err := c.master.SyscallConn()
	if err != nil {
		c.t.Fatal(err)
	}
	if ctlErr := conn.Control(func(fd uintptr) { err = f(int(fd)) }); ctlErr != nil || err != nil {
		c.t.Fatal(ctlErr, err)
	}
}

// output returns everything that was written so far.
func (c *console) output() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.String()
}

// waitFor waits until ok holds for what was written and for what the screen shows.
func (c *console) waitFor(what string, ok func(out, screen string) bool) {
	c.t.Helper()
	timeout := time.After(patience)
	for {
		c.mu.Lock()
		out, screen, changed := c.out.String(), strings.Join(c.emu.text(), "\n"), c.changed
		c.mu.Unlock()
		if ok(out, screen) {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			c.t.Fatalf("%s did not come; the screen is\n%s\nand the end of the output %q", what, screen, out[max(0, len(out)-400):])
		}
	}
}

// see waits until the screen shows text.
func (c *console) see(text string) {
	c.t.Helper()
	c.waitFor("the text "+text, func(_, screen string) bool { return strings.Contains(screen, text) })
}

// hear waits until seq was written.
func (c *console) hear(seq string) {
	c.t.Helper()
	c.waitFor("the sequence", func(out, _ string) bool { return strings.Contains(out, seq) })
}

// key types.
func (c *console) key(s string) {
	c.t.Helper()
	if _, err := c.master.WriteString(s); err != nil {
		c.t.Fatal(err)
	}
}

// raw reports whether the terminal is in raw mode.
func (c *console) raw() bool {
	c.t.Helper()
	var mode *unix.Termios
	c.control(func(fd int) (err error) {
		mode, err = unix.IoctlGetTermios(fd, getTermios)
		return err
	})
	return mode.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG) == 0
}

// mustBeBack fails unless the terminal is as it was before, and the last thing that was written to
// it gave everything back, after the first `since` bytes.
func (c *console) mustBeBack(since int) {
	c.t.Helper()
	if c.raw() {
		c.t.Error("the terminal is still in raw mode")
	}
	c.waitFor("the sequence that gives the terminal back", func(out, _ string) bool {
		return strings.Contains(out[since:], give)
	})
	out := c.output()
	if after := out[strings.LastIndex(out, give)+len(give):]; strings.Contains(after, syncBegin) || strings.Contains(after, "\x1b[?1049h") {
		c.t.Errorf("drawn after the terminal was given back: %q", after)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.emu.visible {
		c.t.Error("the cursor is still hidden")
	}
}

// roleVar makes this test binary a program on a terminal instead of a test run.
const roleVar = "P2PCHAT_SCREEN_ROLE"

// start runs this test binary in a role, in a session of its own on the console, with extra as its
// file descriptors from 3.
func (c *console) start(role string, extra ...*os.File) *exec.Cmd {
	c.t.Helper()
	cmd := roleCommand(c.t, role)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.slave, c.slave, c.slave
	cmd.ExtraFiles = extra
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { cmd.Process.Kill() })
	return cmd
}

// roleCommand returns a command that runs this test binary in a role.
func roleCommand(t testing.TB, role string) *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	// screen-256color is a terminal that Bubble Tea's init doesn't ask for its colours.
	cmd.Env = append(os.Environ(), roleVar+"="+role, "TERM=screen-256color")
	return cmd
}
