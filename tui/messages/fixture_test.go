package messages

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// noon is the start of every test: Saturday 21 November 2026, in a zone of its own.
var (
	zone = time.FixedZone("TEST", 2*60*60)
	noon = time.Date(2026, 11, 21, 12, 0, 0, 0, zone)
)

// fixture is a pane, with people that write messages.
type fixture struct {
	*Pane
	book roster.Roster
	keys map[string]identity.Key
	name string // the local peer's
	now  time.Time
	seq  uint64
}

func newFixture(w, h int, look theme.Look) *fixture {
	f := &fixture{keys: map[string]identity.Key{}, now: noon, name: "alice"}
	f.Pane = New(Config{
		Theme:   theme.New(look),
		Roster:  &f.book,
		OwnName: func() sanitize.SafeText { return sanitize.Name(f.name) },
		Now:     func() time.Time { return f.now },
		Zone:    zone,
	})
	f.SetSize(w, h)
	return f
}

// plainFixture draws without styles.
func plainFixture(w, h int) *fixture { return newFixture(w, h, theme.Look{Profile: termenv.Ascii}) }

// key returns a person's key, the same in every run.
func (f *fixture) key(who string) identity.Key {
	if k, ok := f.keys[who]; ok {
		return k
	}
	k := identity.FromSeed(sha256.Sum256([]byte(who))).Key()
	f.keys[who] = k
	f.book.NotePeer(event.Peer{ID: k.ID().String(), Key: k, Name: who})
	return k
}

// line returns a message that a person sends now.
func (f *fixture) line(who, text string, with ...func(*event.Line)) event.Line {
	f.seq++
	key := f.key(who)
	l := event.Line{
		From: key, FromID: key.ID().String(), FromName: who, Text: text, Own: who == "alice",
		Time: f.now, Arrived: f.now.Add(3 * time.Millisecond), Signature: event.Verified, Kind: event.KindNative,
		Sig: make([]byte, 64),
	}
	for _, change := range with {
		change(&l)
	}
	if l.Signature != event.Verified {
		l.ID = fmt.Sprintf("plain-%d", f.seq)
		return l
	}
	l.Place = event.Place{Ms: l.Time.UnixMilli(), Author: key, Feed: 7, Seq: f.seq}
	l.Body = fmt.Sprintf(`{"v":1,"room":"7da99e660791fd8295acdc89755f209d","author":"%s","feed":"0000000000000007","seq":%d,`+
		`"prev":"%064x","time":[%d,0],"kind":"chat","data":{"text":%q}}`, key, f.seq, f.seq, l.Place.Ms, l.Text)
	id := sha256.Sum256([]byte(l.Body))
	l.ID = hex.EncodeToString(id[:])
	return l
}

// say adds a message that a person sends now.
func (f *fixture) say(who, text string, with ...func(*event.Line)) event.Line {
	l := f.line(who, text, with...)
	f.Add([]event.Line{l})
	return l
}

// pass moves the clock.
func (f *fixture) pass(d time.Duration) { f.now = f.now.Add(d) }

// countBelow counts the messages of peers below the screen that were never on it.
func (f *fixture) countBelow() int {
	f.viewport.update()
	return f.viewport.below
}

// screen returns the rows of the pane without styles.
func (f *fixture) screen() string { return ansi.Strip(strings.Join(f.Rows(), "\n")) }

// Changes to a message.
func unsigned(l *event.Line) {
	l.From, l.Signature, l.Kind, l.FromID, l.Sig = identity.Key{}, event.Unsigned, event.KindJSON, "5f0c9a52-3b1e-4c6f-9d55-c5a3e8a7f001", nil
}
func me(l *event.Line)      { l.Me = true }
func history(l *event.Line) { l.History = true }
func ago(d time.Duration) func(*event.Line) {
	return func(l *event.Line) { l.Time = l.Time.Add(-d) }
}

func contains(s, part string) bool { return strings.Contains(s, part) }

func hours(n int) time.Duration { return time.Duration(n) * time.Hour }

// check fails the test if the pane doesn't draw exactly its rows within its width, or miscounts its bytes.
func (f *fixture) check(t interface {
	Helper()
	Fatalf(string, ...any)
}) {
	t.Helper()
	rows := f.Rows()
	if len(rows) != f.viewport.height {
		t.Fatalf("%d rows instead of %d", len(rows), f.viewport.height)
	}
	for i, row := range rows {
		if w := ansi.StringWidth(row); w > f.renderer.width {
			t.Fatalf("row %d takes %d of %d cells: %q", i, w, f.renderer.width, row)
		}
		if strings.ContainsAny(row, "\n\r\t") {
			t.Fatalf("row %d has more than a row in it: %q", i, row)
		}
	}
	sum := 0
	for _, e := range f.log.entries {
		sum += e.size()
	}
	if sum != f.log.bytes {
		t.Fatalf("%d bytes are counted of %d", f.log.bytes, sum)
	}
}
