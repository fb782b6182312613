package e2e

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// However a program ends but for kill -9, its peers are told: they see it leave, and don't lose it.
func TestASignalSaysGoodbye(t *testing.T) {
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

func TestTheEndOfInputSaysGoodbye(t *testing.T) {
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

// A panic anywhere ends the program in good order: peers are told, one line on stderr says where the
// stack is, exit code 2.
func TestAPanicInAGoroutineIsLoggedAndSaid(t *testing.T) {
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
