package conversation

import (
	"strings"
	"testing"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
)

func TestMessagesAndNoticesKeepTheirOrder(t *testing.T) {
	r := newRoom(t)
	bob := peerOf("bob")
	r.join(bob)
	r.c.Handle(r.says(bob, "first"))
	r.c.AddNotice(event.Info, r.c.voter(event.Voter{ID: r.c.cfg.Self().ID}))
	r.c.Handle(r.says(bob, "second"))
	r.update()
	text := r.text()
	first, notice, second := strings.Index(text, "first"), strings.LastIndex(text, "you"), strings.Index(text, "second")
	if first < 0 || notice < first || second < notice {
		t.Errorf("the order is lost:\n%s", text)
	}
	if !r.c.HasCompany() || r.c.IsEmpty() {
		t.Error("a peer's message and a notice were shown")
	}
}

func TestOwnMessagesWithoutPeersAreDelivered(t *testing.T) {
	r := newRoom(t)
	alice := peerOf("Alice")
	line := r.says(alice, "anyone?").Line
	line.Own = true
	r.post(event.Sent{Line: line})
	r.mustShow("anyone?")
	r.mustNotShow("…")
	line.ID, line.Text = "another", "now?"
	r.post(event.Sent{Line: line, Peers: 1})
	r.mustShow("…")
}

func TestBellRingsOncePerBatch(t *testing.T) {
	bob := peerOf("bob")
	for _, test := range []struct {
		mode  BellMode
		texts []string
		want  int
	}{
		{BellMention, []string{"Alice: hello", "Alice?"}, 1},
		{BellMention, []string{"hello"}, 0},
		{BellAll, []string{"hello", "hello"}, 1},
		{BellOff, []string{"Alice!"}, 0},
	} {
		r := newRoom(t)
		r.join(bob)
		r.settings.Bell = test.mode
		var batch []event.Event
		for _, text := range test.texts {
			batch = append(batch, r.says(bob, text))
		}
		r.post(batch...)
		if r.bells != test.want {
			t.Errorf("%s: %d bells for %q, want %d", test.mode, r.bells, test.texts, test.want)
		}
	}
}

func TestBellIsSilentForHistoryAndIgnoredPeers(t *testing.T) {
	r := newRoom(t)
	r.settings.Bell = BellAll
	bob := peerOf("bob")
	old := r.says(bob, "Alice, this was yesterday")
	old.Line.History = true
	r.post(old)
	bob.Ignored = true
	r.join(bob)
	r.post(r.says(bob, "Alice!"))
	if r.bells != 0 {
		t.Errorf("%d bells", r.bells)
	}
}

// An author that isn't here has its name from its messages; the name of a present peer is newer.
func TestNamesOfAbsentAuthors(t *testing.T) {
	r := newRoom(t)
	dana, bob := peerOf("dana"), peerOf("bob")
	r.join(bob)
	bob.Name = "old bob"
	for _, p := range []event.Peer{dana, bob} {
		old := r.says(p, "long ago")
		old.Line.History = true
		r.post(old)
	}
	if got := r.roster.Label(roster.ID(dana.Key, dana.ID)).String(); got != "dana" {
		t.Errorf("dana is called %q", got)
	}
	if got := r.roster.Label(roster.ID(bob.Key, bob.ID)).String(); got != "bob" {
		t.Errorf("bob is called %q", got)
	}
}

func TestCatchUpText(t *testing.T) {
	r := newRoom(t)
	for _, step := range []struct {
		missing int
		want    string
	}{
		{1000, "Catching up ░░░░░░░░░░ 1000 lines to come"},
		{301, "Catching up ▓▓▓▓▓▓░░░░ 301 lines to come"},
		{300, "Catching up ▓▓▓▓▓▓▓░░░ 300 lines to come"},
		{1, "Catching up ▓▓▓▓▓▓▓▓▓░ 1 lines to come"},
		{0, ""},
		{50, "Catching up ░░░░░░░░░░ 50 lines to come"},
	} {
		r.post(event.Sync{Missing: step.missing})
		if got := r.c.CatchUpText().String(); got != step.want {
			t.Errorf("%d missing: %q, want %q", step.missing, got, step.want)
		}
	}
}

func TestSavingIsReported(t *testing.T) {
	r := newRoom(t)
	r.post(event.Saving{NotSaved: "no space left on device"})
	if got := r.c.Saving().NotSaved; got != "no space left on device" {
		t.Errorf("the error is %q", got)
	}
	r.post(event.Saving{})
	r.post(event.Saving{Aside: "/home/alice/records-damaged.db", Recovered: 7})
	r.post(event.Saving{Unreadable: 3, Aside: "/home/alice/records-damaged.db"}, event.Saving{NotSaved: "the disk hangs", Unreadable: 3},
		event.Saving{Dropped: 9, Unreadable: 3})
	r.mustShow("no space left on device", "Saved again", "recovered 7 records", "3 records on disk were damaged", "Saved again, but for 9 records")
	if got := r.c.Saving().NotSaved; got != "" {
		t.Errorf("the error is still %q", got)
	}
}

// What can't be shown takes one line for each person, and none for an ignored one.
func TestUnknownKindsTakeOneLine(t *testing.T) {
	r := newRoom(t)
	bob, eve := peerOf("bob"), peerOf("eve")
	eve.Ignored = true
	r.join(bob)
	r.join(eve)
	unknown := func(p event.Peer, kind string, first bool) event.Unknown {
		return event.Unknown{From: p.Key, FromID: p.ID, FromName: p.Name, Kind: kind, First: first}
	}
	r.post(unknown(bob, "poll", true), unknown(bob, "later", false), unknown(eve, "poll", true))
	if got := strings.Count(r.text(), "sent something that this version can't show"); got != 1 {
		t.Errorf("%d lines:\n%s", got, r.text())
	}
	r.mustShow("bob sent something")
}

// What isn't kept is said, and so is why one's own messages aren't: once, not for each of them.
func TestNotKept(t *testing.T) {
	r := newRoom(t)
	bob, mallory := event.Voter{ID: "b", Name: "bob"}, event.Voter{ID: "m", Name: "mallory"}
	r.post(event.NotKept{Via: &bob, Authors: []event.Voter{mallory}, People: 900, Strangers: true, Messages: 41_000})
	r.mustShow("41,000 messages of 900 people never met, not kept")
	r.post(event.Delivered{ID: "one", Of: 4, NotKept: 3}, event.Delivered{ID: "two", Of: 4, NotKept: 3})
	if got := strings.Count(r.text(), "Your messages are"); got != 1 {
		t.Errorf("said %d times why messages are not kept", got)
	}
}
