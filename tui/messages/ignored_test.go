package messages

import (
	"fmt"
	"testing"
	"time"
)

// Messages of an ignored peer come back where they belong, those too that came meanwhile.
func TestIgnoredMessagesComeBackInOrder(t *testing.T) {
	f := plainFixture(60, 8)
	bob := f.key("bob").ID().String()
	say := func(who, text string) { f.pass(time.Second); f.say(who, text) }
	say("bob", "one")
	say("dana", "two")
	f.SetIgnored(bob, true)
	say("bob", "three")
	say("dana", "four")
	if got := f.texts(); got != "two four" {
		t.Errorf("with bob ignored the log is %s", got)
	}
	if got := f.screen(); contains(got, "one") || contains(got, "three") || !contains(got, "four") {
		t.Errorf("bob is ignored, and yet the screen is\n%s", got)
	}
	f.SetIgnored(bob, false)
	if got := f.texts(); got != "one two three four" {
		t.Errorf("with bob back it is %s", got)
	}
	f.check(t)
}

// An ignored peer that floods fills neither memory nor the count of unread messages.
func TestHiddenMessagesAreBounded(t *testing.T) {
	f := plainFixture(60, 8)
	f.SetIgnored(f.key("bob").ID().String(), true)
	f.SetAway(true)
	for i := range 2 * maxHidden {
		f.say("bob", fmt.Sprint(i))
	}
	if n := len(f.ignored.entries); n < maxHidden || n > maxHidden+maxHidden/4 {
		t.Errorf("%d messages are held", n)
	}
	if last := f.ignored.entries[len(f.ignored.entries)-1].toEvent().Text; last != fmt.Sprint(2*maxHidden-1) {
		t.Errorf("the last that is held is %s", last)
	}
	if f.CountUnread() != 0 {
		t.Errorf("%d hidden messages are unread", f.CountUnread())
	}
}
