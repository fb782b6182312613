package demo

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// names are who plays, in order.
var names = [MaxPeers]string{"Alice", "Bob", "Charlie", "Dana", "Eve", "Frank"}

// maxSocket is the longest path of a Unix socket that every system takes, in bytes: macOS has 104
// with the zero at the end.
const maxSocket = 103

// cast is everybody who plays, and the folder that all they leave is in.
type cast struct {
	program   string
	dir       string // temporary; removed by remove
	names     []string
	discovery int // a UDP port that nobody had
}

func newCast(cfg Config) (*cast, error) {
	c := &cast{program: cfg.Program, names: names[:cfg.Peers]}
	var err error
	if c.discovery, err = freePort(); err != nil {
		return nil, err
	}
	if c.dir, err = tempDir(); err != nil {
		return nil, fmt.Errorf("a folder for the demo: %w", err)
	}
	return c, nil
}

// argv starts peer i. Its link listens on a free port of the loopback address, so nothing of the
// demo can be reached from the network; and it looks for others on a port that is the demo's alone,
// and not by mDNS, where it would meet whoever else uses the loopback interface.
func (c *cast) argv(i int, more ...string) []string {
	return append([]string{c.program, "start", "--name", c.names[i],
		"--profile", filepath.Join(c.dir, c.names[i]),
		"--interface", "lo",
		"--listen", "127.0.0.1:0",
		"--discovery-port", strconv.Itoa(c.discovery), "--no-mdns"}, more...)
}

func (c *cast) remove() error {
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("the demo's folder stays behind: %w", err)
	}
	return nil
}

// tempDir makes a folder that a socket fits in.
func tempDir() (string, error) {
	const pattern = "p2pchat-demo-*"
	dir, err := os.MkdirTemp("", pattern)
	if err != nil || len(socketIn(dir)) <= maxSocket {
		return dir, err
	}
	if err := os.Remove(dir); err != nil {
		return "", err
	}
	return os.MkdirTemp("/tmp", pattern)
}

// freePort is a UDP port that nobody uses, on any address. Nothing is sent from it here.
func freePort() (int, error) {
	conn, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		return 0, fmt.Errorf("a free UDP port: %w", err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).Port, nil
}
