package command

import (
	"net/netip"
	"strings"
	"testing"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestWhatTheNodeIsAsked(t *testing.T) {
	w := newWorld()
	bob, carol, rusty := w.node.peers[0], w.node.peers[2], w.node.peers[3]
	for line, want := range map[string]string{
		"hello":                                  `say "hello"`,
		"/msg hello":                             `say "hello"`,
		"//me":                                   `say "/me"`,
		"/me waves":                              `me "waves"`,
		"/nick Alice B":                          `nick "Alice B"`,
		"/connect 10.0.0.7":                      "connect 10.0.0.7:8080",
		"/connect ::1":                           "connect [::1]:8080",
		"/connect host.lan:99":                   "connect host.lan:99",
		"/disconnect rusty":                      "disconnect " + rusty.ID,
		"/disconnect " + bob.ID:                  "disconnect " + bob.ID,
		"/disconnect " + strings.ToUpper(bob.ID): "disconnect " + bob.ID,
		"/ignore " + w.env.Label(bob):            "ignore " + bob.ID + " true",
		"/ignore rusty OFF":                      "ignore " + rusty.ID + " false",
		"/verify carol yes yes":                  "verify " + carol.ID + " true",
		"/verify Carol no":                       "verify " + carol.ID + " false",
		"/verify " + carol.Key.Short() + " yes":  "verify " + carol.ID + " true",
	} {
		w.node.fails = false
		calls, _ := w.do(line)
		if diff := cmp.Diff([]string{want}, calls); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
		// What the node refuses is said, and nothing else.
		w.node.fails = true
		_, answers := w.do(line)
		if diff := cmp.Diff([]Answer{Fail{Text: "it can't be done"}}, answers); diff != "" {
			t.Errorf("%s, refused: %s", line, diff)
		}
	}
}

func TestWhatIsRefusedWithoutAskingTheNode(t *testing.T) {
	w := newWorld()
	for line, want := range map[string]string{
		"/msg":                "type /msg TEXT",
		"/nick":               "type /nick NAME",
		"/verify bob":         "say which one: /verify ",
		"/verify alice yes":   "/list shows the others",
		"/verify nobody":      "/list shows who is here",
		"/verify rusty yes":   "anyone can use that name",
		"/ignore bob":         "say which one: /ignore ",
		"/disconnect":         "type /disconnect NAME",
		"/connect :8080":      "write HOST:PORT",
		"/connect host:0":     "write HOST:PORT",
		"/connect host:66000": "write HOST:PORT",
		"/connect 8081":       "write HOST:PORT",
		"/connect http://x/":  "write HOST:PORT",
		"/connect a b":        "write HOST:PORT",
		"/connect \x1b[31m":   "write HOST:PORT",
		"/help lsit":          "did you mean /list?",
	} {
		calls, answers := w.do(line)
		if len(calls) != 0 || len(answers) != 1 {
			t.Errorf("%s: calls %q, answers %v", line, calls, answers)
			continue
		}
		f, ok := answers[0].(Fail)
		if !ok || !strings.Contains(f.Text+" | "+f.Hint, want) {
			t.Errorf("%s: %+v doesn't say %q", line, answers[0], want)
		}
	}
}

func TestAnswers(t *testing.T) {
	w := newWorld()
	for line, want := range map[string]Answer{
		"/quit":   Quit{},
		"/exit":   Quit{},
		"/status": Status{event.Status{Self: w.node.self, Peers: 5}},
		"/list":   List{w.node.peers[:4]}, // dora left
		"/ignore": Info{"You aren't ignoring anyone"},
		"/log":    Info{"The end of /home/alice/log\none\ntwo"},
		"/help":   Info{w.table.Help()},
	} {
		_, answers := w.do(line)
		if diff := cmp.Diff([]Answer{want}, answers, cmpopts.EquateComparable(identity.Key{}, netip.Addr{}, netip.AddrPort{})); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
	w.node.peers[3].Ignored = true
	if _, answers := w.do("/ignore"); answers[0] != (Info{"Ignored: rusty"}) {
		t.Errorf("/ignore: %v", answers)
	}
	w.env.Log = nil
	if _, answers := w.do("/log"); !isFail(answers) {
		t.Errorf("/log without a log: %v", answers)
	}
}

func TestVerifyShowsBothsWords(t *testing.T) {
	w := newWorld()
	carol := w.node.peers[2]
	calls, answers := w.do("/verify carol")
	if len(calls) != 0 {
		t.Errorf("looking marked it: %q", calls)
	}
	text := answers[0].(Info).Text
	for _, want := range []string{carol.Key.Fingerprint(), w.node.self.Fingerprint, "/verify Carol Yes yes", "not in this chat"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q isn't in %q", want, text)
		}
	}
	w.node.peers[2].Verified = true
	if _, answers = w.do("/verify carol"); !strings.Contains(answers[0].(Info).Text, "is verified already") {
		t.Errorf("%v", answers)
	}
	if _, answers = w.do("/verify"); !strings.Contains(answers[0].(Info).Text, w.node.self.Fingerprint) {
		t.Errorf("/verify alone: %v", answers)
	}
	if _, answers = w.do("/whoami"); !strings.Contains(answers[0].(Info).Text, "3 encrypted (1 of them verified), 1 in clear") {
		t.Errorf("/whoami: %v", answers)
	}
}

func TestManyNamesakesAreNotAllListed(t *testing.T) {
	w := newWorld()
	for n := byte(100); n < 130; n++ {
		p := person(n, "bob")
		w.node.peers = append(w.node.peers, p)
		w.env.Roster.NotePeer(p)
	}
	_, answers := w.do("/verify bob")
	f := answers[0].(Fail)
	if !strings.HasPrefix(f.Text, "32 peers may be meant: ") || strings.Count(f.Text, ",") != maxOffered {
		t.Errorf("%s", f.Text)
	}
}

// Whoever can't be reached has no name here: his address says what to end. An address that is none of
// Connect's may be somebody's name.
func TestDisconnectAnAddress(t *testing.T) {
	w := newWorld()
	for line, want := range map[string]string{
		"/disconnect 10.0.0.7":             "10.0.0.7:8080",
		"/disconnect host.lan:99":          "host.lan:99",
		"/disconnect line://10.0.0.7:7000": "line://10.0.0.7:7000",
	} {
		w.node.fails = false
		calls, answers := w.do(line)
		if diff := cmp.Diff([]string{"disconnect " + want}, calls); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
		if diff := cmp.Diff([]Answer{Info{"Not connecting to " + want + " any more"}}, answers); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
		w.node.fails = true
		if _, answers = w.do(line); !strings.HasPrefix(answers[0].(Fail).Text, "no one here is called ") {
			t.Errorf("%s: %v", line, answers)
		}
	}
}

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"192.168.1.31":      "192.168.1.31:8080",
		"192.168.1.31:9000": "192.168.1.31:9000",
		"host":              "host:8080",
		"host.lan:1":        "host.lan:1",
		"::1":               "[::1]:8080",
		"[::1]":             "[::1]:8080",
		"[::1]:65535":       "[::1]:65535",
		"fe80::1%eth0":      "[fe80::1%eth0]:8080",
		"[fe80::1%eth0]:7":  "[fe80::1%eth0]:7",
		" host:8080 ":       "host:8080",
		"line://host":       "line://host:8080",
		"LINE://host:1":     "line://host:1",
		" json://[::1]:7 ":  "json://[::1]:7",
		"bücher.example":    "bücher.example:8080",
	} {
		if got, err := ParseAddress(text); err != nil || got != want {
			t.Errorf("ParseAddress(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", ":", ":1", "host:", "host:x", "host:-1", "host:65536", "a:b:c", "[::1", "[::1]x:1",
		"http://x:1", "fe80::1", "[fe80::1]:8080", "line://[fe80::1]:8080", "line://", "json://line://x:1", "line://x:0", "line:x", "a\x00b", "a\u202eb:1", "3000", strings.Repeat("x", 400), "user@host:1"} {
		if got, err := ParseAddress(text); err == nil {
			t.Errorf("ParseAddress(%q) = %q", text, got)
		} else if strings.ContainsAny(err.Error(), "\x00\u202e") {
			t.Errorf("ParseAddress(%q): the error %q is not clean", text, err)
		}
	}
}

// A wrong address is answered with what would be right.
func TestAddressAdvice(t *testing.T) {
	for text, want := range map[string]string{
		"http://10.0.0.1:8080": "http:// is none that p2pchat speaks: write HOST:PORT, line://HOST:PORT or json://HOST:PORT",
		"[fe80::1]:9000":       "name the interface, as in [fe80::1%eth0]:9000",
		"host:99999":           "is not a number from 1 to 65535: write HOST:PORT, as in 192.168.1.31:8080",
	} {
		if _, err := ParseAddress(text); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("ParseAddress(%q) says %v, want it to end with %q", text, err, want)
		}
	}
}

func TestWithin(t *testing.T) {
	for pair, want := range map[[2]string]int{
		{"", ""}: 0, {"a", ""}: 1, {"list", "list"}: 0, {"lsit", "list"}: 1, {"lit", "list"}: 1,
		{"liist", "list"}: 1, {"lost", "list"}: 1, {"abc", "xyz"}: 3, {"quti", "quit"}: 1, {"ca", "abc"}: 3,
	} {
		for _, p := range [][2]string{pair, {pair[1], pair[0]}} {
			if !within(want, p[0], p[1]) || want > 0 && within(want-1, p[0], p[1]) {
				t.Errorf("%q are not %d edits apart", p, want)
			}
		}
	}
}

// /doctor names each interface, what is in the way with its next step, and the firewalls' commands.
func TestDoctor(t *testing.T) {
	w := newWorld()
	w.node.network = event.Network{
		Interfaces: []event.Interface{{Name: "eth0", Sent: 12, Heard: 3}, {Name: "docker0", Skipped: "a bridge of containers"}},
		Found:      []event.Notice{{Text: "nothing comes back", Hint: "sudo ufw allow 9999/udp"}},
		Firewall:   []event.Notice{{Text: "to be spoken to, TCP 8080", Hint: "sudo ufw allow 8080/tcp"}},
	}
	_, answers := w.do("/doctor")
	info, ok := answers[0].(Info)
	if !ok {
		t.Fatal(answers)
	}
	for _, want := range []string{"12 beacons sent, 3 of others heard", "docker0: skipped", "In the way: nothing comes back\n  try: sudo ufw allow 9999/udp", "TCP 8080: sudo ufw allow 8080/tcp"} {
		if !strings.Contains(info.Text, want) {
			t.Errorf("lacks %q:\n%s", want, info.Text)
		}
	}
}
