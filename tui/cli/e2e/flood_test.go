package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/crypto/verify"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

var flood = flag.Duration("flood", 0, "how long TestFlood and TestFrameFlood flood in each of their cases; 0: it is skipped")

// ahead is how many messages the attacker has signed before it begins: sending is cheaper than receiving.
const ahead = 20_000

// floodEnv makes the test binary an attacker: "links authors bytes perFrame address …".
const floodEnv = "P2PCHAT_TEST_FLOOD"

// attackers says how an attacker floods.
type attackers struct {
	links, authors int
	bytes          int // of a message; 0: 8 KB
	perFrame       int // messages in each frame of records that no one asked for; 0: each comes by itself
}

// TestFlood measures how long messages of an honest person take to the screen of one who knows her, while strangers send
// messages as fast as they can, of 8 KB or short ones. The attacker shares the cores, so it runs at nice 19.
func TestFlood(t *testing.T) {
	if *flood == 0 {
		t.Skip("-flood 10s runs it")
	}
	for _, c := range []struct {
		name string
		attackers
		onlyFirst bool // the attacker reaches Ann alone, who hands the flood on to Ben
	}{
		{name: "quiet"},
		{name: "one key", attackers: attackers{links: 1, authors: 1}},
		{name: "one key, short", attackers: attackers{links: 1, authors: 1, bytes: 100}},
		{name: "16 keys", attackers: attackers{links: 16, authors: 1}},
		{name: "16 keys, short", attackers: attackers{links: 16, authors: 1, bytes: 100}},
		{name: "4 keys, in frames of records", attackers: attackers{links: 4, authors: 1, bytes: 6, perFrame: 130}},
		{name: "one link, 1000 authors", attackers: attackers{links: 1, authors: 1000}},
		{name: "one link, 1000 authors, short", attackers: attackers{links: 1, authors: 1000, bytes: 100}},
		{name: "handed on", attackers: attackers{links: 1, authors: 1}, onlyFirst: true},
		{name: "handed on, 100 authors", attackers: attackers{links: 1, authors: 100}, onlyFirst: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			annProfile, benProfile := knowEachOther(t)
			ann := listenFor(t, program(t, home, alone("--name", "Ann", "--profile", annProfile)...))
			annAt := "127.0.0.1:" + ann.port
			ben := listenFor(t, program(t, home, alone("--name", "Ben", "--profile", benProfile, "--connect", annAt)...))
			ann.await(t, `"state":"up"`)
			if c.links > 0 {
				to := []string{annAt}
				if !c.onlyFirst {
					to = append(to, "127.0.0.1:"+ben.port)
				}
				attack(t, c.attackers, to...)
				ann.await(t, `mallory`)
				time.Sleep(2 * time.Second)
			}
			took := ann.probe(t, ben)
			last := took[len(took)-1]
			slices.Sort(took)
			load, _ := os.ReadFile("/proc/loadavg")
			t.Logf("%d messages: p50 %v, p99 %v, worst %v, last %v; %d and %d MB of flood shown; load %s", len(took),
				took[len(took)/2], took[len(took)*99/100], took[len(took)-1], last, ann.read()>>20, ben.read()>>20, bytes.Fields(load)[0])
			for _, l := range []*listener{ann, ben} {
				if named := l.named(); c.links > 0 {
					t.Logf("named: %q", named)
				}
			}
		})
	}
}

// probe says something every 20 ms, as long as TestFlood floods, and returns how long each took to another's output.
func (l *listener) probe(t *testing.T, to *listener) (took []time.Duration) {
	t.Helper()
	for began := time.Now(); time.Since(began) < *flood; {
		text := fmt.Sprintf("probe %d ends", len(took))
		at := time.Now()
		fmt.Fprintln(l.stdin, text)
		took = append(took, to.await(t, text).Sub(at))
		pause(20 * time.Millisecond)
	}
	return took
}

// knowEachOther makes two profiles that trust each other.
func knowEachOther(t *testing.T) (one, other string) {
	t.Helper()
	dirs := []string{t.TempDir(), t.TempDir()}
	for i, dir := range dirs {
		id, err := identity.LoadOrCreate(dir)
		if err != nil {
			t.Fatal(err)
		}
		trusts := fmt.Sprintf(`{"v":1,"trusted":[{"key":"%s","on":true,"since":1}]}`, id.Key())
		if err := os.WriteFile(filepath.Join(dirs[1-i], "known.json"), []byte(trusts), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dirs[0], dirs[1]
}

// listener is a running program of whose output only some words matter: a flood would fill the memory of a peer.
type listener struct {
	stdin io.WriteCloser
	port  string

	mu    sync.Mutex
	lines []string // the short ones
	bytes int
	next  int // await's
	at    []time.Time
	more  chan struct{}
}

func listenFor(t *testing.T, cmd *exec.Cmd) *listener {
	t.Helper()
	l := &listener{more: make(chan struct{}, 1)}
	var out io.ReadCloser
	l.stdin, out = piped(t, cmd, io.Discard)
	var reader sync.WaitGroup
	reader.Go(func() {
		in := bufio.NewReaderSize(out, 1<<20)
		for {
			line, err := in.ReadSlice('\n')
			l.mu.Lock()
			l.bytes += len(line)
			if len(line) < 2048 && !bytes.Contains(line, []byte("flood flood")) {
				l.lines, l.at = append(l.lines, string(line)), append(l.at, time.Now())
				select {
				case l.more <- struct{}{}:
				default:
				}
			}
			l.mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	t.Cleanup(func() {
		cmd.Process.Kill()
		reader.Wait()
		cmd.Wait()
	})
	l.await(t, `"event":"ready"`)
	_, rest, _ := strings.Cut(l.lines[l.next-1], `"port":`)
	l.port = rest[:strings.IndexAny(rest, ",}")]
	return l
}

// await waits for a short line with some words, and returns when it came.
func (l *listener) await(t *testing.T, words string) time.Time {
	t.Helper()
	late := time.After(patience)
	for {
		l.mu.Lock()
		for l.next < len(l.lines) {
			l.next++
			if strings.Contains(l.lines[l.next-1], words) {
				defer l.mu.Unlock()
				return l.at[l.next-1]
			}
		}
		l.mu.Unlock()
		select {
		case <-l.more:
		case <-late:
			t.Fatalf("no %s", words)
		}
	}
}

func (l *listener) read() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bytes
}

// named returns the notices that name the attacker.
func (l *listener) named() (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, "mallory") && strings.Contains(line, "faster") {
			out = append(out, line)
		}
	}
	return out
}

// attack starts an attacker.
func attack(t *testing.T, a attackers, to ...string) {
	t.Helper()
	startAttacker(t, floodEnv+"="+fmt.Sprint(a.links, " ", a.authors, " ", cmp.Or(a.bytes, record.MaxText), " ", a.perFrame, " ", strings.Join(to, " ")))
}

// startAttacker starts the test binary with a variable in its environment. It gets what time the others leave.
func startAttacker(t *testing.T, env string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "nice", "-n", "39", os.Args[0])
	cmd.Env = append(os.Environ(), env)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
}

// runAttacker floods peers until it is killed: it signs messages as fast as its peers' links take them.
func runAttacker(spec string) {
	var a attackers
	words := strings.Fields(spec)
	fmt.Sscan(spec, &a.links, &a.authors, &a.bytes, &a.perFrame)
	g := group.New(context.Background(), nil)
	pool := verify.Start(g, 0)
	var all sync.WaitGroup
	for i := range a.links {
		all.Go(func() { floodFrom(g, pool, i, a, words[4:]) })
	}
	all.Wait()
}

// floodFrom links a key to all peers, and sends them what its authors say.
func floodFrom(g *group.Group, pool *verify.Pool, n int, a attackers, to []string) {
	self := identity.FromSeed([32]byte{77, byte(n)})
	certificate, err := self.Certificate()
	if err != nil {
		panic(err)
	}
	lobby := record.OpenRoom("lobby")
	cfg := link.Config{Identity: self, Certificate: certificate, Pool: pool, Group: g, Hello: func() wire.Hello {
		return wire.Hello{Versions: []int{link.Version}, Name: "mallory", Started: 1, Inst: "1", Rooms: []wire.InRoom{{Room: lobby.String()}}}
	}}
	signed := make(chan wire.Frame, ahead/a.links)
	g.Go("attacker/sign", func(context.Context) { signFlood(self, n, a, signed) })
	for len(signed) < cap(signed) {
		time.Sleep(10 * time.Millisecond)
	}
	var ls []*link.Link
	for _, addr := range to {
		l := persist(g, cfg, addr)
		l.Start(deaf{}, func() map[string]string { return nil })
		ls = append(ls, l)
	}
	for frame := range signed {
		for _, l := range ls {
			for !l.Live(frame) {
				if l.WaitLive(g.Context()) != nil {
					return
				}
			}
		}
	}
}

// persist dials until it has a link: of many that come at once, some are turned away.
func persist(g *group.Group, cfg link.Config, addr string) *link.Link {
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			if l, err := link.Client(g.Context(), conn, cfg, identity.Key{}); err == nil {
				return l
			}
		}
		pause(100 * time.Millisecond)
	}
}

// signFlood signs messages of some authors in turn, for ever. The first author is self.
func signFlood(self *identity.Identity, n int, flood attackers, signed chan<- wire.Frame) {
	type author struct {
		id   *identity.Identity
		feed record.Feed
		seq  uint64
		prev record.ID
	}
	var as []*author
	for i := range flood.authors {
		a := &author{id: self, feed: record.NewFeed(time.Now().UnixMilli())}
		if i > 0 {
			a.id = identity.FromSeed([32]byte{78, byte(n), byte(i), byte(i >> 8)})
		}
		as = append(as, a)
	}
	together := wire.Records{Room: record.OpenRoom("lobby").String()}
	for i := 0; ; i++ {
		a := as[i%len(as)]
		kind, data := record.KindChat, record.TextData(strings.Repeat("flood ", flood.bytes/6))
		if a.seq == 0 {
			kind, data = record.KindOpen, record.NamingData("mallory")
		}
		rec, err := record.Sign(a.id, record.Body{Room: record.OpenRoom("lobby"), Feed: a.feed, Seq: a.seq, Prev: a.prev,
			Time: record.Time{Ms: time.Now().UnixMilli(), N: int64(i)}, Kind: kind, Data: data})
		if err != nil {
			panic(err)
		}
		a.seq, a.prev = a.seq+1, rec.ID()
		one := wire.Record{Body: rec.Signed(), Sig: rec.Signature()}
		if flood.perFrame == 0 {
			signed <- encoded(one)
			continue
		}
		if together.Records = append(together.Records, one); len(together.Records) == flood.perFrame {
			frame := encoded(together)
			for range 20 { // to sign is dearer than to check
				signed <- frame
			}
			together.Records = nil
		}
	}
}

func encoded(m wire.Message) wire.Frame {
	frame, err := wire.Encode(m)
	if err != nil {
		panic(err)
	}
	return frame
}

// deaf is a peer that takes no notice of what it is sent.
type deaf struct{}

func (deaf) Record(*link.Link, *record.Record)                  {}
func (deaf) Records(*link.Link, wire.Records, []*record.Record) {}
func (deaf) Message(*link.Link, wire.Message)                   {}
func (deaf) Frontier(*link.Link, map[string]string)             {}
func (deaf) Refused(*link.Link, string)                         {}
func (deaf) Drained(*link.Link)                                 {}
func (deaf) State(*link.Link, bool)                             {}
func (deaf) Down(l *link.Link, why error)                       { fmt.Fprintln(os.Stderr, "attacker:", why) }
