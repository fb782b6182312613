package e2e

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lineMode is the program on this host in line mode, as the walkthrough starts it.
func (h *host) lineMode(args ...string) *exec.Cmd {
	h.lan.t.Helper()
	cmd := h.command()
	for i, a := range cmd.Args {
		if a == "start" {
			cmd.Args = append(cmd.Args[:i+1], args...)
			return cmd
		}
	}
	h.lan.t.Fatalf("no start in %q", cmd.Args)
	return nil
}

// masked is a transcript without what differs from run to run.
func masked(text string) string {
	for mask, form := range map[string]string{
		"<uuid>":    `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`,
		"<address>": `(10\.77\.0\.1|127\.0\.0\.1)`,
	} {
		text = regexp.MustCompile(form).ReplaceAllString(text, mask)
	}
	return text
}

// The walkthrough of the seed, with its words: Alice; Bob five seconds later; who is there; a hello and a
// reply; Charlie; one message to all; one leaves, and the others go on.
func TestTheWalkthrough(t *testing.T) {
	l := newLAN(t, "walk", "red")
	box := l.host("box", "10.77.0.1/16@red")
	alice := talk(t, "Alice", box.lineMode("--name", "Alice", "--port", "8080"))
	alice.shows("TCP listener started")
	if !testing.Short() {
		<-time.After(5 * time.Second)
	}
	bob := talk(t, "Bob", box.lineMode("--name", "Bob", "--port", "8081"))
	alice.shows("Discovered new peer: Bob")
	bob.shows("Discovered new peer: Alice")
	alice.types("/list")
	alice.shows(":8081\n")
	alice.types("/msg Hello Bob!")
	bob.shows("Alice says: Hello Bob!\n")
	bob.types("Hey Alice!")
	alice.shows("Bob says: Hey Alice!\n")
	charlie := talk(t, "Charlie", box.lineMode("--name", "Charlie", "--port", "8082"))
	for _, k := range []*talker{alice, bob} {
		k.shows("Discovered new peer: Charlie")
	}
	charlie.shows("Discovered new peer")
	charlie.shows("Discovered new peer")
	alice.types("Hello everyone!")
	bob.shows("Alice says: Hello everyone!\n")
	charlie.shows("Alice says: Hello everyone!\n")
	bob.types("/quit")
	if code, _ := bob.waits(); code != 0 {
		t.Errorf("Bob ended with %d", code)
	}
	alice.shows("Bob left\n")
	charlie.shows("Bob left\n")
	charlie.types("Still here")
	alice.shows("Charlie says: Still here\n")
	alice.types("So am I")
	charlie.shows("Alice says: So am I\n")
	head := func(name, port string) string {
		return "🎙️  Starting P2P Chat...\n👤 Your ID: <uuid>\n📡 Your Name: " + name + "\n🔌 Listening on port: " + port + "\n🔗 TCP listener started on port " + port + "\n"
	}
	_, text := alice.ends()
	want := head("Alice", "8080") + `🔍 Discovered new peer: Bob (<address>)
👥 Discovered peers:
  - Bob (<uuid>) at <address>:8081
📤 Message sent to 1 peer(s)
📨 Bob says: Hey Alice!
🔍 Discovered new peer: Charlie (<address>)
📤 Message sent to 2 peer(s)
👋 Bob left
📨 Charlie says: Still here
📤 Message sent to 1 peer(s)
`
	if d := cmp.Diff(want, masked(text)); d != "" {
		t.Error(d)
	}
	want = head("Bob", "8081") + `🔍 Discovered new peer: Alice (<address>)
📨 Alice says: Hello Bob!
📤 Message sent to 1 peer(s)
🔍 Discovered new peer: Charlie (<address>)
📨 Alice says: Hello everyone!
`
	if d := cmp.Diff(want, masked(bob.all())); d != "" {
		t.Error(d)
	}
	charlie.shows("Alice left\n")
	charlie.ends()
	if charlie.errs.Len()+alice.errs.Len()+bob.errs.Len() > 0 {
		t.Errorf("on stderr: %q %q %q", alice.errs.String(), bob.errs.String(), charlie.errs.String())
	}
	if got := strings.Count(charlie.all(), "says:"); got < 2 {
		t.Errorf("Charlie heard %q", charlie.all())
	}
}
