package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A --connect that meets a program that speaks lines says how to name it; named so, both talk.
func TestConnectNamesTheWayToALineProgram(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := l.Addr().String()
	a := begin(t, program(t, t.TempDir(), alone("--name", "Ann", "--connect", addr)...))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "who are you?\n") // it doesn't understand what comes
	h := a.until("the hint", func(h happened) bool { return h.Level == "warning" })
	if !strings.Contains(h.Hint, "line://"+addr) || !strings.Contains(h.Hint, "json://"+addr) {
		t.Errorf("%+v", h)
	}
	conn.Close()
	a.says("/connect line://" + addr)
	for { // the native dial is tried again, too
		if conn, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		conn.SetReadDeadline(time.Now().Add(time.Second))
		if b, err := in.Peek(1); err == nil && b[0] == 0x16 {
			conn.Close()
			continue
		}
		conn.SetReadDeadline(time.Now().Add(patience))
		io.WriteString(conn, "hello\r\nlast")
		a.until("hello", func(h happened) bool { return h.Content == "hello" && h.Kind == "line" && h.Signature == "unsigned" })
		a.says("hi")
		if got, err := in.ReadString('\n'); got != "Ann: hi\n" {
			t.Errorf("%q, %v", got, err)
		}
		break
	}
	conn.(*net.TCPConn).CloseWrite()
	a.until("a line without an end", func(h happened) bool { return h.Content == "last" })
}

// 1,000 connections from 130 addresses that say nothing cost the program less than 10 MB, most go at once,
// and a native peer still gets in.
func TestSilentConnectionsCostLittle(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127/8, and /proc")
	}
	home := t.TempDir()
	a := begin(t, program(t, home, alone("--name", "Ann")...))
	before := bytesOf(t, fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid), "VmRSS")
	to := fmt.Sprint("127.0.0.1:", a.ready.Port)
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range 1000 {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%130))}}
		c, err := d.DialContext(t.Context(), "tcp", to)
		if err != nil {
			t.Skipf("connection %d: %v", i, err)
		}
		conns = append(conns, c)
	}
	gone := make(chan bool, len(conns))
	for _, c := range conns {
		go func() {
			_, err := c.Read(make([]byte, 1))
			gone <- err != nil
		}()
	}
	for range 1000 - 256 {
		select {
		case <-gone:
		case <-time.After(patience):
			t.Fatal("too few of them go")
		}
	}
	b := begin(t, program(t, home, alone("--name", "Ben", "--connect", to)...))
	a.sees("up", b)
	cost := bytesOf(t, fmt.Sprintf("/proc/%d/status", a.cmd.Process.Pid), "VmRSS") - before
	t.Logf("%.1f MB", float64(cost)/(1<<20))
	if cost > 10<<20 && !raceDetector {
		t.Errorf("they cost %d bytes", cost)
	}
	b.says("hello")
	a.hears(b, "hello")
}
