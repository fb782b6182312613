package e2e

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"testing"

	"github.com/hashicorp/mdns"
)

// announces makes it one that announces itself by mDNS, as the newest program does.
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

// browse is whom it finds by mDNS: TXT fields and the port.
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

// The newest program finds peers by mDNS, learns of one from a Discovery that comes over TCP, sends
// SignedChat, and drops peers at loopback addresses.
func TestTheNewestSeedProgram(t *testing.T) {
	l := newLAN(t, "seed3", "red")
	alice := l.host("alice", "10.77.0.1/16@red").start()
	nova := runScript(l.host("nova", "10.77.0.2/16@red"), novaID, "Nova", "10.77.0.2", 9000)
	nova.sign = ed25519.NewKeyFromSeed(make([]byte, 32))
	nova.announces()
	h := alice.meets("up", novaID)
	if h.Kind != "json" || h.Addr != "10.77.0.2:9000" || h.Name != "Nova" {
		t.Errorf("%+v", h)
	}
	nova.knows(alice) // we introduced ourselves, at an address that isn't loopback
	found := strings.Join(nova.browse(), "\n")
	if !strings.Contains(found, "app=p2pchat") || !strings.Contains(found, "peer_id="+alice.ready.ID) || !strings.Contains(found, "port 8080") {
		t.Errorf("Nova finds %q", found)
	}
	nova.send(nova.signedChat("signed: æ 🦊"))
	alice.told("Nova", "signed: æ 🦊", "seed-signed")
	forged := strings.Replace(nova.signedChat("pay me 1"), "pay me 1", "pay me 9", 1)
	nova.send(forged)
	alice.until("the refusal", func(h happened) bool { return h.Event == "refused" && strings.Contains(h.Reason, "signature") })
	long := strings.Repeat("0123456789", 300)
	nova.send(nova.signedChat(long))
	alice.told("Nova", long, "seed-signed")
	alice.says("hello Nova")
	nova.hears("alice: hello Nova")
	alice.says(long)
	nova.until("the long line", func() bool {
		var whole strings.Builder
		for _, line := range nova.texts() {
			whole.WriteString(strings.TrimPrefix(line, "alice: "))
		}
		return whole.String() == "hello Nova"+long
	})
	// Its votes are information, once, and count in none.
	for range 3 {
		nova.send(`{"UpgradeRequest":{"request_id":"1","proposer":"` + novaID + `"}}`)
	}
	nova.send(`{"UpgradeVote":{"request_id":"1","approve":true}}`)
	alice.until("what an UpgradeVote is", func(h happened) bool { return h.Event == "info" && strings.Contains(h.Text, "UpgradeVote") })
	requests := 0
	for _, h := range alice.all() {
		if h.Event == "proposal" || h.Event == "ballot" {
			t.Errorf("counted: %s", h.raw)
		}
		if strings.Contains(h.Text, "UpgradeRequest") {
			requests++
		}
	}
	if requests != 1 {
		t.Errorf("told of an UpgradeRequest %d times", requests)
	}
}

// Where nothing is announced the user names the program's address, and both know each other; and so at
// the next start, which names nobody.
func TestConnectToASeedProgram(t *testing.T) {
	l := newLAN(t, "named", "red")
	home := l.host("alice", "10.77.0.1/16@red")
	alice := home.start("--no-discovery", "--connect", "json://10.77.0.2:9000")
	nova := runScript(l.host("nova", "10.77.0.2/16@red"), novaID, "Nova", "10.77.0.2", 9000)
	nova.knows(alice)
	nova.send(nova.chat("welcome"))
	alice.told("Nova", "welcome", "unsigned")
	alice.says("thank you")
	nova.hears("alice: thank you")
	alice.quits()
	again := home.start("--no-discovery")
	again.until("Nova", func(h happened) bool { return h.Event == "peer" && h.State == "up" && h.Kind == "json" })
	again.says("there again")
	nova.hears("alice: there again")
}
