package e2e

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// stranger makes a connection to a peer and a TLS connection over it, as the peer with the seed does.
func stranger(t *testing.T, to *peer, id *identity.Identity) *tls.Conn {
	t.Helper()
	certificate, err := id.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", to.ready.Port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	raw.SetDeadline(time.Now().Add(patience))
	return tls.Client(raw, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13,
		NextProtos: []string{link.Protocol}, InsecureSkipVerify: true})
}

// frame is a message with its length before it.
func frame(t *testing.T, m wire.Message) []byte {
	t.Helper()
	f, err := wire.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// What is no peer, or a broken one, is refused with a reason in the log, its connection is closed,
// and the program goes on.
func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	logged := filepath.Join(home, "log")
	a := begin(t, program(t, home, alone("--name", "Ann", "--log", logged)...))
	own, err := identity.Load(a.ready.Profile)
	if err != nil {
		t.Fatal(err)
	}
	other := identity.FromSeed([32]byte{9})
	noise := make([]byte, 100_000)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(noise)
	huge := binary.BigEndian.AppendUint32(nil, 1<<31)
	hello := frame(t, wire.Hello{Versions: []int{link.Version}, Name: "x", Started: 1, Inst: "1"})
	future := frame(t, wire.Hello{Versions: []int{99}, Name: "x", Started: 1, Inst: "1"})
	named := frame(t, wire.Hello{Versions: []int{link.Version}, Name: "\x1b[31m", Started: 1, Inst: "1"})
	var reasons []string
	for _, c := range []struct {
		what   string
		id     *identity.Identity // nil: without TLS
		bytes  []byte
		reason string // in the log
		slow   bool
	}{
		{what: "noise", bytes: noise},
		{what: "a broken TLS record", bytes: []byte{22, 3, 1, 0, 5, 1, 2, 3, 4, 5}, reason: link.ErrTLS.Error()},
		{what: "own key", id: own, reason: link.ErrOwnKey.Error()},
		{what: "oversized frame", id: other, bytes: huge, reason: wire.ErrFrameSize.Error()},
		{what: "no JSON", id: other, bytes: []byte("\x00\x00\x00\x05hello"), reason: wire.ErrNoTag.Error()},
		{what: "another version", id: other, bytes: future, reason: link.ErrVersion.Error()},
		{what: "a name with an escape", id: other, bytes: named, reason: link.ErrHello.Error()},
		{what: "another room", id: other, bytes: hello},
		{what: "no Hello", id: other, reason: link.ErrNoHello.Error(), slow: true},
	} {
		if c.slow && testing.Short() {
			continue
		}
		t.Run(c.what, func(t *testing.T) {
			var conn net.Conn = stranger(t, a, other)
			if c.id == nil {
				conn = conn.(*tls.Conn).NetConn()
			} else if c.id != other {
				conn = stranger(t, a, c.id)
			}
			if len(c.bytes) > 0 {
				conn.Write(c.bytes) // may be refused before all is written
			} else if t, ok := conn.(*tls.Conn); ok {
				t.Handshake()
			}
			// It is closed from the other side.
			if _, err := io.Copy(io.Discard, conn); err != nil && os.IsTimeout(err) {
				t.Error(err)
			}
			reasons = append(reasons, c.reason)
		})
	}

	// What isn't native is judged by its text, and then there is nobody to whom a log would be of use.
	a.until("noise refused", func(h happened) bool { return h.Event == "refused" && strings.Contains(h.Reason, "nor text") })

	// One that was let in and then misbehaves is refused on screen.
	conn := stranger(t, a, other)
	conn.Write(frame(t, wire.Hello{Versions: []int{link.Version}, Name: "Eve", Started: 1, Inst: "1",
		Rooms: []wire.InRoom{{Room: record.OpenRoom("lobby").String()}}}))
	a.until("Eve", func(h happened) bool { return h.Name == "Eve" && h.State == "up" })
	conn.Write([]byte("\x00\x00\x00\x1a" + `{"Something":{"newer": 1}}`))
	h := a.until("refusal", func(h happened) bool { return h.Event == "refused" && h.From == "Eve" })
	if h.From != "Eve" || h.Reason != link.RefusedUnknown {
		t.Errorf("refused as %+v", h)
	}
	conn.Write(huge)
	h = a.until("refusal", func(h happened) bool { return h.Event == "refused" })
	if h.From != "Eve" || h.Reason != link.RefusedSize {
		t.Errorf("refused as %+v", h)
	}
	a.until("Eve's end", func(h happened) bool { return h.Name == "Eve" && h.State == "lost" })

	// And after all that it talks to whoever is all right.
	b := begin(t, program(t, home, alone("--name", "Ben", "--connect", fmt.Sprint("127.0.0.1:", a.ready.Port))...))
	a.sees("up", b)
	b.says("hello")
	a.hears(b, "hello")
	a.quits()
	text, err := os.ReadFile(logged)
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range reasons {
		if !strings.Contains(string(text), reason) {
			t.Errorf("no %q in the log\n%s", reason, text)
		}
	}
}

func TestConnectingToOneselfSaysSo(t *testing.T) {
	a := begin(t, program(t, t.TempDir(), alone("--name", "Ann")...))
	a.says(fmt.Sprint("/connect 127.0.0.1:", a.ready.Port))
	h := a.until("warning", func(h happened) bool { return h.Level == "warning" })
	if !strings.Contains(h.Text, link.ErrOwnKey.Error()) || !strings.Contains(h.Hint, "yourself") {
		t.Errorf("%+v", h)
	}
	a.quits()
}
