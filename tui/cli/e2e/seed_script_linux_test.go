package e2e

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/mdns"
)

// script is a running JSON peer.
type script struct {
	t    *testing.T
	host *host
	id   string
	name string
	ip   string
	port int
	tcp  net.Listener
	udp  *net.UDPConn // nil for the newest program, which finds by mDNS
	sign ed25519.PrivateKey

	mu    sync.Mutex
	peers map[string]string // known peers: id → host:port
	beats map[string]int    // Heartbeats, by id
	got   []string          // objects that came by TCP, as they came
	empty int               // connections that ended before anything came, which its program reports as errors
	more  chan struct{}     // closed and made anew when any of these grows
	dead  bool
	done  chan struct{} // closed by kill
	wait  sync.WaitGroup
}

// runScript listens, and reads each connection once into 1024 bytes.
func runScript(h *host, id, name, ip string, port int) *script {
	h.lan.t.Helper()
	s := &script{t: h.lan.t, host: h, id: id, name: name, ip: ip, port: port, peers: map[string]string{}, beats: map[string]int{}, more: make(chan struct{}), done: make(chan struct{})}
	h.inside(func() {
		var err error
		if s.tcp, err = net.Listen("tcp4", net.JoinHostPort("0.0.0.0", strconv.Itoa(port))); err != nil {
			s.t.Error(err)
		}
	})
	if s.t.Failed() {
		s.t.FailNow()
	}
	s.t.Cleanup(s.kill)
	s.wait.Go(func() {
		for {
			conn, err := s.tcp.Accept()
			if err != nil {
				return
			}
			s.wait.Go(func() { s.read(conn) })
		}
	})
	return s
}

func (s *script) read(conn net.Conn) {
	defer conn.Close()
	buf := make([]byte, 1024)
	n, err := conn.Read(buf)
	if err != nil {
		s.mu.Lock()
		s.empty++
		s.mu.Unlock()
		return
	}
	s.receive(buf[:n], true)
}

// receive handles an object that arrived, and drops anything else.
func (s *script) receive(object []byte, tcp bool) {
	var m struct {
		Discovery *struct {
			ID, Name, IP string
			Port         uint16
		}
		Heartbeat *string
	}
	if json.Unmarshal(object, &m) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := m.Discovery; d != nil && d.ID != s.id && !strings.HasPrefix(d.IP, "127.") {
		s.peers[d.ID] = netip.AddrPortFrom(netip.MustParseAddr(d.IP), d.Port).String()
	}
	if m.Heartbeat != nil {
		s.beats[*m.Heartbeat]++
	}
	if tcp {
		s.got = append(s.got, string(object))
	}
	close(s.more)
	s.more = make(chan struct{})
}

// beacons makes it bind UDP 9999 and announce itself there, again and again.
func (s *script) beacons() {
	s.host.ip("route", "replace", "default", "dev", "eth0") // else it can't broadcast: unlike us it is bound to no address
	s.host.inside(func() {
		var err error
		if s.udp, err = net.ListenUDP("udp4", &net.UDPAddr{Port: 9999}); err != nil {
			s.t.Error(err)
			return
		}
	})
	if s.t.Failed() {
		s.t.FailNow()
	}
	s.wait.Go(func() {
		buf := make([]byte, 1024)
		for {
			n, _, err := s.udp.ReadFromUDP(buf)
			if err != nil {
				return
			}
			s.receive(buf[:n], false)
		}
	})
	s.wait.Go(func() {
		for i := 0; ; i++ {
			s.broadcast(s.discovery())
			if i > 0 {
				s.broadcast(fmt.Sprintf(`{"Heartbeat":"%s"}`, s.id))
			}
			select {
			case <-s.done:
				return
			case <-time.After(time.Duration(min(i, 5)) * time.Second):
			}
		}
	})
}

func (s *script) discovery() string {
	return fmt.Sprintf(`{"Discovery":{"id":"%s","name":"%s","ip":"%s","port":%d}}`, s.id, s.name, s.ip, s.port)
}

func (s *script) broadcast(object string) {
	s.udp.WriteToUDP([]byte(object), &net.UDPAddr{IP: net.IPv4bcast, Port: 9999})
}

// kill ends it without a goodbye.
func (s *script) kill() {
	if s.dead {
		return
	}
	s.dead = true
	close(s.done)
	s.tcp.Close()
	if s.udp != nil {
		s.udp.Close()
	}
	s.wait.Wait()
}

// until waits until f, which runs under mu, returns true.
func (s *script) until(what string, f func() bool) {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		ok, more := f(), s.more
		got := s.got
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-more:
		case <-deadline:
			s.t.Fatalf("%s: no %s; got %.4000q", s.name, what, got)
		}
	}
}

// knows waits until the script knows a peer.
func (s *script) knows(p *peer) {
	s.t.Helper()
	s.until(p.ready.Name, func() bool { return s.peers[p.ready.ID] != "" })
}

// send sends an object to all that it knows, a connection each.
func (s *script) send(object string) {
	s.t.Helper()
	s.mu.Lock()
	var to []string
	for _, addr := range s.peers {
		to = append(to, addr)
	}
	s.mu.Unlock()
	for _, addr := range to {
		s.sendTo(addr, object)
	}
}

func (s *script) sendTo(addr, object string) {
	s.t.Helper()
	s.host.inside(func() {
		conn, err := net.DialTimeout("tcp4", addr, 5*time.Second)
		if err != nil {
			s.t.Error(err)
			return
		}
		defer conn.Close()
		if _, err := conn.Write([]byte(object)); err != nil {
			s.t.Error(err)
		}
	})
}

func quoted(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

// chat returns a message in the form of a JSON peer.
func (s *script) chat(text string) string {
	return fmt.Sprintf(`{"Chat":{"from_id":"%s","from_name":"%s","content":%s,"timestamp":%d}}`, s.id, s.name, quoted(text), time.Now().Unix())
}

// signedChat returns a message in the form of a JSON peer that signs.
func (s *script) signedChat(text string) string {
	at := time.Now().Unix()
	return fmt.Sprintf(`{"SignedChat":{"message":%s,"signature":%s,"public_key":%s,"signer_id":"%s","signer_name":"%s","timestamp":%d}}`,
		quoted(text), numbers(ed25519.Sign(s.sign, fmt.Appendf(nil, "%s:%d", text, at))), numbers(s.sign.Public().(ed25519.PublicKey)), s.id, s.name, at)
}

// numbers returns bytes in serde_json's form.
func numbers(b []byte) string { return strings.Join(strings.Fields(fmt.Sprint(b)), ",") }

// texts returns the names and contents of the Chats that arrived.
func (s *script) texts() []string {
	var out []string
	for _, object := range s.got {
		var m struct {
			Chat *struct {
				Name string `json:"from_name"`
				Text string `json:"content"`
			}
		}
		if json.Unmarshal([]byte(object), &m) == nil && m.Chat != nil {
			out = append(out, m.Chat.Name+": "+m.Chat.Text)
		}
	}
	return out
}

// hears waits until a line has arrived.
func (s *script) hears(line string) {
	s.t.Helper()
	s.until(line, func() bool {
		for _, l := range s.texts() {
			if l == line {
				return true
			}
		}
		return false
	})
}

// lines returns the messages that arrived, in order.
func (s *script) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.texts()
}

// announces makes it announce itself by mDNS.
func (s *script) announces() {
	s.host.ip("route", "replace", "default", "dev", "eth0")
	var server *mdns.Server
	s.host.inside(func() {
		device, err := net.InterfaceByName("eth0")
		if err != nil {
			s.t.Error(err)
			return
		}
		zone, err := mdns.NewMDNSService(s.name+"-"+s.id, "_chat._udp", "local.", s.name+".local.", s.port, []net.IP{net.ParseIP(s.ip)},
			[]string{"app=p2pchat", "peer_id=" + s.id})
		if err != nil {
			s.t.Error(err)
			return
		}
		if server, err = mdns.NewServer(&mdns.Config{Zone: zone, Iface: device, Logger: log.New(io.Discard, "", 0)}); err != nil {
			s.t.Error(err)
		}
	})
	if s.t.Failed() {
		s.t.FailNow()
	}
	s.t.Cleanup(func() { server.Shutdown() })
}

// browse returns the TXT fields and ports that it finds by mDNS.
func (s *script) browse() (found []string) {
	found = []string{}
	s.host.inside(func() {
		device, err := net.InterfaceByName("eth0")
		if err != nil {
			s.t.Error(err)
			return
		}
		entries := make(chan *mdns.ServiceEntry, 16)
		if err := mdns.Query(&mdns.QueryParam{Service: "_chat._udp", Domain: "local", Interface: device, Entries: entries,
			DisableIPv6: true, Logger: log.New(io.Discard, "", 0)}); err != nil {
			s.t.Error(err)
		}
		close(entries)
		for e := range entries {
			found = append(found, fmt.Sprint(strings.Join(e.InfoFields, " "), " port ", e.Port))
		}
	})
	return found
}
