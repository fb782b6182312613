package link

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

func TestOpen(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	ca, cb := tcpPair(t)
	la, lb := pair(t, a, b, ca, cb)
	for _, l := range []*Link{la, lb} {
		s := l.tls.ConnectionState()
		if s.CurveID != tls.X25519MLKEM768 || s.Version != tls.VersionTLS13 || s.NegotiatedProtocol != Protocol {
			t.Errorf("curve %v, version %x, protocol %q", s.CurveID, s.Version, s.NegotiatedProtocol)
		}
		if s.DidResume {
			t.Error("session resumed")
		}
		in, out := l.Bytes()
		if in < 1000 || out < 1000 {
			t.Errorf("%d bytes in, %d out: the handshake is not counted", in, out)
		}

	}
	if la.Key() != b.id.Key() || lb.Key() != a.id.Key() {
		t.Error("keys are not the peers'")
	}
	if !la.Dialed() || lb.Dialed() {
		t.Error("who dialled")
	}
	if la.Hello().Name != "peer 2" || lb.Hello().ID != a.id.Key().ID().String() {
		t.Errorf("Hellos %+v, %+v", la.Hello(), lb.Hello())
	}
	if la.RemoteAddr().String() != cb.LocalAddr().String() {
		t.Errorf("remote address %v, want %v", la.RemoteAddr(), cb.LocalAddr())
	}
	la.fail(ErrDown)
	lb.fail(ErrDown)
}

// nobody signs for the small-order key 0100…00: under it R = 0100…00, s = 0 verifies for any message.
type nobody struct{}

var smallKey = append([]byte{1}, make([]byte, 31)...)

func (nobody) Public() crypto.PublicKey { return ed25519.PublicKey(smallKey) }
func (nobody) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return append([]byte{1}, make([]byte, 63)...), nil
}

func selfSigned(t *testing.T, key crypto.Signer) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestRefusedPeer has peers that are no peers, on either side of the connection.
func TestRefusedPeer(t *testing.T) {
	us := newSide(t, 1)
	good := newSide(t, 2).Certificate
	small := selfSigned(t, nobody{})
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecCert, rsCert := selfSigned(t, ec), selfSigned(t, rs)
	two := tls.Certificate{Certificate: [][]byte{good.Certificate[0], good.Certificate[0]}, PrivateKey: good.PrivateKey}
	// The right public key, but the holder of another's private key.
	thief := newSide(t, 3).Certificate
	stolen := tls.Certificate{Certificate: good.Certificate, PrivateKey: thief.PrivateKey}

	for _, test := range []struct {
		name           string
		cert           *tls.Certificate
		change         func(*tls.Config)
		server, client error // what Server and Client say of that peer; nil: not tried
	}{
		{"small-order key", &small, nil, identity.ErrSmallOrder, identity.ErrSmallOrder},
		{"two certificates", &two, nil, identity.ErrCertificateCount, identity.ErrCertificateCount},
		{"no certificate", nil, nil, identity.ErrCertificateCount, nil},
		{"ECDSA", &ecCert, nil, identity.ErrCertificateKey, identity.ErrCertificateKey},
		{"RSA", &rsCert, nil, identity.ErrCertificateKey, identity.ErrCertificateKey},
		{"our own key", &us.Certificate, nil, ErrOwnKey, ErrOwnKey},
		{"another's certificate", &stolen, nil, ErrTLS, ErrTLS},
		{"TLS 1.2", &good, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, ErrTLS, ErrRefused},
		{"another ALPN", &good, func(c *tls.Config) { c.NextProtos = []string{"h2"} }, ErrALPN, ErrRefused},
		{"no ALPN", &good, func(c *tls.Config) { c.NextProtos = nil }, ErrALPN, ErrALPN},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.server != nil {
				theirs, ours := tcpPair(t)
				told := make(chan error, 1)
				go func() {
					c := tls.Client(theirs, rawTLS(test.cert, test.change))
					told <- readAll(c)
				}()
				_, err := Server(t.Context(), ours, us.Config)
				checkRefusal(t, "Server", err, test.server)
				if err := <-told; !isAlert(err) && test.name != "another's certificate" {
					t.Errorf("the refused client got %v, want an alert", err)
				}
			}
			if test.client != nil {
				ours, theirs := tcpPair(t)
				told := make(chan error, 1)
				go func() {
					c := tls.Server(theirs, rawTLS(test.cert, test.change))
					told <- readAll(c)
				}()
				_, err := Client(t.Context(), ours, us.Config, identity.Key{})
				checkRefusal(t, "Client", err, test.client)
				<-told
			}
		})
	}
}

// readAll shakes hands, says something as a Hello would, and reads to the end.
func readAll(c *tls.Conn) error {
	defer c.Close()
	if err := c.Handshake(); err != nil {
		return err
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, c)
	return err
}

func checkRefusal(t *testing.T, who string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", who, err, want)
	} else if !strings.HasPrefix(err.Error(), "link: 127.0.0.1:") {
		t.Errorf("%s: %q doesn't say who", who, err)
	}
}

// TestRefusedPeerGetsReason: the side that is refused by a real link learns that it was.
func TestRefusedPeerGetsReason(t *testing.T) {
	a, b, c := newSide(t, 1), newSide(t, 2), newSide(t, 3)
	ca, cb := tcpPair(t)
	o := join(t, a, b, ca, cb, c.id.Key())
	if !errors.Is(o.clientErr, ErrWrongKey) || !errors.Is(o.serverErr, ErrRefused) {
		t.Errorf("client %v, server %v", o.clientErr, o.serverErr)
	}
	// The server refuses: the client's handshake has succeeded by then (TLS 1.3).
	ca, cb = tcpPair(t)
	o = join(t, a, a, ca, cb, identity.Key{})
	if !errors.Is(o.clientErr, ErrOwnKey) {
		t.Errorf("client %v, want %v", o.clientErr, ErrOwnKey)
	}
	for range 50 {
		ca, cb = tcpPair(t)
		refuser := make(chan error, 1)
		go func() {
			l := newLink(cb, b.Config, false)
			err := l.handshake(t.Context(), c.id.Key()) // a server that expects somebody else
			l.awaitRefusalRead()
			cb.Close()
			refuser <- err
		}()
		_, err := Client(t.Context(), ca, a.Config, identity.Key{})
		if !errors.Is(err, ErrRefused) {
			t.Fatalf("client: %v, want %v", err, ErrRefused)
		}
		if err := <-refuser; !errors.Is(err, ErrWrongKey) {
			t.Fatalf("server: %v, want %v", err, ErrWrongKey)
		}
	}
}

func TestNotTLS(t *testing.T) {
	us := newSide(t, 1)
	for name, say := range map[string]string{
		"a line chat": "Hello! Who is there?\n",
		"seed JSON":   `{"Discovery":{"id":"x","name":"bob","ip":"127.0.0.1","port":8080}}`,
		"HTTP":        "HTTP/1.1 400 Bad Request\r\n\r\n",
	} {
		ours, theirs := tcpPair(t)
		if _, err := io.WriteString(theirs, say); err != nil {
			t.Fatal(err)
		}
		if _, err := Client(t.Context(), ours, us.Config, identity.Key{}); !errors.Is(err, ErrNotTLS) {
			t.Errorf("%s: Client: %v, want %v", name, err, ErrNotTLS)
		}
	}
	ours, theirs := tcpPair(t)
	if _, err := theirs.Write([]byte{0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0}); err != nil {
		t.Fatal(err)
	}
	if _, err := Server(t.Context(), ours, us.Config); !errors.Is(err, ErrTLS) {
		t.Errorf("a broken ClientHello: Server: %v, want %v", err, ErrTLS)
	}
	ours, theirs = tcpPair(t)
	theirs.Close()
	if _, err := Server(t.Context(), ours, us.Config); !errors.Is(err, ErrTLS) {
		t.Errorf("closed at once: Server: %v, want %v", err, ErrTLS)
	}
}

// TestFirstFrame has a proper peer that doesn't begin with a proper Hello.
func TestFirstFrame(t *testing.T) {
	us, them := newSide(t, 1), newSide(t, 2)
	frame := func(payload string) []byte {
		return append([]byte{0, 0, byte(len(payload) >> 8), byte(len(payload))}, payload...)
	}
	hello := func(change func(*wire.Hello)) []byte {
		h := them.Hello()
		change(&h)
		return encode(t, h)
	}
	for name, test := range map[string]struct {
		send []byte
		want error
	}{
		"a ping":        {encode(t, wire.Ping{N: 1}), ErrNoHello},
		"nothing":       {nil, ErrNoHello},
		"half a frame":  {[]byte{0, 0, 1, 0, '{'}, ErrNoHello},
		"oversized":     {[]byte{0, 1, 0, 1}, wire.ErrFrameSize},
		"empty frame":   {make([]byte, 4), wire.ErrFrameSize},
		"HTTP":          {[]byte("GET / HTTP/1.1\r\n\r\n"), wire.ErrFrameSize},
		"not UTF-8":     {frame("{\"Hello\":\"\xff\"}"), wire.ErrUTF8},
		"no object":     {frame("[]"), wire.ErrNoTag},
		"another form":  {frame(`{"Hello":[1]}`), wire.ErrMismatch},
		"version 9":     {hello(func(h *wire.Hello) { h.Versions = []int{9} }), ErrVersion},
		"no version":    {hello(func(h *wire.Hello) { h.Versions = nil }), ErrVersion},
		"an escape":     {hello(func(h *wire.Hello) { h.Name = "\x1b]52" }), ErrHello},
		"a long name":   {hello(func(h *wire.Hello) { h.Name = strings.Repeat("x", 65) }), ErrHello},
		"a long agent":  {hello(func(h *wire.Hello) { h.Agent = strings.Repeat("x", 65) }), ErrHello},
		"many near":     {hello(func(h *wire.Hello) { h.Near = make([]string, wire.MaxNear+1) }), ErrHello},
		"many rooms":    {hello(func(h *wire.Hello) { h.Rooms = make([]wire.InRoom, 65) }), ErrHello},
		"port 70000":    {hello(func(h *wire.Hello) { h.Port = 70000 }), ErrHello},
		"another's id":  {hello(func(h *wire.Hello) { h.ID = us.id.Key().ID().String() }), nil},
		"without names": {hello(func(h *wire.Hello) { h.Name = "" }), nil},
	} {
		ours, theirs := tcpPair(t)
		over := make(chan struct{})
		go func() {
			defer close(over)
			c := tls.Client(theirs, rawTLS(&them.Certificate, nil))
			_, _ = c.Write(test.send)
			_ = c.CloseWrite()
			_, _ = io.Copy(io.Discard, c)
		}()
		l, err := Server(t.Context(), ours, us.Config)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if l != nil {
			if l.Hello().ID != them.id.Key().ID().String() {
				t.Errorf("%s: id %s is not its key's", name, l.Hello().ID)
			}
			l.fail(ErrDown)
		}
		<-over
	}
	ours, theirs := tcpPair(t)
	go func() {
		c := tls.Client(theirs, rawTLS(&them.Certificate, nil))
		_, _ = c.Write(encode(t, wire.Bye{Reason: wire.ByeFull}))
		_, _ = io.Copy(io.Discard, c)
	}()
	var bye *ByeError
	if _, err := Server(t.Context(), ours, us.Config); !errors.As(err, &bye) || bye.Reason != wire.ByeFull {
		t.Errorf("Bye in place of Hello: %v", err)
	}
}

func TestVersionMismatch(t *testing.T) {
	a, b := newSide(t, 1), newSide(t, 2)
	b.Hello = func() wire.Hello { return wire.Hello{Versions: []int{2, 3}} }
	ca, cb := tcpPair(t)
	o := join(t, a, b, ca, cb, identity.Key{})
	if !errors.Is(o.clientErr, ErrVersion) || !errors.Is(o.serverErr, ErrVersion) {
		t.Errorf("client %v, server %v", o.clientErr, o.serverErr)
	}
}

// TestPatience: how long each step may take, exactly.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us, them := newSide(t, 1), newSide(t, 2)
		n, ours, theirs := memPair(t, 1, memnet.Link{})
		defer n.Close()
		start := time.Now()
		_, err := Server(t.Context(), ours, us.Config)
		if took := time.Since(start); !errors.Is(err, ErrTLS) || took != 5*time.Second {
			t.Errorf("silence: %v after %v", err, took)
		}
		theirs.Close()

		for _, asServer := range []bool{true, false} {
			n, ours, theirs := memPair(t, 2, memnet.Link{})
			var c *tls.Conn
			if asServer {
				c = tls.Server(theirs, rawTLS(&them.Certificate, nil))
			} else {
				c = tls.Client(theirs, rawTLS(&them.Certificate, nil))
			}
			go func() { _ = c.Handshake() }()
			start := time.Now()
			if asServer {
				_, err = Client(t.Context(), ours, us.Config, identity.Key{})
			} else {
				_, err = Server(t.Context(), ours, us.Config)
			}
			if took := time.Since(start); !errors.Is(err, ErrNoHello) || took != 10*time.Second {
				t.Errorf("no Hello: %v after %v", err, took)
			}
			n.Close()
		}
	})
}

func TestOpenCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us, them := newSide(t, 1), newSide(t, 2)
		quit := errors.New("quit")
		for _, talk := range []bool{false, true} {
			n, ours, theirs := memPair(t, 1, memnet.Link{})
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(quit) })
			if talk {
				go func() { _ = tls.Client(theirs, rawTLS(&them.Certificate, nil)).Handshake() }()
			}
			start := time.Now()
			_, err := Server(ctx, ours, us.Config)
			want := time.Second
			if talk {
				want += refuseWithin // a peer that has our Hello gets a Bye, and this one doesn't read it
			}
			if !errors.Is(err, quit) || time.Since(start) != want {
				t.Errorf("cancelled: %v after %v", err, time.Since(start))
			}
			if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Errorf("the connection is open: %v", err)
			}
			n.Close()
		}
	})
}
