//go:build unix

package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"go.uber.org/goleak"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/tui/command"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patientTime bounds the wait for events that should take milliseconds.
const patientTime = 30 * time.Second

// lively is a node for a real Screen: messages come back as events. Post is set before it runs.
type lively struct {
	fakeNode
	mu      sync.Mutex
	post    func(event.Event)
	panicOn string
	said    int
}

func (n *lively) Say(text string) error {
	if text == n.panicOn {
		panic("injected")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.said++
	n.post(event.Sent{Line: event.Line{ID: fmt.Sprintf("own %d", n.said), From: n.self.Key, FromID: n.self.ID, FromName: n.self.Name,
		Text: text, Own: true, Time: noon, Arrived: noon, Signature: event.Verified, Kind: event.KindNative}, Peers: 1})
	return nil
}

func (n *lively) SendTyping(bool) {}

func (n *lively) Self() event.Self {
	if n.panicOn == "self" {
		panic("injected")
	}
	return n.self
}

func (n *lively) Peers() []event.Peer {
	if n.panicOn == "peers" {
		panic("injected")
	}
	return nil
}

func (n *lively) WaitDelivered(context.Context) error { return nil }

// stage is a Screen that runs on a terminal of its own.
type stage struct {
	t      *testing.T
	master *os.File
	slave  *os.File
	group  *group.Group
	events *event.Queue
	screen *Screen
	node   *lively
	ended  chan error

	mu      sync.Mutex
	emu     *vt.Emulator
	out     strings.Builder
	changed chan struct{}
}

func openStage(t *testing.T) *stage {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	// pty.Open leaves it blocking: a Close would then wait for a Read that waits for output.
	if err := syscall.SetNonblock(int(master.Fd()), true); err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(slave, &pty.Winsize{Cols: 100, Rows: 26}); err != nil {
		t.Fatal(err)
	}
	key := keyOf("Alice")
	s := &stage{t: t, master: master, slave: slave, ended: make(chan error, 1), emu: vt.NewEmulator(100, 26), changed: make(chan struct{}),
		node: &lively{fakeNode: fakeNode{self: event.Self{ID: key.ID().String(), Key: key, Name: "Alice", Room: "lobby", Port: 8080}}}}
	s.group = group.New(context.Background(), nil)
	s.events = event.NewQueue()
	s.screen = New(s.group, s.events, Config{Commands: command.New(), Log: fakeLog{}, In: slave, Out: slave, Look: plain})
	s.node.post = func(ev event.Event) { s.events.Post(ev) }
	read := make(chan struct{})
	go func() {
		defer close(read)
		buf := make([]byte, 1<<16)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.out.Write(buf[:n])
			s.emu.Write(buf[:n])
			close(s.changed)
			s.changed = make(chan struct{})
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		slave.Close()
		master.Close()
		<-read
		s.emu.Close()
	})
	return s
}

func (s *stage) run(ctx context.Context) {
	s.group.Go("test/run", func(context.Context) { s.ended <- s.screen.Run(ctx, s.node) })
	s.events.Post(event.Ready{Self: s.node.self})
}

// wait blocks until ok returns true. It calls ok under mu.
func (s *stage) wait(what string, ok func() bool) {
	s.t.Helper()
	timeout := time.After(patientTime)
	for {
		s.mu.Lock()
		done, changed := ok(), s.changed
		screen := ansi.Strip(s.emu.Render())
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			s.t.Fatalf("%s did not come:\n%s", what, screen)
		}
	}
}

func (s *stage) see(text string) {
	s.t.Helper()
	s.wait(text, func() bool { return strings.Contains(ansi.Strip(s.emu.Render()), text) })
}

func (s *stage) key(keys string) {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

// end waits for Run and all goroutines, and fails unless the terminal was restored.
func (s *stage) end() error {
	s.t.Helper()
	var err error
	select {
	case err = <-s.ended:
	case <-time.After(patientTime):
		s.t.Fatal("Run did not return")
	}
	s.events.Post(event.Notice{Text: "after the end"}) // returns
	s.group.Close()
	s.wait("the main screen", func() bool { return strings.Contains(s.out.String(), "\x1b[?1049l") })
	return err
}

func TestRun(t *testing.T) {
	s := openStage(t)
	s.run(context.Background())
	s.see("You are Alice")
	bob := peerOf("bob", noon)
	s.events.Post(event.PeerChanged{Peer: bob})
	s.see("bob is here")
	var all sync.WaitGroup
	for i := range 4 { // the door is for any goroutine
		all.Go(func() {
			for j := range 500 {
				s.events.Post(event.Said{Line: event.Line{ID: fmt.Sprint(i, j), From: bob.Key, FromID: bob.ID, FromName: "bob",
					Text: fmt.Sprintf("%d from %d", j, i), Time: noon, Arrived: noon, Signature: event.Verified, Kind: event.KindNative}})
				s.events.Post(event.PeerStats{Peer: bob})
			}
		})
	}
	all.Wait()
	s.key("hello\r")
	s.see("hello")
	for i := range 50 {
		s.key(fmt.Sprintf("line %d\r", i))
	}
	s.see("line 49")
	s.key("\x03")
	s.see("Press Ctrl+C again")
	s.wait("the end of the offer, by the timer", func() bool { return !strings.Contains(ansi.Strip(s.emu.Render()), "Press Ctrl+C again") })
	s.key("/quit\r")
	if err := s.end(); err != nil {
		t.Errorf("/quit ends with %v", err)
	}
	if s.node.said != 51 {
		t.Errorf("%d of 51 lines were said", s.node.said)
	}
}

func TestRunIsCancelled(t *testing.T) {
	s := openStage(t)
	why := errors.New("ended by a signal")
	ctx, cancel := context.WithCancelCause(context.Background())
	s.run(ctx)
	s.see("You are Alice")
	cancel(why)
	if err := s.end(); !errors.Is(err, why) {
		t.Errorf("Run returned %v", err)
	}
}

// A panic restores the terminal, be it in a command or in Update.
func TestPanicsRestoreTheTerminal(t *testing.T) {
	for _, c := range []struct{ name, on, keys string }{
		{"in an order", "boom", "boom\r"},
		{"in a command", "peers", "/list\r"},
		{"in Update", "self", "/verify b"}, // which completes names
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openStage(t)
			s.node.panicOn = c.on
			s.run(s.group.Context())
			s.see("You are Alice")
			s.key(c.keys)
			err := s.end()
			if caught := (*group.Panic)(nil); s.group.Err() == nil && !errors.As(err, &caught) {
				t.Errorf("Run returned %v and the group caught %v", err, s.group.Err())
			}
		})
	}
}
