package node

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// occupied is a network on which every port up to a greatest is taken by another program.
type occupied struct {
	Network
	last  int
	tried []int
}

func (o *occupied) Listen(_ context.Context, _, addr string) (net.Listener, error) {
	_, text, _ := net.SplitHostPort(addr)
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, err
	}
	o.tried = append(o.tried, port)
	switch {
	case port == 0:
		port = 40000
	case port <= o.last:
		return nil, fmt.Errorf("listen: %w", syscall.EADDRINUSE)
	}
	return fakeListener(port), nil
}

type fakeListener int

func (fakeListener) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (fakeListener) Close() error              { return nil }
func (f fakeListener) Addr() net.Addr          { return &net.TCPAddr{Port: int(f)} }

// Programs of one machine take the ports from 8080 on, and the 22nd takes any that is free. A port that the user
// chose isn't changed.
func TestListenTakesAnyFreePortAtLast(t *testing.T) {
	for _, tc := range []struct {
		listen   string
		next     bool
		taken    int
		want     int // 0: an error that names the port
		attempts int
	}{
		{":8080", true, 0, 8080, 1},
		{":8080", true, 8099, 8100, 21},
		{":8080", true, 8100, 40000, 22},
		{":65530", true, 65535, 40000, 7},
		{":8080", false, 8080, 0, 1},
	} {
		network := &occupied{last: tc.taken}
		n := &Node{cfg: Config{Listen: tc.listen, NextPort: tc.next, Network: network}}
		_, err := n.listen(t.Context())
		if n.port != tc.want || (err == nil) != (tc.want != 0) || len(network.tried) != tc.attempts {
			t.Errorf("%+v: port %d after %v, %v", tc, n.port, network.tried, err)
		}
		if err != nil && !strings.Contains(err.Error(), "port 8080 is in use") {
			t.Error(err)
		}
	}
}
