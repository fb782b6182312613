package discovery

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

// hostEnv makes the test binary a host of a test network: the number in it is its peer. hostPort is its
// UDP port, hostInterfaces the names of its interfaces with commas between, or empty for all.
const (
	hostEnv        = "P2PCHAT_DISCOVERY_TEST_HOST"
	hostPort       = "P2PCHAT_DISCOVERY_TEST_PORT"
	hostInterfaces = "P2PCHAT_DISCOVERY_TEST_INTERFACES"
)

// report is what a host prints, one JSON object a line.
type report struct {
	Kind   string // the announcement's, or "status"
	ID     string
	Source netip.AddrPort
	IP     string // claimed
	Dial   []netip.AddrPort
	Status Status
}

// host announces and prints what it hears until standard input ends, then says goodbye.
func host() int {
	n, err := strconv.Atoi(os.Getenv(hostEnv))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	port, err := strconv.Atoi(os.Getenv(hostPort))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	g := group.New(context.Background(), func(p *group.Panic) { fmt.Fprintf(os.Stderr, "%v\n%s", p, p.Stack) })
	defer g.Close()
	cfg := UDPConfig{Port: port}
	if names := os.Getenv(hostInterfaces); names != "" {
		cfg.Interfaces = strings.Split(names, ",")
	}
	u, err := ListenUDP(g, cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer u.Close()
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	print := func(r report) {
		mu.Lock()
		defer mu.Unlock()
		if err := out.Encode(r); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	s := Start(g, Config{
		Transport: u,
		Self:      func() wire.Discovery { return peer(n) },
		OnAnnouncement: func(s Announcement) {
			print(report{Kind: string(s.Kind), ID: s.ID, Source: s.Source, IP: s.Discovery.IP, Dial: s.Addrs})
		},
		OnStatus: func(s Status) { print(report{Kind: "status", Status: s}) },
	})
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := s.Goodbye(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
