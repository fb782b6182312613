package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestBadUsage(t *testing.T) {
	home := t.TempDir()
	for line, want := range map[string]string{
		"--nmae x":                             "unknown flag: --nmae: p2pchat help",
		"--name":                               "flag needs an argument: --name",
		"start --port abc":                     `port "abc" is not a number`,
		"--port 65536":                         "try --port 8081",
		"--port -1":                            "is not a number",
		"70000":                                `port "70000" is not a number`,
		"3000 4000":                            "give one PORT",
		"3000 --port 4000":                     "give one PORT",
		"frobnicate":                           "neither a command nor a PORT nor a HOST:PORT",
		"host:0":                               "write HOST:PORT",
		"--connect http://x":                   "write HOST:PORT",
		"--listen 8080":                        "write HOST:PORT",
		"--listen :1 --port 2":                 "no other --port",
		"--room=":                              "give --room",
		"--name=":                              "choose another --name",
		"--name \x1b[31m":                      "control characters",
		"id --name=" + strings.Repeat("x", 65): "at most 64 bytes",
		"help x":                               "no command \"x\"",
		"help id x":                            "p2pchat help lists",
		"completion x":                         "unknown command",
		"--theme x":                            "give one of auto",
		"id x":                                 `id doesn't take "x": write p2pchat id`,
		"verify":                               "write p2pchat verify FILE",
		"verify a b":                           `doesn't take "b"`,
		"send":                                 "write p2pchat send TEXT",
		"tail --x":                             "p2pchat help tail lists",
		"--interface nix0":                     "there is no network interface",
		"--discovery-port 0":                   "not from 1 to 65535",
		"--discovery-port x":                   `--discovery-port doesn't take "x": p2pchat help lists`,
		"demo --peers x":                       `--peers doesn't take "x": p2pchat help demo lists`,
		"--room \u202e" + strings.Repeat("r", 70): "give --room",
	} {
		code, out, errs := finish(t, program(t, home, strings.Split(line, " ")...))
		if code != 2 || out != "" {
			t.Errorf("%q: exit %d, stdout %q", line, code, out)
		}
		if !strings.HasPrefix(errs, "p2pchat: ") || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) ||
			strings.ContainsAny(errs, "\x1b\u202e") {
			t.Errorf("%q: stderr %q, want one clean line with %q", line, errs, want)
		}
	}
	if left, _ := os.ReadDir(home); len(left) != 0 {
		t.Errorf("bad usage left %v", left)
	}
}

func TestID(t *testing.T) {
	home := t.TempDir()
	code, first, errs := finish(t, program(t, home, "id", "--name", "Zoé"))
	if code != 0 || errs != "" {
		t.Fatalf("exit %d, stderr %q", code, errs)
	}
	s := begin(t, program(t, home, alone("--name", "zoé")...))
	_, second, _ := finish(t, program(t, home, "id", "--name", "Zoé"))
	if first != second {
		t.Errorf("first\n%s\nthen\n%s", first, second)
	}
	for _, want := range []string{s.ready.ID, s.ready.Key, s.ready.Fingerprint, s.ready.Profile, filepath.Join("p2pchat", "zo%C3%A9")} {
		if want == "" || !strings.Contains(second, want) {
			t.Errorf("%q isn't in\n%s", want, second)
		}
	}
}

func TestHelp(t *testing.T) {
	home := t.TempDir()
	for line, want := range map[string]string{
		"version":                        " (" + runtime.GOOS,
		"--version":                      "version 0.",
		"help":                           "--connect HOST:PORT",
		"help id":                        "Show who you are",
		"completion":                     "fish",
		"start --help":                   "--no-discovery",
		"completion bash":                "__start_p2pchat",
		"completion fish":                "complete -c p2pchat",
		"__complete st":                  "start\t",
		"__complete --int":               "--interface",
		"__complete start --no-":         "--no-tui",
		"__complete start --interface l": "lo",
		"__complete start --theme ":      "dark",
		"__complete start --name ":       ":4\n", // no files
		"__complete start --log ":        ":0\n", // files
		"__complete verify ":             ":0\n",
	} {
		code, out, _ := finish(t, program(t, home, strings.Split(line, " ")...))
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%q: exit %d, no %q in %q", line, code, want, out)
		}
	}
}

func TestProfileInUse(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	for _, args := range [][]string{{"--name", "Alice"}, {"--profile", dir}} {
		s := begin(t, program(t, home, alone(args...)...))
		code, out, errs := finish(t, program(t, home, alone(args...)...))
		who := fmt.Sprint("process ", s.cmd.Process.Pid)
		if code != 1 || out != "" || !strings.Contains(errs, who) || !strings.Contains(errs, "--name") || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: exit %d, stdout %q, stderr %q", args, code, out, errs)
		}
		// Once the first has gone, its folder is free.
		s.stdin.Close()
		if code, _ := s.end(); code != 0 {
			t.Errorf("exit %d, %s", code, s.stderr.String())
		}
		if code, _, errs := finish(t, program(t, home, alone(args...)...)); code != 0 {
			t.Errorf("afterwards: exit %d, %s", code, errs)
		}
	}
}

// A second program on a profile fails at once.
func TestProfileInUseIsRefusedAtOnce(t *testing.T) {
	cmd, _ := neighboursAt(t)
	first := begin(t, cmd("Ann"))
	began := time.Now()
	code, _, errs := finish(t, cmd("Ann"))
	took := time.Since(began)
	if code != exitError || !strings.Contains(errs, "in use") || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit %d, %q", code, errs)
	}
	soon(t, "refused", began, began.Add(took), 200*time.Millisecond)
	first.quits()
}

func TestFreeName(t *testing.T) {
	home := t.TempDir()
	first := begin(t, program(t, home, alone()...))
	second := begin(t, program(t, home, alone()...))
	if second.ready.Name != first.ready.Name+"-2" || second.ready.ID == first.ready.ID {
		t.Errorf("%q (%s) and %q (%s)", first.ready.Name, first.ready.ID, second.ready.Name, second.ready.ID)
	}
	io.WriteString(second.stdin, "/quit\n")
	code, log := second.end()
	if code != 0 || !slices.ContainsFunc(log, func(h happened) bool { return strings.Contains(h.Text, "is in use") }) {
		t.Errorf("exit %d, it prints %q", code, log)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, out, errs := finish(t, program(t, t.TempDir(), "--json", "--no-discovery", "--name", "x", "--listen", l.Addr().String()))
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if code != 1 || out != "" || !strings.Contains(errs, port) || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, errs)
	}
}

func TestForeignListenAddress(t *testing.T) {
	code, out, errs := finish(t, program(t, t.TempDir(), "--json", "--no-discovery", "--name", "x", "--listen", "203.0.113.1:9"))
	if code != exitError || out != "" || !strings.Contains(errs, "203.0.113.1:9") || !strings.Contains(errs, "an address of this machine") || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit %d, stdout %q, stderr %q", code, out, errs)
	}
}

func TestDamagedKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "identity.pem")
	if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := finish(t, program(t, dir, alone("--profile", dir)...))
	if text, _ := os.ReadFile(path); code != 1 || out != "" || !strings.Contains(errs, path) || string(text) != "damaged" {
		t.Errorf("exit %d, stdout %q, stderr %q, file %q", code, out, errs, text)
	}
}

func TestQuit(t *testing.T) {
	for _, input := range []string{"", "/quit\n", "/list\n/status"} {
		cmd := program(t, t.TempDir(), alone("--name", "x")...)
		cmd.Stdin = strings.NewReader(input)
		code, out, errs := finish(t, cmd)
		if code != 0 || errs != "" || !strings.HasPrefix(out, `{"event":"ready"`) {
			t.Errorf("%q: exit %d, stdout %q, stderr %q", input, code, out, errs)
		}
		if strings.Contains(input, "/status") && (!strings.Contains(out, `{"event":"list"`) || !strings.Contains(out, `{"event":"status"`)) {
			t.Errorf("%q: stdout %q", input, out)
		}
	}
}

func TestClosedOutput(t *testing.T) {
	cmd := program(t, t.TempDir(), alone("--name", "x")...)
	var errs strings.Builder
	stdin, stdout := piped(t, cmd, &errs)
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil { // it is ready
		t.Fatal(err)
	}
	stdout.Close()
	io.WriteString(stdin, "/list\n")
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitError || errs.Len() != 0 {
		t.Errorf("exit %d, stderr %q", code, errs.String())
	}
}

// An output that can't be written is an error, not success.
func TestOutputToFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no full disk to write to: ", err)
	}
	defer full.Close()
	var errs bytes.Buffer
	cmd := program(t, t.TempDir(), alone("--name", "x")...)
	cmd.Stdout, cmd.Stderr = full, &errs
	err = cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != exitError || !strings.Contains(errs.String(), "standard output") {
		t.Errorf("exit %d (%v), stderr %q", code, err, errs.String())
	}
}

// A signal ends the program also when no one reads what it writes.
func TestSignalBesideAStuckReader(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals can be sent on Windows")
	}
	t.Parallel()
	cmd := program(t, t.TempDir(), alone("--name", "Ann")...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd.Stdout, cmd.Stderr = write, write
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	write.Close()
	for range 40 { // more than a pipe holds, and less than the program lets wait
		fmt.Fprintln(stdin, strings.Repeat("x", 4000))
	}
	if _, err := io.ReadFull(read, make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitSignal {
		t.Errorf("exit code %d", code)
	}
	soon(t, "the end", began, time.Now(), 8*time.Second)
}

// A signal other than kill -9 ends the program with a goodbye: its peers see it leave, and don't lose it.
func TestSignal(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signals can be sent on Windows")
	}
	cmd := neighbours(t)
	watcher := begin(t, cmd("Watcher"))
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		p := begin(t, cmd("Goer"))
		p.sees("up", watcher)
		watcher.sees("up", p)
		if err := p.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if code, _ := p.end(); code != exitSignal || p.stderr.Len() != 0 {
			t.Errorf("%v: exit %d, stderr %q", sig, code, p.stderr.String())
		}
		watcher.sees("left", p)
	}
	watcher.quits()
	for _, h := range watcher.all() {
		if h.State == "lost" {
			t.Errorf("%+v", h)
		}
	}
}

func TestEndOfInput(t *testing.T) {
	cmd := neighbours(t)
	watcher, p := begin(t, cmd("Watcher")), begin(t, cmd("Goer"))
	watcher.sees("up", p)
	p.says("last words")
	p.stdin.Close()
	code, log := p.end()
	if code != 0 || p.stderr.Len() != 0 {
		t.Errorf("exit %d, stderr %q", code, p.stderr.String())
	}
	for _, h := range log {
		if h.State == "left" {
			t.Errorf("who goes says of another that it went: %v", h)
		}
	}
	watcher.hears(p, "last words")
	if h := watcher.until("the end", func(h happened) bool { return h.State == "lost" || h.State == "left" }); h.State != "left" {
		t.Errorf("%+v", h)
	}
}

// A panic in any goroutine still says goodbye to peers. One line on stderr names the log with the stack,
// and the exit code is 2.
func TestPanic(t *testing.T) {
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	folder := t.TempDir()
	logged, trigger := filepath.Join(folder, "my log"), filepath.Join(folder, "trigger")
	cmd := neighbours(t)
	watcher := begin(t, cmd("Watcher"))
	goer := cmd("Goer", "--log", logged)
	goer.Env = append(goer.Env, panicEnv+"="+trigger)
	p := begin(t, goer)
	watcher.sees("up", p)
	p.sees("up", watcher)
	if err := os.WriteFile(trigger, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.says("/connect " + peer.Addr().String())
	code, _ := p.end()
	errs := p.stderr.String()
	if code != exitPanic || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, ": injected: ") || !strings.Contains(errs, logged) {
		t.Errorf("exit %d, stderr %q", code, errs)
	}
	text, err := os.ReadFile(logged)
	if err != nil || !strings.Contains(string(text), "harness_test.go") {
		t.Errorf("no stack in the log: %v, %q", err, text)
	}
	if h := watcher.until("the end", func(h happened) bool { return h.State == "lost" || h.State == "left" }); h.State != "left" {
		t.Errorf("%+v", h)
	}
}

// On a full disk the chat goes on and warns that nothing is saved. With space again, everything is saved.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, to make a small file system")
	}
	cmd, home := neighboursAt(t)
	small := filepath.Join(home, "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small).Run(); err != nil {
		t.Skip("can't make a small file system here: ", err)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", small).Run() })
	profile := filepath.Join(small, "profile")
	ann, bob := begin(t, cmd("Ann", "--profile", profile)), begin(t, cmd("Bob"))
	ann.sees("up", bob)
	bob.sees("up", ann)
	ann.says("while there is room")
	bob.hears(ann, "while there is room")

	stuff := filepath.Join(small, "stuff")
	fill := func() {
		f, err := os.Create(stuff)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for chunk := make([]byte, 4096); err == nil; {
			_, err = f.Write(chunk)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
	fill()
	padding := strings.Repeat("x", 4000)
	for i := range 100 {
		text := fmt.Sprint(i, padding)
		ann.says(text)
		bob.hears(ann, text)
	}
	saving := func(saved string) func(happened) bool {
		return func(h happened) bool { return h.Event == "saving" && strings.Contains(h.raw, `"saved":`+saved) }
	}
	ann.next = 0
	not := ann.until("word that nothing is saved", saving("false"))
	if !strings.Contains(not.raw, "no space") {
		t.Errorf("said %s", not.raw)
	}
	bob.says("still here?")
	ann.hears(bob, "still here?")
	if err := os.Remove(stuff); err != nil {
		t.Fatal(err)
	}
	ann.next = 0
	ann.until("word that nothing is saved", saving("false"))
	ann.until("word that it is saved again", saving("true"))
	ann.quits()
	code, out, errs := finish(t, program(t, home, "export", "--profile", profile))
	if want := exported(t, home, "Bob"); code != 0 || errs != "" || out != want {
		t.Errorf("exit %d, %q, %d bytes exported, want %d", code, errs, len(out), len(want))
	}
	bob.quits()

	// A program that ends while the disk is full says that the last messages are lost.
	last := begin(t, program(t, home, alone("--profile", profile)...))
	fill()
	for range 100 {
		last.says(padding)
	}
	io.WriteString(last.stdin, "/quit\n")
	if code, _ := last.end(); code != exitError || !strings.Contains(last.stderr.String(), "the last messages are not saved") {
		t.Errorf("exit %d, %s", code, last.stderr.String())
	}
}
