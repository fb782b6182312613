package e2e

import (
	"bufio"
	"crypto/ed25519"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
)

// bareEnv makes the test binary a process of a bare mesh, which programs are measured by: TLS with a key on both
// sides, and nothing else.
const bareEnv = "P2PCHAT_TEST_BARE"

// bareMesh is such a process. It says where it listens, reads where all listen, itself among them, links to each, says
// that it is whole, and waits for the end of its input.
func bareMesh(in io.Reader, out io.Writer) (code int) {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return fail(err)
	}
	certificate, err := identity.FromSeed([32]byte(key.Seed())).Certificate()
	if err != nil {
		return fail(err)
	}
	config := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fail(err)
	}
	defer l.Close()
	own := l.Addr().String()
	fmt.Fprintln(out, own)
	lines := bufio.NewReader(in)
	line, err := lines.ReadString('\n')
	if err != nil {
		return fail(err)
	}
	all := strings.Fields(line)
	errs := make(chan error, len(all))
	link := func(c *tls.Conn) {
		_, err := c.Write([]byte{1})
		if err == nil {
			_, err = io.ReadFull(c, make([]byte, 1))
		}
		errs <- err
	}
	before := true // of each pair the later one dials
	for _, addr := range all {
		switch {
		case addr == own:
			before = false
		case before:
			go func() {
				c, err := tls.Dial("tcp", addr, config)
				if err != nil {
					errs <- err
					return
				}
				link(c)
			}()
		default:
			c, err := l.Accept()
			if err != nil {
				return fail(err)
			}
			go link(tls.Server(c, config))
		}
	}
	for range len(all) - 1 {
		if err := <-errs; err != nil {
			return fail(err)
		}
	}
	fmt.Fprintln(out, "whole")
	_, _ = io.Copy(io.Discard, lines)
	return 0
}

// timeBareMesh starts so many processes of a bare mesh and returns how long it takes until all are linked.
func timeBareMesh(t *testing.T, processes int) time.Duration {
	t.Helper()
	began := time.Now()
	var ins []io.WriteCloser
	var outs []*bufio.Reader
	var cmds []*exec.Cmd
	for range processes {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), bareEnv+"=1")
		in, out := piped(t, cmd, os.Stderr)
		ins, outs, cmds = append(ins, in), append(outs, bufio.NewReader(out)), append(cmds, cmd)
	}
	var all []string
	for _, out := range outs {
		addr, err := out.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimSpace(addr))
	}
	for _, in := range ins {
		fmt.Fprintln(in, strings.Join(all, " "))
	}
	var whole sync.WaitGroup
	for _, out := range outs {
		whole.Go(func() {
			if text, err := out.ReadString('\n'); err != nil || text != "whole\n" {
				t.Errorf("a bare process said %q, %v", text, err)
			}
		})
	}
	whole.Wait()
	took := time.Since(began)
	for i, in := range ins {
		in.Close()
		_ = cmds[i].Wait()
	}
	return took
}
