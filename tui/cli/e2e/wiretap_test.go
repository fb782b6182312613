package e2e

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// Who records the connection of two peers reads neither what they say nor who they are.
func TestAWireTapReadsNothing(t *testing.T) {
	home := t.TempDir()
	a := begin(t, program(t, home, alone("--name", "Alexandra")...))
	tap := newProxy(t, fmt.Sprint("127.0.0.1:", a.ready.Port))
	b := begin(t, program(t, home, alone("--name", "Bartholomew", "--connect", tap.addr())...))
	a.sees("up", b)
	b.sees("up", a)
	a.says("meet me at the old mill")
	b.hears(a, "meet me at the old mill")
	b.says("the password is swordfish")
	a.hears(b, "the password is swordfish")
	a.quits()
	b.sees("left", a)
	kept := tap.tape()
	if len(kept) < 3000 || !bytes.Contains(kept, []byte(link.Protocol)) { // the ClientHello is in clear
		t.Errorf("%d bytes on the tape: not the connection", len(kept))
	}
	for _, word := range []string{"mill", "swordfish", "Alexandra", "Bartholomew", "Hello", "Record", "lobby", a.ready.ID, a.ready.Key, b.ready.ID, b.ready.Key} {
		if bytes.Contains(kept, []byte(word)) {
			t.Errorf("%q is on the tape", word)
		}
	}
}

// A proxy that speaks TLS to both sides, with a key of its own, lures by a forged announcement. The
// dialler refuses it, says so, and says nothing to it.
func TestATerminatingProxyIsRefused(t *testing.T) {
	home := t.TempDir()
	a := begin(t, program(t, home, alone("--name", "Ann")...))
	proxy, err := identity.FromSeed([32]byte{7}).Certificate()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var caught bytes.Buffer
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			in := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{proxy}, MinVersion: tls.VersionTLS13,
				NextProtos: []string{link.Protocol}, ClientAuth: tls.RequestClientCert})
			io.Copy(&caught, in)
			conn.Close()
		}
	})
	var key identity.Key
	if err := key.UnmarshalText([]byte(a.ready.Key)); err != nil {
		t.Fatal(err)
	}
	lure, err := wire.Beacon{Discovery: &wire.Discovery{ID: a.ready.ID, Name: "Ann", IP: "127.0.0.1", Port: uint16(l.Addr().(*net.TCPAddr).Port),
		V: 1, Started: 1, Inst: "0123456789abcdef", Key: &key, Rooms: []string{record.OpenRoom("lobby").String()}}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	b := begin(t, program(t, home, "start", "--json", "--name", "Ben", "--interface", "lo", "--discovery-port", port, "--no-mdns", "--port", "0"))
	udp, err := net.Dial("udp4", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	if _, err := udp.Write(lure); err != nil {
		t.Fatal(err)
	}
	h := b.until("refusal", func(h happened) bool { return h.Event == "refused" })
	if h.From != l.Addr().String() || !strings.Contains(h.Reason, "another key") {
		t.Errorf("refused as %+v", h)
	}
	// It goes to the real one as soon as it is told of her.
	b.says(fmt.Sprint("/connect 127.0.0.1:", a.ready.Port))
	b.sees("up", a)
	b.quits()
	l.Close()
	serving.Wait()
	if caught.Len() != 0 {
		t.Errorf("the proxy was told %q", caught.Bytes())
	}
}
