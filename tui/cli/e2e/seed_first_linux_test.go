package e2e

import (
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

// meets waits until p sees a plain peer in a state.
func (p *peer) meets(state, id string) happened {
	p.t.Helper()
	return p.until(state+" "+id, func(h happened) bool { return h.Event == "peer" && h.State == state && h.ID == id })
}

// told waits for a line of a plain peer.
func (p *peer) told(name, text, signature string) happened {
	p.t.Helper()
	h := p.until("line "+text, func(h happened) bool { return h.Event == "message" && h.Content == text })
	if h.Signature != signature || h.Key != "" || !strings.Contains(h.raw, fmt.Sprintf(`"from_name":%q`, name)) {
		p.t.Errorf("%s hears %s, want it %s by %s", p.ready.Name, h.raw, signature, name)
	}
	return h
}

// The first program knows Discovery, Chat, Heartbeat and Exit, and beacons on UDP 9999. It and p2pchat
// find each other and talk, long lines come whole, and its Exit is seen.
func TestTheFirstSeedProgram(t *testing.T) {
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
	alice.told("Rusty", "Hey!", "unsigned")
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
	alice.told("Rusty", long, "unsigned")

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
	alice.told("Rusty", "still here", "unsigned")
	rusty.send(fmt.Sprintf(`{"Exit":"%s"}`, rustyID))
	rusty.kill()
	alice.meets("left", rustyID)

	// Ours says Exit too.
	alice.says("/quit")
	robin.until("our Exit", func() bool { return slices.Contains(robin.got, fmt.Sprintf(`{"Exit":"%s"}`, alice.ready.ID)) })
}

// Heartbeats keep a program; silence makes it late after 30 s and removes it after 60.
func TestSilenceRemovesASeedProgram(t *testing.T) {
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

// A program that binds UDP 9999 alone, on the same machine and before us: that is said, what we send
// still goes out, and the port is taken when it is free.
func TestAnotherProgramKeepsThePort(t *testing.T) {
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
