package plain

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// TestNativeIsHandedOver checks that a native connection is handed over whole. TLS works on it, also after
// the time in which it would have become a line client.
func TestNativeIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		certificate, err := identity.FromSeed([32]byte{9}).Certificate()
		if err != nil {
			t.Fatal(err)
		}
		l, err := w.us.Listen(t.Context(), "tcp", ":8090")
		if err != nil {
			t.Fatal(err)
		}
		serve(w.group, w.plain, l, w.rec, w.allowed, func(c net.Conn) {
			s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13})
			_, _ = io.Copy(s, s)
			_ = s.CloseWrite()
		})
		raw, err := w.net.Host(bobAddr.Addr()).DialContext(t.Context(), "tcp", "10.0.0.1:8090")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(silentAfter / 2)
		c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
		defer c.Close()
		for _, text := range []string{"hello", "still there?"} {
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, len(text))
			if _, err := io.ReadFull(c, b); err != nil || string(b) != text {
				t.Fatalf("%q came back as %q, %v", text, b, err)
			}
			time.Sleep(time.Minute)
		}
		if n := len(w.plain.Peers()); n != 0 {
			t.Errorf("%d plain peers", n)
		}
		_ = c.CloseWrite()
		if _, err := io.ReadAll(c); err != nil {
			t.Error(err)
		}
		w.expect()
	})
}
