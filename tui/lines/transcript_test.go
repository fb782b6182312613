package lines

import (
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the transcripts of this run to testdata")

// script is an hour in a room: everything that can happen, some of it twice.
func script() []event.Event {
	bob, other, carol := person(2, "Bob"), person(3, "bob"), person(4, "Carol")
	rusty := event.Peer{ID: "6b1f0000-1111-4222-8333-444455556666", Name: "Rusty", Kind: event.KindJSON, State: event.Up,
		Addr: netip.MustParseAddrPort("[::ffff:10.0.0.7]:4444")}
	guest := event.Peer{ID: "10.0.0.8:5000", Kind: event.KindLine, State: event.Up}
	renamed := carol
	renamed.Name = "Caroline"
	history := said(bob, "from an hour ago")
	history.Line.History = true
	yesterday := said(person(9, "Gone"), "from yesterday, by one who isn't here")
	yesterday.Line.History, yesterday.Line.Time = true, noon.Add(-20*time.Hour)
	me := said(carol, "waves")
	me.Line.Me, me.Line.Via = true, bob.ID
	plain := said(rusty, "hello from the seed")
	plain.Line.Signature, plain.Line.ID = event.Unsigned, "local-1"
	ignored := as(guest, event.Up)
	ignored.Ignored = true
	return []event.Event{
		event.Ready{Self: self()},
		event.PeerChanged{Peer: bob},
		event.PeerChanged{Peer: bob},
		said(bob, "Hey!"),
		event.PeerChanged{Peer: other},
		said(other, "which Bob?"),
		event.PeerChanged{Peer: carol},
		event.PeerChanged{Peer: renamed, Renamed: "Carol"},
		me,
		said(bob, "two\nlines\r\nthree"),
		event.PeerChanged{Peer: rusty},
		plain,
		event.PeerChanged{Peer: guest},
		event.PeerChanged{Peer: ignored},
		said(guest, "never shown"),
		history,
		yesterday,
		event.PeerStats{Peer: bob},
		event.Typing{Peer: bob, On: true},
		event.Sent{Line: event.Line{ID: "f00d", Text: "mine", Own: true, Time: noon}, Peers: 3},
		event.Delivered{ID: "f00d", Peers: 2, Of: 3},
		event.Delivered{ID: "f00d", Peers: 2, Of: 3, NotKept: 1},
		event.NotKept{Messages: 1200, People: 1, Authors: []event.Voter{{ID: "m", Name: "mallory"}}, Deleted: true, Limit: 512 << 20},
		event.Sent{Line: event.Line{ID: "f00e", Text: "dances", Me: true, Own: true, Time: noon}},
		event.PeerChanged{Peer: as(bob, event.Late)},
		event.PeerChanged{Peer: as(bob, event.Up)},
		event.PeerChanged{Peer: as(bob, event.Lost)},
		event.PeerChanged{Peer: as(bob, event.Lost)},
		event.PeerChanged{Peer: bob},
		event.PeerChanged{Peer: as(bob, event.Left)},
		event.Refused{From: "10.0.0.9", Reason: "bad frame", Count: 1},
		event.Refused{From: "10.0.0.9", Reason: "bad frame", Count: 2},
		event.Refused{From: "10.0.0.9", Reason: "bad frame", Count: 3},
		event.Unknown{FromID: "7", FromName: "eve", Kind: "poll", First: true},
		event.Unknown{FromID: "7", FromName: "eve", Kind: "later"},
		event.Sync{Have: 10, Missing: 2},
		event.Notice{Level: event.Info, Text: "port 8080 is taken, listening on 8081"},
		event.Notice{Level: event.Warning, Text: "this Bob is a new person", Hint: "/verify bob"},
		event.Notice{Level: event.Error, Text: "net/mesh: dial 10.0.0.4:7777: connection refused", Hint: "is p2pchat running there?"},
		event.Notice{Level: event.Alarm, Text: "bob at 10.0.0.9:8081 is unencrypted and may not be the bob you verified", Hint: "/unsigned TEXT writes to it anyway"},
		event.Notice{Level: event.Warning, Text: "10.0.0.7 reads along, unencrypted", Hint: "--plain-peers off keeps such programs out"},
		event.PeerChanged{Peer: event.Peer{ID: "6b1f0000-2222-4222-8333-444455556666", Name: "bob", Kind: event.KindJSON, State: event.Up, HeldBack: true}},
		event.Flood{Name: "mallory", Others: 15},
		event.Network{Looking: true, Trouble: "a firewall drops UDP 9999", Hint: "ufw allow 9999/udp"},
		event.Network{Looking: true, Trouble: "a firewall drops UDP 9999", Hint: "ufw allow 9999/udp"},
		event.Network{Looking: true},
		event.SelfChanged{Self: self()},
	}
}

const typed = "/list\n/status\n/verify carol\n/connect 10.0.0.9\n/lsit\n/help quit\n/log\n"

// transcript plays the script and types the commands.
func transcript(t *testing.T, cfg Config) string {
	r := start(cfg, person(4, "Caroline"), as(person(3, "bob"), event.Late), event.Peer{ID: "10.0.0.8:5000", Kind: event.KindLine,
		State: event.Lost, Ignored: true})
	for _, ev := range script() {
		r.mode.Post(ev)
	}
	if err := r.mode.Run(t.Context(), r.node); err != nil {
		t.Error(err)
	}
	r.stop(t)
	return "stdout\n" + r.out.String() + "\nstderr\n" + r.err.String()
}

func TestTranscripts(t *testing.T) {
	for file, json := range map[string]bool{"testdata/lines.txt": false, "testdata/json.txt": true} {
		got := transcript(t, Config{In: strings.NewReader(typed), JSON: json})
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (go test -update writes it anew):\n%s", file, diff)
		}
	}
}
