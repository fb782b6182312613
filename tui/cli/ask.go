package cli

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/node"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/lines"
)

// --ask is the conversation of the two-person program, which scripts were written for: two questions,
// then one chat with whoever is at the address, or comes.

// nativeWithin is how long discovery has to find that a p2pchat is at the address. If it doesn't, the
// program there is taken for one that speaks lines, as the two-person program does: greeted with TLS it
// would break.
const nativeWithin = 2 * time.Second

// askFirst asks the questions, and notes the answers in the flags and the configuration.
func (o *options) askFirst(cfg *node.Config) error {
	peer, err := lines.Ask(os.Stdin, os.Stdout, "Enter peer address (or press Enter to start as server): ")
	if err != nil {
		return err
	}
	if peer != "" {
		addr, err := command.ParseAddress(peer)
		if err != nil {
			return err
		}
		o.talk = &lines.TwoPerson{Peer: addr, Is: at(addr)}
		return nil
	}
	o.talk = &lines.TwoPerson{}
	port, err := lines.Ask(os.Stdin, os.Stdout, fmt.Sprintf("Enter port to listen on (default %s): ", o.port))
	if err != nil || port == "" {
		return err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("port %.80q is not a number from 1 to 65535: try 8081", port)
	}
	cfg.Listen, cfg.NextPort = ":"+strconv.FormatUint(n, 10), false
	return nil
}

// at tells the peer that listens at an address. A name is looked up once.
func at(addr string) func(event.Peer) bool {
	host, port, _ := net.SplitHostPort(bare(addr))
	hosts, err := net.LookupHost(host)
	if err != nil {
		hosts = nil // the dial will say so
	}
	return func(p event.Peer) bool {
		own := netip.AddrPortFrom(p.Addr.Addr().Unmap(), p.Addr.Port())
		return p.Name == bare(addr) ||
			strconv.Itoa(int(own.Port())) == port && slices.Contains(hosts, own.Addr().String())
	}
}

// bare is an address without its scheme.
func bare(addr string) string {
	if i := strings.Index(addr, "://"); i >= 0 {
		return addr[i+len("://"):]
	}
	return addr
}

// meet connects to the address that was answered.
func (o *options) meet(g *group.Group, n *node.Node, discovery bool) {
	addr := o.talk.Peer
	if addr == "" {
		return
	}
	g.Go("ask", func(ctx context.Context) {
		if bare(addr) == addr {
			if discovery && o.found(ctx, n) {
				return
			}
			addr = "line://" + addr
		}
		_ = n.Connect(addr) // it was checked; what comes of it is told
	})
}

// found waits until discovery has linked the peer that is meant.
func (o *options) found(ctx context.Context, n *node.Node) bool {
	limit := time.After(nativeWithin)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		if slices.ContainsFunc(n.Peers(), func(p event.Peer) bool { return p.Encrypted() && o.talk.Is(p) }) {
			return true
		}
		select {
		case <-look.C:
		case <-limit:
			return false
		case <-ctx.Done():
			return true
		}
	}
}
