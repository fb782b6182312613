package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// exported returns what export prints about a profile.
func exported(t *testing.T, home, name string, more ...string) string {
	t.Helper()
	code, out, errs := finish(t, program(t, home, append([]string{"export", "--name", name}, more...)...))
	if code != 0 || errs != "" {
		t.Fatalf("export: exit %d, %q", code, errs)
	}
	return out
}

// history returns the messages with which a run began.
func history(p *peer, n int) (texts []string) {
	for range n {
		h := p.until("line of before", func(h happened) bool { return h.Event == "message" && h.History })
		texts = append(texts, h.Content)
	}
	return texts
}

// settled waits until a profile's export equals want.
func settled(t *testing.T, home, name, want string) {
	t.Helper()
	var got string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if got = exported(t, home, name); got == want {
			return
		}
	}
	t.Fatalf("%s exports %d bytes, want %d", name, len(got), len(want))
}

// sendOneLine starts a peer that sends one message to an empty room, and leaves.
func sendOneLine(t *testing.T, home, name string) {
	t.Helper()
	p := begin(t, program(t, home, alone("--name", name)...))
	p.says("here")
	p.until("sent", func(h happened) bool { return h.Event == "sent" })
	p.quits()
}

// Alice and Bob talk and quit. Alice starts again and has all messages. Charlie, a new peer, meets only
// Alice and gets Bob's messages. All export the same bytes, and verify detects any changed byte.
func TestHistory(t *testing.T) {
	t.Parallel()
	cmd, home := neighboursAt(t)
	alice, bob := begin(t, cmd("Alice")), begin(t, cmd("Bob"))
	alice.sees("up", bob)
	bob.sees("up", alice)
	var said []string
	for i := range 5 {
		a, b := fmt.Sprint("alice ", i), fmt.Sprint("bob ", i, " <&> \\ \"quoted\" ✓")
		alice.says(a)
		bob.hears(alice, a)
		bob.says(b)
		alice.hears(bob, b)
		said = append(said, a, b)
	}
	last := alice.all()[len(alice.all())-1]
	for _, h := range alice.all() {
		if h.Event == "sent" {
			last = h
		}
	}
	alice.next = 0
	alice.until("delivery", func(h happened) bool { return h.Event == "delivered" && h.ID == last.ID })
	alice.says("/who-has")
	if h := alice.until("answer", func(h happened) bool { return h.Event == "info" && strings.Contains(h.Text, "last message") }); !strings.Contains(h.Text, "1 of 1") {
		t.Errorf("/who-has says %q", h.Text)
	}
	bob.quits()
	alice.quits()
	of := func(name string) string { return filepath.Join(home, name) }
	first := exported(t, home, "Alice")
	if b := exported(t, home, "Bob"); b != first {
		t.Errorf("two who heard the same export %d and %d bytes", len(first), len(b))
	}
	if err := os.WriteFile(of("alice.export"), []byte(first), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := finish(t, program(t, home, "verify", of("alice.export")))
	if code != 0 || errs != "" || !strings.Contains(out, "a valid export") || !strings.Contains(out, "12, in 2 feeds") || !strings.Contains(out, "(lobby)") {
		t.Errorf("verify: exit %d, %q, %q", code, out, errs)
	}
	for at := range 40 {
		changed := []byte(first)
		changed[(at*7919)%len(changed)] ^= 1
		if bytes.Equal(changed, []byte(first)) {
			continue
		}
		if err := os.WriteFile(of("changed"), changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out, errs := finish(t, program(t, home, "verify", of("changed"))); code != exitError || errs == "" || out != "" {
			t.Fatalf("byte %d changed: exit %d, %q, %q", (at*7919)%len(changed), code, out, errs)
		}
	}

	// Nothing of before is printed unless it is asked for.
	alice = begin(t, cmd("Alice"))
	charlie := begin(t, cmd("Charlie"))
	charlie.sees("up", alice)
	if got := history(charlie, len(said)); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(said))) {
		t.Errorf("Charlie has %q", got)
	}
	settled(t, home, "charlie", first) // beside the running program
	alice.says("/export "+of("within"), "/export "+of("within.txt"))
	for range 2 {
		alice.until("export", func(h happened) bool { return h.Event == "info" && strings.Contains(h.Text, "12 records are in") })
	}
	if got, err := os.ReadFile(of("within")); err != nil {
		t.Error(err)
	} else if string(got) != first {
		t.Errorf("/export writes %d bytes, export prints %d", len(got), len(first))
	}
	if got := exported(t, home, "Alice", "--room", " lobby "); got != first {
		t.Errorf("the room with blanks around its name: %d bytes", len(got))
	}
	text := exported(t, home, "Alice", "--text")
	if lines := strings.Count(text, "\n"); lines != 12 || !strings.Contains(text, ": bob 4") {
		t.Errorf("%d lines as text:\n%s", lines, text)
	}
	for _, form := range []string{"--json", "--text"} {
		if none := exported(t, home, "Alice", form, "--since", "2100-01-01"); none != "" {
			t.Errorf("%s since 2100: %q", form, none)
		}
	}
	if heard := alice.quits(); len(heard) != 0 {
		t.Errorf("Alice heard %q, which she knew", heard)
	}
	alice = begin(t, cmd("Alice", "--history", "3"))
	if got := history(alice, 3); !slices.Equal(got, said[7:]) {
		t.Errorf("the last three: %q", got)
	}
	alice.quits()
	charlie.quits()
}

// With --ephemeral no message is written to disk.
func TestEphemeral(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	p := begin(t, program(t, home, alone("--name", "Eve", "--ephemeral")...))
	p.says("for no disk")
	p.until("sent", func(h happened) bool { return h.Event == "sent" })
	p.quits()
	if code, _, errs := finish(t, program(t, home, "export", "--name", "Eve")); code != exitError || !strings.Contains(errs, "nothing is remembered") {
		t.Errorf("exit %d, %q", code, errs)
	}
	filepath.WalkDir(home, func(path string, d os.DirEntry, err error) error {
		if data, err := os.ReadFile(path); err == nil && bytes.Contains(data, []byte("for no disk")) {
			t.Errorf("it is in %s", path)
		}
		return nil
	})
}

func TestRetentionFlags(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for _, args := range [][]string{
		{"--keep", "soon"}, {"--keep", "-1d"}, {"--keep", "0d"}, {"--share-history", "some"}, {"--share-history", "-3h"}, {"--history", "-1"},
		{"--room-size", "1M"}, {"--room-size", "2000000G"}, {"--room-size", "512"}, {"--room-size", "big"}, {"--room-size", "-1G"},
	} {
		if code, _, errs := finish(t, program(t, home, alone(args...)...)); code != exitUsage || !strings.Contains(errs, args[0]) {
			t.Errorf("%q: exit %d, %q", args, code, errs)
		}
	}
	for _, args := range [][]string{{"export", "--since", "yesterday"}, {"export", "--json", "--text"}, {"export", "--room="}, {"export", "--name=" + strings.Repeat("x", 65)}, {"send", " "}, {"send", "x", "--wait", "0s"}} {
		if code, _, errs := finish(t, program(t, home, args...)); code != exitUsage || errs == "" {
			t.Errorf("%q: exit %d, %q", args, code, errs)
		}
	}
}

// send exits with 0 once a peer has the message, also while its profile is in use, and with 1 if no peer
// came. tail prints messages.
func TestSendAndTail(t *testing.T) {
	t.Parallel()
	cmd, home := neighboursAt(t)
	alice := begin(t, cmd("Alice"))
	send := func(name, text string, more ...string) (int, string) {
		c := cmd(name, append(more, "--wait", "30s")...)
		at := slices.Index(c.Args, "start")
		c.Args[at] = "send"
		c.Args = append(c.Args, text)
		code, out, errs := finish(t, c)
		if out != "" {
			t.Errorf("send prints %q", out)
		}
		return code, errs
	}
	if code, errs := send("Bob", "the build is green"); code != 0 || errs != "" {
		t.Fatalf("exit %d, %q", code, errs)
	}
	if h := alice.until("line", func(h happened) bool { return h.Event == "message" }); h.Content != "the build is green" {
		t.Errorf("%+v", h)
	}
	tail := cmd("Alice")
	tail.Args[slices.Index(tail.Args, "start")] = "tail"
	listener := begin(t, tail)
	if listener.ready.Name != "Alice-cli" || listener.ready.ID == alice.ready.ID {
		t.Errorf("tail is %s", listener.ready.raw)
	}
	listener.sees("up", alice)
	alice.says("to all")
	listener.hears(alice, "to all")
	// Two have it, piece by piece, and a name that leaves no room for a suffix is cut.
	long := strings.Repeat("n", 64)
	named := begin(t, cmd(long))
	if code, errs := send(long, strings.Repeat("0123456789", 6000)); code != 0 || errs != "" {
		t.Errorf("exit %d, %q", code, errs)
	}
	h := alice.until("the pieces", func(h happened) bool { return strings.HasSuffix(h.Content, "789") })
	if want := long[:60] + "-cli"; !strings.Contains(h.raw, `"from_name":"`+want+`"`) {
		t.Errorf("it isn't said by %s: %.300s", want, h.raw)
	}
	named.quits()
	ended := time.Now()
	listener.cmd.Process.Signal(os.Interrupt)
	if code, _ := listener.end(); code != exitSignal {
		t.Errorf("tail ends with %d", code)
	}
	soon(t, "tail ends", ended, time.Now(), 500*time.Millisecond) // its input has no writer, and would hold it for 5 s
	alice.quits()

	began := time.Now()
	lonely := program(t, home, "send", "--name", "Zoe", "--no-discovery", "--listen", "127.0.0.1:0", "--wait", "300ms", "is anyone there?")
	if code, _, errs := finish(t, lonely); code != exitError || !strings.Contains(errs, "no one came") {
		t.Errorf("exit %d, %q", code, errs)
	}
	soon(t, "no one came", began, time.Now(), 300*time.Millisecond)
	code, text, errs := finish(t, program(t, home, "export", "--name", "Zoe"))
	if code != 0 || text != "" || !strings.Contains(errs, "nothing is remembered") {
		t.Errorf("no one came, and yet %q was sent: exit %d, %q", text, code, errs)
	}
}

// A profile in use has a second one beside it for send, by its folder too.
func TestSendBesideItsProfile(t *testing.T) {
	t.Parallel()
	cmd, _ := neighboursAt(t)
	dir := filepath.Join(t.TempDir(), "profile")
	ann := begin(t, cmd("Ann", "--profile", dir))
	send := cmd("Ann", "--profile", dir, "--wait", "30s")
	send.Args[slices.Index(send.Args, "start")] = "send"
	send.Args = append(send.Args, "from a script")
	if code, _, errs := finish(t, send); code != 0 || errs != "" {
		t.Errorf("exit %d, %q", code, errs)
	}
	ann.until("the message", func(h happened) bool { return h.Event == "message" && h.Content == "from a script" })
	ann.quits()
	if _, err := os.Stat(dir + "-cli"); err != nil {
		t.Error(err)
	}
}

// A peer that acknowledges nothing makes send fail, or wait until a signal.
func TestSendUnacknowledged(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		wait, want string
		code       int
	}{
		{"500ms", "no one has acknowledged it", exitError},
		{"30s", "", exitSignal},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		cmd := program(t, t.TempDir(), "send", "--no-discovery", "--listen", "127.0.0.1:0",
			"--connect", fmt.Sprint("line://", l.Addr()), "--wait", tc.wait, "hello")
		var out, errs strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if text, err := bufio.NewReader(conn).ReadString('\n'); !strings.Contains(text, "hello") {
			t.Errorf("heard %q, %v", text, err)
		}
		if tc.code == exitSignal {
			cmd.Process.Signal(os.Interrupt)
		}
		cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != tc.code || out.String() != "" || !strings.Contains(errs.String(), tc.want) {
			t.Errorf("exit %d, %q, %q", code, out.String(), errs.String())
		}
	}
}

// The copy that an export reads is removed, also when a closed pipe ends the export.
func TestExportIntoClosedPipe(t *testing.T) {
	t.Parallel()
	home, temp := t.TempDir(), t.TempDir()
	p := begin(t, program(t, home, alone("--name", "Ann")...))
	for i := range 100 { // more than a pipe holds
		p.says(fmt.Sprint(i, strings.Repeat("x", 4000)))
	}
	p.quits()
	export := program(t, home, "export", "--name", "Ann")
	export.Env = append(export.Env, "TMPDIR="+temp, "TMP="+temp)
	var errs bytes.Buffer
	export.Stderr = &errs
	out, err := export.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := export.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
	out.Close()
	export.Wait()
	if code := export.ProcessState.ExitCode(); code != exitError || errs.Len() != 0 {
		t.Errorf("exit %d, stderr %q", code, errs.String())
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// An export of a room that the profile was never in gives a warning, not only an empty file.
func TestExportOfUnknownRoom(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	sendOneLine(t, home, "Ann")
	code, out, errs := finish(t, program(t, home, "export", "--name", "Ann", "--room", "loby"))
	if code != 0 || out != "" || !strings.Contains(errs, `of the room "loby"`) || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit %d, out %q, stderr %q", code, out, errs)
	}
}

// An export to a full disk prints one error.
func TestExportToFullDisk(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	sendOneLine(t, home, "Ann")
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	export := program(t, home, "export", "--name", "Ann")
	var errs bytes.Buffer
	export.Stdout, export.Stderr = full, &errs
	_ = export.Run()
	if code := export.ProcessState.ExitCode(); code != exitError || strings.Count(errs.String(), "no space left") != 1 {
		t.Errorf("exit %d, stderr %q", code, errs.String())
	}
}
