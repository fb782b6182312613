package e2e

import (
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// talker is a running program that speaks lines, whose output is read as it comes.
type talker struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	errs  strings.Builder // read it after the end only

	mu    sync.Mutex
	text  strings.Builder
	ended bool          // guarded by mu; nothing comes any more
	more  chan struct{} // closed and made anew when there is more; guarded by mu
	over  chan struct{} // closed when the reader has ended
	seen  int           // of text, by shows: the test's
}

// talk starts cmd.
func talk(t *testing.T, name string, cmd *exec.Cmd) *talker {
	t.Helper()
	k := &talker{t: t, name: name, cmd: cmd, more: make(chan struct{}), over: make(chan struct{})}
	stdin, out := piped(t, cmd, &k.errs)
	k.stdin = stdin
	go k.read(out)
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-k.over
		cmd.Wait()
		if t.Failed() {
			t.Logf("%s: %q\nstderr %q", name, k.text.String(), k.errs.String())
		}
	})
	return k
}

func (k *talker) read(out io.Reader) {
	defer close(k.over)
	buf := make([]byte, 4<<10)
	for {
		n, err := out.Read(buf)
		k.mu.Lock()
		k.text.Write(buf[:n])
		k.ended = err != nil
		close(k.more)
		k.more = make(chan struct{})
		k.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// shows waits until text is printed, behind what it waited for before, and returns all from there on.
func (k *talker) shows(text string) string {
	k.t.Helper()
	deadline := time.After(patience)
	for {
		k.mu.Lock()
		rest, more, over := k.text.String()[k.seen:], k.more, k.ended
		k.mu.Unlock()
		if i := strings.Index(rest, text); i >= 0 {
			k.seen += i + len(text)
			return rest[i:]
		}
		if over {
			k.t.Fatalf("%s ended without %q", k.name, text)
		}
		select {
		case <-more:
		case <-deadline:
			k.t.Fatalf("%s: no %q in %q", k.name, text, rest)
		}
	}
}

func (k *talker) types(lines ...string) {
	k.t.Helper()
	for _, line := range lines {
		if _, err := io.WriteString(k.stdin, line+"\n"); err != nil {
			k.t.Fatal(err)
		}
	}
}

// all is what was printed so far.
func (k *talker) all() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.String()
}

// ends closes the input and waits for the end.
func (k *talker) ends() (code int, text string) {
	k.t.Helper()
	k.stdin.Close()
	return k.waits()
}

// waits waits for the end.
func (k *talker) waits() (code int, text string) {
	k.t.Helper()
	select {
	case <-k.over:
	case <-time.After(patience):
		k.t.Fatalf("%s doesn't end", k.name)
	}
	k.cmd.Wait()
	return k.cmd.ProcessState.ExitCode(), k.text.String()
}
