package messages

import (
	"fmt"
	"strings"
	"testing"

	"chat.lan/p2pchat/net/event"
)

func TestUnread(t *testing.T) {
	f := plainFixture(60, 6)
	for range 10 {
		f.say("bob", "before")
	}
	if f.CountUnread() != 0 || contains(f.screen(), "new") {
		t.Errorf("%d unread while the reader looks", f.CountUnread())
	}
	f.SetAway(true)
	f.say("alice", "own")
	f.say("bob", "first")
	f.say("dana", "second")
	if f.CountUnread() != 2 {
		t.Errorf("%d unread of 2", f.CountUnread())
	}
	rows := strings.Split(f.screen(), "\n")
	if !contains(rows[3], "── new ──") || !contains(rows[4], "first") {
		t.Errorf("the divider is not above the first:\n%s", f.screen())
	}
	f.SetAway(false)
	if f.CountUnread() != 0 || !contains(f.screen(), "── new ──") {
		t.Errorf("on coming back %d are unread, and:\n%s", f.CountUnread(), f.screen())
	}

	f.ScrollLines(-3)
	f.say("bob", "third")
	f.say("alice", "own")
	f.say("bob", "fourth")
	f.say("bob", "fifth")
	if f.CountUnread() != 3 || f.countBelow() != 3 {
		t.Errorf("%d unread and %d below of 3", f.CountUnread(), f.countBelow())
	}
	if !contains(f.screen(), "── 3 new below · End ──") {
		t.Errorf("it is not said:\n%s", f.screen())
	}
	for f.countBelow() == 3 && !f.AtEnd() {
		f.ScrollLines(1)
	}
	if !contains(f.screen(), "third") || f.CountUnread() != 2 {
		t.Errorf("%d unread when the first of three is seen:\n%s", f.CountUnread(), f.screen())
	}
	f.ScrollToEnd()
	if f.CountUnread() != 0 || f.countBelow() != 0 || strings.Count(f.screen(), "── new ──") != 1 {
		t.Errorf("at the end %d unread, %d below:\n%s", f.CountUnread(), f.countBelow(), f.screen())
	}
}

func TestComingBackReads(t *testing.T) {
	f := plainFixture(60, 6)
	f.SetAway(true)
	f.say("bob", "a")
	f.SetAway(false)
	if f.CountUnread() != 0 {
		t.Error("still unread")
	}
	f.SetAway(true)
	f.say("bob", "b")
	if rows := strings.Split(f.screen(), "\n"); f.CountUnread() != 1 || !contains(rows[4], "new") || strings.Count(f.screen(), "new") != 1 {
		t.Errorf("%d unread, and:\n%s", f.CountUnread(), f.screen())
	}
}

// A cleartext peer may take a new id for each message. Shared authors stay bounded, and the messages keep
// their names.
func TestAuthorsAreBounded(t *testing.T) {
	f := plainFixture(60, 6)
	for i := range maxOrigins + 10 {
		f.say("bob", "hello", unsigned, func(l *event.Line) {
			l.FromID, l.FromName = fmt.Sprintf("5f0c9a52-3b1e-4c6f-9d55-%012d", i), fmt.Sprint("guest", i)
		})
	}
	if n := len(f.renderer.authors.origins); n > maxOrigins {
		t.Errorf("%d authors are held", n)
	}
	if l := f.log.entries[0].toEvent(); l.FromName != "guest0" || l.FromID != "5f0c9a52-3b1e-4c6f-9d55-000000000000" {
		t.Errorf("the first line is %s's (%s)", l.FromName, l.FromID)
	}
}
