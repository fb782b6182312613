package wording

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/vote"
)

// The phrases of the screen and of line mode. Voters go by their names.
var (
	screen = Phrases{Name: name, Most: 2, Dot: sanitize.Trusted("·")}
	terse  = Phrases{Name: name, Most: 2, Dot: sanitize.Trusted("·"), Terse: true}
)

func name(v event.Voter) sanitize.SafeText { return sanitize.Name(v.Name) }

func voters(names ...string) (out []event.Voter) {
	for _, n := range names {
		out = append(out, event.Voter{Name: n})
	}
	return out
}

func check(t *testing.T, got sanitize.SafeText, want string) {
	t.Helper()
	if got.String() != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// topic is a vote on a topic: 2 of 3 said yes, 2 are needed.
func topic(state vote.Status) event.Proposal {
	return event.Proposal{Label: "#4", Slot: "topic", Action: "tea", State: state, By: event.Voter{Name: "ann"},
		Yes: 2, No: 1, Need: 2, Roll: voters("ann", "bob", "eve")}
}

func secureOnly(action string) event.Proposal {
	return event.Proposal{Label: "#5", Slot: "secure_only", Action: action, State: "passed", Yes: 1, Need: 1, Roll: voters("ann")}
}

func TestNames(t *testing.T) {
	check(t, screen.Names(nil), "")
	check(t, screen.Names(voters("ann", "bob")), "ann, bob")
	check(t, screen.Names(voters("ann", "b\x1b[31mob", "eve", "dan")), "ann, bob, 2 more")
	if got := WithHint("a", "", "·") + WithHint("a", "b", "·"); got != "aa · b" {
		t.Errorf("hints: %q", got)
	}
}

func TestTitles(t *testing.T) {
	for _, tc := range []struct {
		p                        event.Proposal
		title, subject, ifPassed string
	}{
		{topic("open"), `topic "tea"`, "topic", `the room's topic becomes "tea"`},
		{secureOnly("on"), "secure-only on", "secure-only", "everyone will stop seeing unsigned messages"},
		{secureOnly("off"), "secure-only off", "secure-only off", "unsigned messages are heard again"},
	} {
		check(t, Title(tc.p), tc.title)
		check(t, Subject(tc.p), tc.subject)
		check(t, IfPassed(tc.p), tc.ifPassed)
	}
	hostile := topic("open")
	hostile.Action = "a\x1b[2Jb"
	if Title(hostile).String() == RawTitle(hostile) || RawTitle(hostile) != "topic \"a\x1b[2Jb\"" {
		t.Errorf("the title is %q, raw %q", Title(hostile), RawTitle(hostile))
	}
	for choice, want := range map[vote.Choice]string{vote.Approve: "yes", vote.Reject: "no", vote.Both: "voted twice", vote.None: "not yet"} {
		check(t, Choice(choice), want)
	}
}

func TestEffect(t *testing.T) {
	check(t, Effect(topic("passed")), "takes effect now")
	p := topic("passed")
	p.Idle = true
	check(t, Effect(p), "another topic stands")
	off := secureOnly("off")
	off.Idle = true
	check(t, Effect(off), "secure-only stays on")
	off.Ends = []event.Ending{{Label: "#1", Need: 1, Have: 1}, {Label: "#2", Need: 2}}
	check(t, Effect(off), "#2 stays on: 0 of the 2 approvals that it takes by those who switched it on")
}

func TestOutcome(t *testing.T) {
	for _, tc := range []struct{ state, screen, terse string }{
		{"open", "", ""}, {"disputed", "", ""},
		{"passed", `#4 PASSED 2 of 3: topic "tea" · takes effect now`, `#4 PASSED 2 of 3: topic "tea"`},
		{"rejected", `#4 REJECTED: topic "tea"`, `#4 REJECTED: topic "tea"`},
		{"cancelled", `#4 was withdrawn: topic "tea"`, `#4 CANCELLED: topic "tea"`},
		{"expired", `#4 expired, undecided: topic "tea"`, `#4 EXPIRED, undecided: topic "tea"`},
		{"ended", `#4 ended: topic "tea"`, `#4 ENDED: topic "tea"`},
	} {
		check(t, screen.Outcome(topic(vote.Status(tc.state))), tc.screen)
		check(t, terse.Outcome(topic(vote.Status(tc.state))), tc.terse)
	}
	idle := topic("passed")
	idle.Idle = true
	check(t, terse.Outcome(idle), `#4 PASSED 2 of 3: topic "tea" · another topic stands`)
}

func TestProposed(t *testing.T) {
	p := topic("disputed")
	p.Note, p.LeftOut = "at\nfive", voters("dan")
	check(t, screen.Proposed(p), `ann proposed #4: topic "tea" · needs 2 of 3`)
	check(t, terse.Proposed(p), `ann proposed #4: topic "tea" · needs 2 of 3 · at five`)
	check(t, screen.LeavesOut(p), "#4 leaves out dan: it does not count here until /accept #4")
	check(t, Disputed(p, vote.Approve), "#4 is disputed: /vote #4 yes votes on it nevertheless")
	rows := terse.Proposals([]event.Proposal{p})
	check(t, rows[1], `  - #4 topic "tea" by ann: DISPUTED, 2 yes 1 no, needs 2 of 3`)
	check(t, terse.Proposals(nil)[0], "No proposals yet: /propose begins one")
}

func TestBallotCast(t *testing.T) {
	b := event.BallotCast{Proposal: topic("open"), By: event.Voter{Name: "eve"}, Choice: vote.Approve}
	check(t, terse.BallotCast(b), "eve approved #4 (2 of 2 needed)")
	b.Proposal.Yes = 3
	check(t, terse.BallotCast(b), "eve approved #4 (3 approvals, 2 needed)")
	b.Choice = vote.Reject
	check(t, terse.BallotCast(b), "eve rejected #4 (1 against)")
	b.Twice = true
	check(t, terse.BallotCast(b), "eve voted twice on #4: two machines, a restored backup, or dishonest")
	check(t, screen.BallotCast(b), "eve voted twice on #4: two machines, a restored backup, or dishonest · /evidence #4 FILE saves the proof")
}

func TestPolicy(t *testing.T) {
	on := event.Policy{SecureOnly: true, Label: "#1", Signed: voters("ann", "bob", "eve")}
	off := event.Policy{Label: "#2", Signed: voters("ann")}
	for _, tc := range []struct {
		p             event.Policy
		signed        bool
		screen, terse string
	}{
		{on, true, "Secure-only is on since #1, signed by ann, bob, 1 more: unsigned messages are refused", "Secure-only is on (#1, signed by ann, bob, 1 more): unsigned messages are refused"},
		{on, false, "Secure-only is on since #1: unsigned messages are refused", "Secure-only is on (#1): unsigned messages are refused"},
		{off, true, "Secure-only is off since #2, signed by ann: unsigned messages are heard again", "Secure-only is off (#2, signed by ann): unsigned messages are heard"},
		{off, false, "Secure-only is off since #2: unsigned messages are heard again", "Secure-only is off: unsigned messages are heard"},
	} {
		check(t, screen.Policy(tc.p, tc.signed), tc.screen)
		check(t, terse.Policy(tc.p, tc.signed), tc.terse)
	}
	label := sanitize.Trusted("ann")
	check(t, screen.Differs(event.Differs{}, label), "ann applies other votes than you")
	check(t, screen.Differs(event.Differs{Label: "#1"}, label), "ann doesn't apply vote #1, you do · /refuse #1 to stop")
	check(t, screen.Differs(event.Differs{Label: "#1", SecureOnly: true}, label), "ann applies vote #1, you don't · /accept #1 to apply it too")
}

func TestTimeLeft(t *testing.T) {
	now := time.Unix(1000, 0)
	for d, want := range map[time.Duration]string{-time.Second: " 0:00", 161 * time.Second: " 2:41", 185 * time.Minute: " 3h05"} {
		if got := TimeLeft(event.Proposal{Closes: now.Add(d)}, now); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestSaving(t *testing.T) {
	fails := event.Saving{NotSaved: "no space"}
	for _, tc := range []struct {
		was, now      event.Saving
		screen, terse string // the last note; "" for none
	}{
		{event.Saving{}, event.Saving{}, "", ""},
		{event.Saving{}, fails, "Not saved: no space · the chat goes on, and is saved when there is room", "Not saved: no space"},
		{fails, event.Saving{NotSaved: "the disk hangs"}, "", "Not saved: the disk hangs"},
		{fails, event.Saving{}, "Saved again", "Saved again"},
		{fails, event.Saving{Dropped: 2}, "Saved again, but for 2 records that are asked of the others", "Saved again, but for 2 records"},
		{event.Saving{Unreadable: 1}, event.Saving{Unreadable: 4}, "3 records on disk were damaged and are asked of the others", "3 damaged records were dropped; others have them"},
		{event.Saving{}, event.Saving{Aside: "/x", Recovered: 7},
			"The saved history was damaged: recovered 7 records, fetching the rest from the others; the damaged file is /x",
			"The saved history was damaged: recovered 7 records, fetching the rest from the others; the damaged file is /x"},
	} {
		for want, ph := range map[*string]Phrases{&tc.screen: screen, &tc.terse: terse} {
			got := ""
			for _, n := range ph.Saving(tc.was, tc.now) {
				got = n.Text.String()
			}
			if got != *want {
				t.Errorf("%+v → %+v: %q, want %q", tc.was, tc.now, got, *want)
			}
		}
	}
	if got := HistoryUnreadable(errors.New("EIO")); got != "can't read the saved history: EIO" {
		t.Error(got)
	}
}

func TestPeers(t *testing.T) {
	bob := sanitize.Trusted("bob")
	native := event.Peer{ID: "b", Kind: event.KindNative, State: event.Up, Addr: netip.MustParseAddrPort("[::ffff:10.0.0.7]:8080"), Key: identity.Key{}}
	guest := event.Peer{ID: "g", Kind: event.KindLine, State: event.Lost, Ignored: true, Verified: true}
	check(t, Arrived(bob, native), "bob is here")
	check(t, Arrived(bob, guest), "bob is here, not encrypted")
	check(t, screen.Lost(bob), "bob is lost: the connection broke")
	check(t, terse.Lost(bob), "bob lost")
	check(t, Renamed(bob, sanitize.Trusted("rob")), "bob is now called rob")
	check(t, ArrivedLine(bob, native), "🔍 Discovered new peer: bob (10.0.0.7)")
	check(t, ArrivedLine(bob, guest), "🔍 Discovered new peer: bob (not encrypted)")
	check(t, ArrivedLine(bob, event.Peer{Kind: event.KindNative}), "🔍 Discovered new peer: bob")
	rows := PeerList([]event.Peer{native, guest}, func(event.Peer) sanitize.SafeText { return bob })
	check(t, rows[1], "  - bob (b) at 10.0.0.7:8080")
	check(t, rows[2], "  - bob (g), lost, not encrypted, verified, ignored")
	check(t, SentTo(0), "📭 No one is here to read it yet")
	check(t, SentTo(3), "📤 Message sent to 3 peer(s)")
}

func TestStatus(t *testing.T) {
	s := event.Status{Peers: 2, Links: 3, Plain: 1, In: 4096, Out: 512}
	if got := LinkCounts(s) + "; " + Traffic(s); got != "2 encrypted over 3 links, 1 in clear; 4096 bytes in, 512 out" {
		t.Error(got)
	}
	for want, i := range map[string]event.Interface{
		"down": {Error: "down", Skipped: "a bridge"}, "skipped: a bridge": {Skipped: "a bridge"},
		"4 beacons sent, 2 of others heard": {Sent: 4, Heard: 2},
	} {
		if got := InterfaceSummary(i); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestPeerMarks(t *testing.T) {
	for _, tc := range []struct {
		p    event.Peer
		want string
	}{
		{event.Peer{Kind: event.KindNative}, ""},
		{event.Peer{Kind: event.KindNative, Verified: true}, "verified"},
		{event.Peer{Kind: event.KindJSON}, "not encrypted"},
		{event.Peer{Kind: event.KindLine, Ignored: true}, "not encrypted, ignored"},
		{event.Peer{Kind: event.KindJSON, HeldBack: true}, "not encrypted, gets only /unsigned"},
	} {
		if got := strings.Join(PeerMarks(tc.p), ", "); got != tc.want {
			t.Errorf("%+v is marked %q, want %q", tc.p, got, tc.want)
		}
	}
	check(t, Left(sanitize.Trusted("bob")), "bob left")
	mapped := Unmapped(netip.MustParseAddrPort("[::ffff:10.0.0.7]:8080"))
	if v6 := netip.MustParseAddrPort("[fe80::1]:8080"); mapped.String() != "10.0.0.7:8080" || Unmapped(v6) != v6 {
		t.Errorf("addresses are shown as %v and %v", mapped, Unmapped(v6))
	}
}

// Scripts read these rows, which are those of the seed's program. A name in them can't draw on the terminal.
func TestStarted(t *testing.T) {
	rows := Started(event.Self{ID: "5f0c9a52", Name: "al\x1b[31mice", Port: 8084})
	want := []string{"🎙️  Starting P2P Chat...", "👤 Your ID: 5f0c9a52", "📡 Your Name: alice",
		"🔌 Listening on port: 8084", "🔗 TCP listener started on port 8084"}
	if len(rows) != len(want) {
		t.Fatalf("%d rows: %v", len(rows), rows)
	}
	for i := range rows {
		check(t, rows[i], want[i])
	}
	empty := PeerList(nil, nil)
	if len(empty) != 1 {
		t.Fatalf("a list of no peers has %d rows", len(empty))
	}
	check(t, empty[0], "👥 Discovered peers: none yet")
}

// Several notes about the disk come in one report, each with its weight.
func TestSavingLevels(t *testing.T) {
	was := event.Saving{NotSaved: "no space", Dropped: 1}
	now := event.Saving{Dropped: 4, Aside: "/x", Recovered: 7, Unreadable: 2}
	for _, ph := range []Phrases{screen, terse} {
		var levels []event.Level
		for _, n := range ph.Saving(was, now) {
			levels = append(levels, n.Level)
		}
		if want := []event.Level{event.Warning, event.Error, event.Warning}; !slices.Equal(levels, want) {
			t.Errorf("terse=%v: %v, want %v", ph.Terse, levels, want)
		}
		if notes := ph.Saving(now, now); len(notes) > 0 {
			t.Errorf("terse=%v: it is reported again: %v", ph.Terse, notes)
		}
	}
	check(t, screen.Saving(was, now)[0].Text, "Saved again, but for 3 records that are asked of the others")
	if notes := screen.Saving(was, event.Saving{Dropped: 1}); len(notes) != 1 || notes[0].Level != event.Info {
		t.Errorf("saved again without a loss: %v", notes)
	}
}
