package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// nextPorts is how many ports listen tries after the first, so that people know where to look for a program.
const nextPorts = 20

// listen takes Config.Listen's port. With NextPort it takes the next free one of twenty, or else any that is free.
func (n *Node) listen(ctx context.Context) (net.Listener, error) {
	host, port, err := net.SplitHostPort(n.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", n.cfg.Listen, err)
	}
	first, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: port is not a number", n.cfg.Listen)
	}
	for p, last := first, min(first+nextPorts, 65535); ; p++ {
		if p > last {
			p = 0 // the system chooses
		}
		l, err := n.cfg.Network.Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(p)))
		if err == nil {
			n.port = l.Addr().(*net.TCPAddr).Port
			return l, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("listen: %w", err)
		}
		if !n.cfg.NextPort || p == 0 {
			return nil, fmt.Errorf("port %d is in use by another program: choose another with --port", p)
		}
	}
}

func portOf(addr string) int {
	_, port, _ := net.SplitHostPort(addr)
	p, _ := strconv.Atoi(port)
	return p
}
