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

// --ask is the conversation of the two-person program, for which scripts exist. It asks two questions,
// then chats with one peer: the one at the given address, or the first that connects.

// nativeWithin is how long discovery may take to find that the program at the address is a p2pchat.
// Otherwise it counts as a program that speaks lines, as the two-person program does. TLS would break it.
const nativeWithin = 2 * time.Second

// askAddress asks the two questions and puts the answers into the conversation and the configuration.
func askAddress(defaultPort string, cfg *node.Config) (*lines.TwoPerson, error) {
	peer, err := lines.Ask(os.Stdin, os.Stdout, "Enter peer address (or press Enter to start as server): ")
	if err != nil {
		return nil, err
	}
	if peer != "" {
		addr, err := command.ParseAddress(peer)
		if err != nil {
			return nil, err
		}
		return &lines.TwoPerson{Peer: addr, Is: matchAddress(addr)}, nil
	}
	port, err := lines.Ask(os.Stdin, os.Stdout, fmt.Sprintf("Enter port to listen on (default %s): ", defaultPort))
	if err != nil || port == "" {
		return &lines.TwoPerson{}, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("port %.80q is not a number from 1 to 65535: try 8081", port)
	}
	cfg.Listen, cfg.NextPort = ":"+strconv.FormatUint(n, 10), false
	return &lines.TwoPerson{}, nil
}

// matchAddress returns a function that reports whether a peer listens at an address. It looks a host
// name up once.
func matchAddress(addr string) func(event.Peer) bool {
	host, port, _ := net.SplitHostPort(trimScheme(addr))
	hosts, _ := net.LookupHost(host) // the dial fails too, and reports why
	return func(p event.Peer) bool {
		own := netip.AddrPortFrom(p.Addr.Addr().Unmap(), p.Addr.Port())
		return p.Name == trimScheme(addr) ||
			strconv.Itoa(int(own.Port())) == port && slices.Contains(hosts, own.Addr().String())
	}
}

// trimScheme returns an address without its scheme.
func trimScheme(addr string) string {
	if _, rest, found := strings.Cut(addr, "://"); found {
		return rest
	}
	return addr
}

// connectAnswered connects to the address that the user typed, in a goroutine of g.
func connectAnswered(g *group.Group, n *node.Node, talk *lines.TwoPerson, discovery bool) {
	addr := talk.Peer
	if addr == "" {
		return
	}
	g.Go("ask", func(ctx context.Context) {
		if trimScheme(addr) == addr {
			if discovery && awaitNative(ctx, n, talk.Is) {
				return
			}
			addr = "line://" + addr
		}
		_ = n.Connect(addr) // askAddress has checked it; a failed dial is an event
	})
}

// awaitNative waits until discovery has linked the wanted peer, and reports whether it did so in time. At the
// end of ctx it reports true too: then there is nothing to dial.
func awaitNative(ctx context.Context, n *node.Node, wanted func(event.Peer) bool) bool {
	limited, cancel := context.WithTimeout(ctx, nativeWithin)
	defer cancel()
	for !slices.ContainsFunc(n.Peers(), func(p event.Peer) bool { return p.Encrypted() && wanted(p) }) {
		if !group.Sleep(limited, 50*time.Millisecond, nil) {
			return ctx.Err() != nil
		}
	}
	return true
}
