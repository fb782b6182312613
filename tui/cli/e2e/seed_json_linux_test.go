package e2e

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	rustyID = "6b1f0000-1111-4222-8333-444455556666"
	robinID = "7c2f0000-1111-4222-8333-444455556666"
	novaID  = "8d3f0000-1111-4222-8333-444455556666"
)

// meets waits until p reports a plain peer in a state.
func (p *peer) meets(state, id string) happened {
	p.t.Helper()
	return p.until(state+" "+id, func(h happened) bool { return h.Event == "peer" && h.State == state && h.ID == id })
}

// hearsPlain waits for a message from a plain peer.
func (p *peer) hearsPlain(name, text, signature string) happened {
	p.t.Helper()
	h := p.until("line "+text, func(h happened) bool { return h.Event == "message" && h.Content == text })
	if h.Signature != signature || h.Key != "" || !strings.Contains(h.raw, fmt.Sprintf(`"from_name":%q`, name)) {
		p.t.Errorf("%s hears %s, want it %s by %s", p.ready.Name, h.raw, signature, name)
	}
	return h
}

// A JSON peer knows Discovery, Chat, Heartbeat and Exit, and sends beacons on UDP 9999. It and p2pchat find
// each other and talk. Long messages arrive whole, and its Exit is reported.
func TestJSONPeer(t *testing.T) {
	l := newLAN(t, "seed1", "red")
	alice := l.host("alice", "10.77.0.1/16@red").start()
	rusty := runScript(l.host("rusty", "10.77.0.2/16@red"), rustyID, "Rusty", "10.77.0.2", 8081)
	rusty.beacons()
	h := alice.meets("up", rustyID)
	if h.Kind != "json" || h.Encrypted || h.Addr != "10.77.0.2:8081" || h.Name != "Rusty" {
		t.Errorf("%+v", h)
	}
	rusty.knows(alice)
	rusty.mu.Lock()
	if at := rusty.peers[alice.ready.ID]; at != "10.77.0.1:8080" {
		t.Errorf("Rusty finds alice at %s", at)
	}
	rusty.mu.Unlock()
	rusty.send(rusty.chat("Hey!"))
	alice.hearsPlain("Rusty", "Hey!", "unsigned")
	alice.says("hi Rusty")
	rusty.hears("alice: hi Rusty")

	// 3,000 characters, both ways: whole, in order.
	long := strings.Repeat("0123456789", 300)
	alice.says(long)
	rusty.until("the long line", func() bool {
		var whole strings.Builder
		for _, line := range rusty.texts()[1:] {
			whole.WriteString(strings.TrimPrefix(line, "alice: "))
		}
		return whole.String() == long
	})
	for _, object := range rusty.got {
		if len(object) > 1024 {
			t.Errorf("an object of %d bytes", len(object))
		}
	}
	rusty.send(rusty.chat(long))
	alice.hearsPlain("Rusty", long, "unsigned")

	// Its heartbeats are understood, and ours come.
	rusty.send(fmt.Sprintf(`{"Heartbeat":"%s"}`, rustyID))
	rusty.until("our heartbeat", func() bool { return rusty.beats[alice.ready.ID] > 0 })

	// An Exit counts from its own address only.
	robin := runScript(l.host("robin", "10.77.0.3/16@red"), robinID, "Robin", "10.77.0.3", 8080)
	robin.beacons()
	alice.meets("up", robinID)
	robin.knows(alice)
	robin.send(fmt.Sprintf(`{"Exit":"%s"}`, rustyID))
	robin.send(fmt.Sprintf(`{"IdentityAnnouncement":{"peer_id":"%s","name":"Rusty","public_key":[%s]}}`, rustyID, strings.TrimSuffix(strings.Repeat("7,", 32), ",")))
	alice.until("the refusal", func(h happened) bool { return h.Event == "refused" && strings.Contains(h.Reason, "Exit") })
	rusty.send(rusty.chat("still here"))
	alice.hearsPlain("Rusty", "still here", "unsigned")
	rusty.send(fmt.Sprintf(`{"Exit":"%s"}`, rustyID))
	rusty.kill()
	alice.meets("left", rustyID)

	// Ours says Exit too.
	alice.says("/quit")
	robin.until("our Exit", func() bool { return slices.Contains(robin.got, fmt.Sprintf(`{"Exit":"%s"}`, alice.ready.ID)) })
}

// Heartbeats keep a JSON peer up. Without them it is late after 30 s and lost after 60.
func TestJSONPeerTimeout(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute and a half")
	}
	l := newLAN(t, "quiet", "red")
	alice := l.host("alice", "10.77.0.1/16@red").start()
	rusty := runScript(l.host("rusty", "10.77.0.2/16@red"), rustyID, "Rusty", "10.77.0.2", 8081)
	rusty.beacons()
	alice.meets("up", rustyID)
	rusty.knows(alice)
	// No beacons any more, but heartbeats over TCP: it stays.
	rusty.udp.Close()
	beat := fmt.Sprintf(`{"Heartbeat":"%s"}`, rustyID)
	for range 7 {
		if h, ok := alice.within(5*time.Second, &alice.next, func(h happened) bool { return h.ID == rustyID && h.State != "up" }); ok {
			t.Fatalf("heartbeats don't keep it: %s", h.raw)
		}
		rusty.send(beat)
	}
	last := time.Now() // no later than its last word
	rusty.send(beat)
	rusty.kill()
	late := alice.meets("late", rustyID)
	if d := late.at.Sub(last); d < 29*time.Second || d > 30*time.Second+slack {
		t.Errorf("late after %v", d)
	}
	lost := alice.meets("lost", rustyID)
	if d := lost.at.Sub(last); d < 59*time.Second || d > 60*time.Second+slack {
		t.Errorf("lost after %v", d)
	}
}

// Another program on the same machine binds UDP 9999 exclusively before us. We warn, still send beacons,
// and bind the port once it is free.
func TestDiscoveryPortInUse(t *testing.T) {
	l := newLAN(t, "taken", "red")
	one, two := l.host("one", "10.77.0.1/16@red"), l.host("two", "10.77.0.2/16@red")
	keeper := runScript(one, rustyID, "Rusty", "10.77.0.1", 8081)
	keeper.beacons()
	alice := one.start()
	alice.until("that the port is taken", func(h happened) bool { return strings.Contains(h.Text, "keeps UDP port 9999 to itself") })
	bob := two.start()
	alice.sees("up", bob) // since bob heard alice
	keeper.until("alice's beacon", func() bool { return keeper.peers[bob.ready.ID] != "" })
	keeper.kill()
	robin := runScript(l.host("robin", "10.77.0.3/16@red"), robinID, "Robin", "10.77.0.3", 8080)
	robin.beacons()
	alice.meets("up", robinID)
}

// A JSON peer's dead address delays no other peer.
func TestUnreachableJSONPeer(t *testing.T) {
	l := newLAN(t, "dead", "red")
	alice, bob := l.host("alice", "10.77.0.1/16@red").start(), l.host("bob", "10.77.0.2/16@red").start()
	dead, rusty := runScript(l.host("dead", "10.77.0.3/16@red"), robinID, "Dead", "10.77.0.3", 8080), runScript(l.host("rusty", "10.77.0.4/16@red"), rustyID, "Rusty", "10.77.0.4", 8080)
	dead.beacons()
	rusty.beacons()
	alice.sees("up", bob)
	alice.next = 0
	alice.meets("up", robinID)
	alice.next = 0
	alice.meets("up", rustyID)
	rusty.knows(alice)
	dead.knows(alice)
	alice.says("are you there?")
	dead.hears("alice: are you there?")
	rusty.hears("alice: are you there?")
	dead.host.ip("addr", "flush", "dev", "eth0") // it answers nothing any more
	for i := range 100 {
		alice.says(fmt.Sprint("line ", i))
	}
	bob.hears(alice, "line 99")
	rusty.hears("alice: line 99")
	// A dial to the dead address takes 5 s and is tried with each message. These must not wait for it.
	var took []time.Duration
	for i := range 5 {
		text, began := fmt.Sprint("alone ", i), time.Now()
		alice.says(text)
		bob.hears(alice, text)
		rusty.hears("alice: " + text)
		took = append(took, time.Since(began))
	}
	if slices.Sort(took); took[2] > 4*time.Second {
		t.Errorf("lines to the others took %v", took)
	}
	alice.next = 0
	alice.until("that it isn't reached", func(h happened) bool { return strings.Contains(h.Text, "can't be reached") })
	if lines := rusty.lines(); len(lines) != 106 || lines[1] != "alice: line 0" || lines[100] != "alice: line 99" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}

// Without discovery the user names a JSON peer's address, and both know each other. At the next start the
// address is remembered.
func TestConnectToJSONPeer(t *testing.T) {
	l := newLAN(t, "named", "red")
	home := l.host("alice", "10.77.0.1/16@red")
	alice := home.start("--no-discovery", "--connect", "json://10.77.0.2:9000")
	nova := runScript(l.host("nova", "10.77.0.2/16@red"), novaID, "Nova", "10.77.0.2", 9000)
	nova.knows(alice)
	nova.send(nova.chat("welcome"))
	alice.hearsPlain("Nova", "welcome", "unsigned")
	alice.says("thank you")
	nova.hears("alice: thank you")
	alice.quits()
	again := home.start("--no-discovery")
	again.until("Nova", func(h happened) bool { return h.Event == "peer" && h.State == "up" && h.Kind == "json" })
	again.says("there again")
	nova.hears("alice: there again")
}

// An mDNS peer finds others by mDNS, or by a Discovery that arrives over TCP. It sends SignedChat, and
// drops peers at loopback addresses.
func TestMDNSPeer(t *testing.T) {
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
	alice.hearsPlain("Nova", "signed: æ 🦊", "seed-signed")
	forged := strings.Replace(nova.signedChat("pay me 1"), "pay me 1", "pay me 9", 1)
	nova.send(forged)
	alice.until("the refusal", func(h happened) bool { return h.Event == "refused" && strings.Contains(h.Reason, "signature") })
	long := strings.Repeat("0123456789", 300)
	nova.send(nova.signedChat(long))
	alice.hearsPlain("Nova", long, "seed-signed")
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
		t.Errorf("an UpgradeRequest is reported %d times", requests)
	}
}
