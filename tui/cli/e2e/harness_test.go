// Package e2e tests the built program from outside: its arguments, its input and output, its exit code,
// its files, and its peers. The test binary is the program, too: it starts itself again.
package e2e

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"testing"

	"chat.lan/p2pchat/tui/cli"
)

// The test binary is the program when mainEnv is set. Once the file in panicEnv exists, the program
// panics in the next goroutine that begins a TLS handshake. statusEnv is the file for what Linux knows
// of the process as it ends.
const (
	mainEnv   = "P2PCHAT_TEST_MAIN"
	panicEnv  = "P2PCHAT_TEST_PANIC"
	statusEnv = "P2PCHAT_TEST_STATUS"
)

// Exit codes of the program.
const (
	exitError  = 1
	exitUsage  = 2
	exitPanic  = 2
	exitSignal = 130
)

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) == "" {
		// Tests that run in parallel wait for clocks and networks, not for a core.
		flag.Parse()
		if err := flag.Set("test.parallel", "16"); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	if file := os.Getenv(panicEnv); file != "" {
		rand.Reader = panickingReader{file, rand.Reader}
	}
	code := cli.Main(os.Args[1:])
	if to := os.Getenv(statusEnv); to != "" {
		leaveStatus(to)
	}
	os.Exit(code)
}

// panickingReader is a source of random bytes that panics once a file exists. A TLS handshake begins by
// reading some, in a goroutine of the program's own and without its locks.
type panickingReader struct {
	file string
	io.Reader
}

func (r panickingReader) Read(p []byte) (int, error) {
	if _, err := os.Stat(r.file); err == nil {
		panic("injected")
	}
	return r.Reader.Read(p)
}

// program is the program with these arguments, in a home of its own.
func program(t *testing.T, home string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), mainEnv+"=1", "XDG_DATA_HOME="+home, "HOME="+home, "LocalAppData="+home,
		"GORACE=atexit_sleep_ms=0") // else each start under -race takes a second to end
	return cmd
}

// finish runs cmd to its end with no input.
func finish(t *testing.T, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// alone are flags of a start that meets nobody.
func alone(more ...string) []string {
	return append([]string{"start", "--json", "--no-discovery", "--listen", "127.0.0.1:0"}, more...)
}

// piped starts cmd with pipes for its input and output; what it complains of goes to errs.
func piped(t *testing.T, cmd *exec.Cmd, errs io.Writer) (stdin io.WriteCloser, stdout io.ReadCloser) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if stdout, err = cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return stdin, stdout
}

// started is a running program in JSON mode.
type started struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.Closer
	lines  *bufio.Reader
	stderr bytes.Buffer
	ready  struct {
		Event, ID, Key, Name, Fingerprint, Profile string
		Port                                       int
	}
}

// launch starts cmd and waits until it is ready.
func launch(t *testing.T, cmd *exec.Cmd) *started {
	t.Helper()
	s := &started{cmd: cmd}
	stdin, out := piped(t, cmd, &s.stderr)
	s.stdin, s.stdout, s.lines = stdin, out, bufio.NewReader(out)
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	first, err := s.lines.ReadBytes('\n')
	if err != nil || json.Unmarshal(first, &s.ready) != nil || s.ready.Event != "ready" {
		cmd.Wait()
		t.Fatalf("first line %q, %v, stderr %q", first, err, s.stderr.String())
	}
	return s
}

// end reads to the end and returns the exit code and what came.
func (s *started) end(t *testing.T) (code int, rest string) {
	t.Helper()
	text, _ := io.ReadAll(s.lines)
	s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode(), string(text)
}
