package demo

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// names are the peers' names, in order.
var names = [MaxPeers]string{"Alice", "Bob", "Charlie", "Dana", "Eve", "Frank"}

// maxSocket is the longest path of a Unix socket that every system accepts, in bytes. macOS has 104
// with the zero at the end.
const maxSocket = 103

// peers are the demo's peers, and the folder that holds all their files.
type peers struct {
	program   string
	dir       string // temporary; removed by remove
	names     []string
	discovery int // a UDP port that was free
}

func newPeers(cfg Config) (*peers, error) {
	c := &peers{program: cfg.Program, names: names[:cfg.Peers]}
	var err error
	if c.discovery, err = freePort(); err != nil {
		return nil, err
	}
	if c.dir, err = tempDir(); err != nil {
		return nil, fmt.Errorf("a folder for the demo: %w", err)
	}
	return c, nil
}

// argv returns the command that starts peer i. The peer listens on the loopback address, so that no
// other machine reaches it. It has a discovery port of the demo's own and no mDNS, so that it finds no
// other program on the loopback interface.
func (c *peers) argv(i int, more ...string) []string {
	return append([]string{c.program, "start", "--name", c.names[i],
		"--profile", filepath.Join(c.dir, c.names[i]),
		"--interface", "lo",
		"--listen", "127.0.0.1:0",
		"--discovery-port", strconv.Itoa(c.discovery), "--no-mdns"}, more...)
}

func (c *peers) remove() error {
	if err := os.RemoveAll(c.dir); err != nil {
		return fmt.Errorf("the demo's folder stays behind: %w", err)
	}
	return nil
}

// tempDir makes a folder whose path is short enough for a socket in it.
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

// freePort returns a UDP port that is free on every address. It sends nothing.
func freePort() (int, error) {
	conn, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		return 0, fmt.Errorf("a free UDP port: %w", err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).Port, nil
}
