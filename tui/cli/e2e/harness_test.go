package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/tui/cli"
)

// The test binary is the program when mainEnv is set. Once the file in panicEnv exists, the program
// panics in the next goroutine that begins a TLS handshake. statusEnv names the file into which the
// program copies /proc/self/status as it ends.
const (
	mainEnv   = "P2PCHAT_TEST_MAIN"
	panicEnv  = "P2PCHAT_TEST_PANIC"
	statusEnv = "P2PCHAT_TEST_STATUS"
)

// another is a program to test in place of this one: an earlier build, to compare with.
var another = flag.String("program", "", "the file of another build, to be tested in place of this one")

// Exit codes of the program.
const (
	exitError  = 1
	exitUsage  = 2
	exitPanic  = 2
	exitSignal = 130
)

func TestMain(m *testing.M) {
	if os.Getenv(bareEnv) != "" {
		os.Exit(bareMesh(os.Stdin, os.Stdout))
	}
	if spec := os.Getenv(floodEnv); spec != "" {
		runAttacker(spec)
		return
	}
	if spec := os.Getenv(frameFloodEnv); spec != "" {
		runFrameFlood(spec)
		return
	}
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

// program returns the program with these arguments and a home folder of its own.
func program(t *testing.T, home string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), cmp.Or(*another, os.Args[0]), args...)
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

// alone returns the arguments of a start that finds no peer.
func alone(more ...string) []string {
	return append([]string{"start", "--json", "--no-discovery", "--listen", "127.0.0.1:0"}, more...)
}

// piped starts cmd with pipes for its input and output; its errors go to errs.
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

// patience is how long a test waits before an event counts as missing: long, for busy machines. Rules about
// time are checked by the events' stamps.
const patience = 60 * time.Second

// slack is how much longer than a rule says anything may take on a busy machine.
const slack = 3 * time.Second

// happened is one object of a peer's JSON output, for any event.
type happened struct {
	Event, State, ID, Key, Name, Addr, Content, Signature, Kind, Text, Hint, Level, Reason, From, Via string

	Fingerprint, Profile string

	Label, Slot, Value string // in events about votes
	Yes, No            int

	FromID    string `json:"from_id"`
	Port, Of  int
	Received  int
	Records   int
	Time      int64
	Peers     any // a number or a list
	Encrypted bool
	History   bool
	at        time.Time // when it was read
	raw       string
}

// String returns the object as it was written.
func (h happened) String() string { return h.raw }

// peer is a running program in JSON mode whose output is read as it comes, so that it never waits
// for the test.
type peer struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stderr strings.Builder // read it after end only
	ready  happened

	mu   sync.Mutex
	log  []happened
	more chan struct{} // closed and made anew when log grows
	over bool          // guarded by mu: the output has ended
	held chan struct{} // guarded by mu: nil, or reading goes on when it is closed

	// The test's: how much of log until has looked at, and sees for each peer.
	next int
	seen map[string]*int
}

// begin starts cmd and waits until it is ready.
func begin(t *testing.T, cmd *exec.Cmd) *peer {
	t.Helper()
	p := launch(t, cmd)
	p.awaitReady()
	return p
}

func (p *peer) awaitReady() {
	p.t.Helper()
	p.ready = p.until("ready", func(h happened) bool { return h.Event == "ready" })
}

// launch starts cmd.
func launch(t *testing.T, cmd *exec.Cmd) *peer {
	t.Helper()
	p := &peer{t: t, cmd: cmd, more: make(chan struct{}), seen: map[string]*int{}}
	stdin, out := piped(t, cmd, &p.stderr)
	p.stdin = stdin
	var reader sync.WaitGroup
	reader.Go(func() { p.read(out) })
	t.Cleanup(func() {
		cmd.Process.Kill()
		reader.Wait()
		cmd.Wait()
		if t.Failed() {
			for _, h := range p.log[max(0, len(p.log)-15):] {
				t.Logf("%s: %s %s", p.ready.Name, h.at.Format("05.000"), h.raw)
			}
			t.Logf("%s: stderr %q", p.ready.Name, p.stderr.String())
		}
	})
	return p
}

// read collects events until the output ends. A last line without an end is cut: its process was killed.
func (p *peer) read(out io.Reader) {
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			break
		}
		h := happened{at: time.Now(), raw: strings.TrimSuffix(string(line), "\n")}
		if err := json.Unmarshal(line, &h); err != nil || h.Event == "" {
			p.t.Errorf("%q is no event: %v", line, err)
			continue
		}
		p.mu.Lock()
		p.log = append(p.log, h)
		p.wakeLocked()
		held := p.held
		p.mu.Unlock()
		if held != nil {
			<-held
		}
	}
	p.mu.Lock()
	p.over = true
	p.wakeLocked()
	p.mu.Unlock()
}

// pause stops reading the peer's output, from its next line on, until resume is called.
func (p *peer) pause() (resume func()) {
	held := make(chan struct{})
	p.mu.Lock()
	p.held = held
	p.mu.Unlock()
	resume = sync.OnceFunc(func() {
		p.mu.Lock()
		p.held = nil
		p.mu.Unlock()
		close(held)
	})
	p.t.Cleanup(resume) // before that of begin, which waits for the reader
	return resume
}

// all returns the events so far.
func (p *peer) all() []happened {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log
}

// wakeLocked ends waits for more events.
func (p *peer) wakeLocked() {
	close(p.more)
	p.more = make(chan struct{})
}

// until waits for the next event that want accepts, and skips the others.
func (p *peer) until(what string, want func(happened) bool) happened {
	p.t.Helper()
	h, ok := p.within(patience, &p.next, want)
	if !ok {
		p.t.Fatalf("%s: no %s", p.ready.Name, what)
	}
	return h
}

// within waits for an event that want accepts among the events from next on, and advances next.
func (p *peer) within(limit time.Duration, next *int, want func(happened) bool) (happened, bool) {
	deadline := time.After(limit)
	for {
		p.mu.Lock()
		news, more, over := p.log[*next:], p.more, p.over
		p.mu.Unlock()
		for _, h := range news {
			*next++
			if want(h) {
				return h, true
			}
		}
		if over {
			return happened{}, false
		}
		select {
		case <-more:
		case <-deadline:
			return happened{}, false
		}
	}
}

// sees waits for a state of another peer. Each peer's states are looked at once, in order.
func (p *peer) sees(state string, other *peer) happened {
	p.t.Helper()
	next := p.seen[other.ready.ID]
	if next == nil {
		next = new(int)
		p.seen[other.ready.ID] = next
	}
	h, ok := p.within(patience, next, func(h happened) bool {
		return h.Event == "peer" && h.State == state && h.ID == other.ready.ID
	})
	if !ok {
		p.t.Fatalf("%s doesn't see %s %s", p.ready.Name, other.ready.Name, state)
	}
	return h
}

// hears waits for a message from another peer.
func (p *peer) hears(from *peer, text string) happened {
	p.t.Helper()
	h := p.until("line "+text, func(h happened) bool { return h.Event == "message" && h.Content == text })
	if h.FromID != from.ready.ID || h.Signature != "verified" {
		p.t.Errorf("%s: %q came as %+v", p.ready.Name, text, h)
	}
	return h
}

// says types lines.
func (p *peer) says(lines ...string) {
	p.t.Helper()
	if _, err := io.WriteString(p.stdin, strings.Join(lines, "\n")+"\n"); err != nil {
		p.t.Fatalf("%s: %v", p.ready.Name, err)
	}
}

// end waits for the program's end and returns its exit code and all events.
func (p *peer) end() (code int, log []happened) {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		over, more, log := p.over, p.more, p.log
		p.mu.Unlock()
		if over {
			p.cmd.Wait()
			return p.cmd.ProcessState.ExitCode(), log
		}
		select {
		case <-more:
		case <-deadline:
			p.t.Fatalf("%s doesn't end", p.ready.Name)
		}
	}
}

// quits types /quit and waits for an end without errors. It returns the texts of all messages heard.
func (p *peer) quits() []string {
	p.t.Helper()
	p.says("/quit")
	code, log := p.end()
	if code != 0 || p.stderr.Len() != 0 {
		p.t.Errorf("%s: exit %d, stderr %q", p.ready.Name, code, p.stderr.String())
	}
	return contents(log)
}

// contents returns the texts of the messages among events.
func contents(log []happened) (texts []string) {
	for _, h := range log {
		if h.Event == "message" {
			texts = append(texts, h.Content)
		}
	}
	return texts
}

// soon fails when the time between two stamps is longer than a rule allows.
func soon(t *testing.T, what string, from, to time.Time, limit time.Duration) {
	t.Helper()
	took := to.Sub(from)
	t.Logf("%s: %v", what, took.Round(time.Millisecond))
	if took > limit+slack {
		t.Errorf("%s took %v, not %v", what, took, limit)
	}
}

func status(p *peer) happened {
	p.says("/status")
	return p.until("status", func(h happened) bool { return h.Event == "status" })
}
