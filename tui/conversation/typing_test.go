package conversation

import (
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/composer"
)

func TestTypingIsReportedOnceAndWithdrawn(t *testing.T) {
	r := newRoom(t)
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"a command", func() { r.c.Insert("/list"); r.c.Discard() }, nil},
		{"the first letters", func() { r.c.Insert("hel") }, []string{"typing true"}},
		{"more of them", func() { r.c.Insert("l") }, nil},
		{"goes on", func() { r.pass(typingRepeat); r.c.Insert("o") }, []string{"typing true"}},
		{"pauses", func() { r.pass(time.Minute) }, []string{"typing false"}},
		{"goes on again", func() { r.c.Insert("!") }, []string{"typing true"}},
		{"sends", func() { r.c.Submit() }, []string{"typing false"}},
		{"discards", func() { r.c.Insert("oh"); r.c.Discard() }, []string{"typing true", "typing false"}},
		{"deletes it all", func() { r.c.Insert("x"); r.c.Edit(composer.Backspace) }, []string{"typing true", "typing false"}},
		{"is hidden", func() { r.settings.HideTyping = true; r.c.Insert("text") }, nil},
	} {
		step.do()
		r.update()
		t.Log(step.name)
		r.mustHaveCalled("typing", step.want...)
	}
}

func TestTypingOfPeers(t *testing.T) {
	r := newRoom(t)
	bob, dana, eve := peerOf("bob"), peerOf("dana"), peerOf("eve")
	r.join(bob, dana, eve)
	mustSay := func(want string) {
		t.Helper()
		if got := r.c.TypingText().String(); got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
	mustSay("")
	r.post(event.Typing{Peer: bob, On: true}, event.Typing{Peer: dana, On: true}, event.Typing{Peer: eve, On: true})
	mustSay("bob, dana and eve are typing…")
	r.post(r.says(bob, "there")) // a message ends it
	mustSay("dana and eve are typing…")
	r.post(event.Typing{Peer: eve, On: false})
	mustSay("dana is typing…")
	r.pass(typingTimeout)
	mustSay("")

	r.post(event.Typing{Peer: dana, On: true})
	dana.Ignored = true
	r.join(dana)
	r.post(event.Typing{Peer: dana, On: true})
	mustSay("")
	for _, name := range []string{"f", "g", "h", "i"} {
		p := peerOf(name)
		r.join(p)
		r.post(event.Typing{Peer: p, On: true})
	}
	mustSay("4 people are typing…")
}
