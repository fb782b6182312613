package node

import (
	"crypto/ed25519"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"net"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/wire"
)

// newBare is the loop that all is measured by: a body of JSON, signed once, in a frame of JSON that is
// written to each TLS connection; a goroutine at each receiver that verifies. Nothing of ours is in it
// but the certificate and the length before a frame.
func newBare(b *testing.B, receivers int, receive func()) way {
	b.Helper()
	cert, err := identity.FromSeed([32]byte{1}).Certificate()
	if err != nil {
		b.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	config := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13}
	var readers sync.WaitGroup
	var conns []*tls.Conn
	for range receivers {
		out, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		in, err := listener.Accept()
		if err != nil {
			b.Fatal(err)
		}
		readers.Go(func() {
			defer in.Close()
			bareRead(b, tls.Server(in, config), public, receive)
		})
		conn := tls.Client(out, config)
		if err := conn.Handshake(); err != nil {
			b.Fatal(err)
		}
		conns = append(conns, conn)
	}
	send := func(text string) {
		frame := bareFrame(b, private, text)
		for _, c := range conns {
			if _, err := c.Write(frame); err != nil {
				b.Fatal(err)
			}
		}
	}
	return way{send, func() {
		for _, c := range conns {
			c.Close()
		}
		readers.Wait()
	}}
}

type bareLine struct {
	Text string `json:"text"`
	Time int64  `json:"time"`
}

type bareSigned struct {
	Body []byte `json:"body"`
	Sig  []byte `json:"sig"`
}

func bareFrame(b *testing.B, private ed25519.PrivateKey, text string) []byte {
	body, err := json.Marshal(bareLine{text, time.Now().UnixMilli()})
	if err != nil {
		b.Fatal(err)
	}
	payload, err := json.Marshal(bareSigned{body, ed25519.Sign(private, body)})
	if err != nil {
		b.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(payload)), uint32(len(payload))), payload...)
}

func bareRead(b *testing.B, conn *tls.Conn, public ed25519.PublicKey, receive func()) {
	frames := wire.NewReader(conn)
	for {
		payload, err := frames.Next()
		if err != nil {
			return
		}
		var s bareSigned
		var l bareLine
		if json.Unmarshal(payload, &s) != nil || !ed25519.Verify(public, s.Body, s.Sig) || json.Unmarshal(s.Body, &l) != nil {
			b.Error("bad line")
			return
		}
		receive()
	}
}
