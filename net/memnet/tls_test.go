package memnet

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"testing"
	"testing/synctest"
	"time"
)

func TestTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 7)
		n.SetDefault(steady(20 * time.Millisecond))
		a.SetBandwidth(1<<20, 1<<20)
		pub, key, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(nil, template, template, pub, key)
		if err != nil {
			t.Fatal(err)
		}
		config := &tls.Config{
			Certificates:       []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
			ClientAuth:         tls.RequireAnyClientCert,
			InsecureSkipVerify: true, // the test is of the transport
			MinVersion:         tls.VersionTLS13,
		}
		rawC, rawS := dialed(t, a, b)
		client, server := tls.Client(rawC, config), tls.Server(rawS, config)
		served := make(chan error, 1)
		go func() {
			_, err := io.Copy(server, server)
			server.Close()
			served <- err
		}()
		start := time.Now()
		if err := client.HandshakeContext(in(t, time.Second)); err != nil {
			t.Fatal(err)
		}
		if rtt := time.Since(start); rtt < 40*time.Millisecond || rtt > 50*time.Millisecond {
			t.Errorf("the handshake took %v, want one round trip of 40 ms and the line's time", rtt)
		}
		const size = 1 << 20 // a second of the line, four buffers
		go func() {
			client.Write(make([]byte, size))
			client.CloseWrite()
		}()
		got, err := io.Copy(io.Discard, client)
		if got != size || err != nil {
			t.Errorf("echoed %d bytes, %v; want %d", got, err, size)
		}
		if err := <-served; err != nil {
			t.Errorf("server: %v", err)
		}
		if took := time.Since(start); took < time.Second || took > 2*time.Second {
			t.Errorf("took %v, want between 1 and 2 s", took)
		}
		client.Close()
	})
}
