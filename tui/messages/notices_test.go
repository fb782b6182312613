package messages

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

func TestRefusedCountsInPlace(t *testing.T) {
	f := plainFixture(70, 10)
	refuse := func(n int) {
		f.ReportRefused(event.Refused{From: "10.0.0.7", Reason: "unsigned · policy #4", Count: n})
	}
	refuse(1)
	f.say("bob", "between")
	refuse(3)
	refuse(2) // overtaken
	if got := f.screen(); strings.Count(got, "⊘") != 1 || !contains(got, "⊘ 3 unsigned lines from 10.0.0.7 refused · policy #4") {
		t.Errorf("a run of refusals looks so:\n%s", got)
	}
	f.pass(time.Hour)
	refuse(4)
	if got := f.screen(); strings.Count(got, "⊘") != 2 || !contains(got, "⊘ 1 unsigned line from") {
		t.Errorf("an hour later:\n%s", got)
	}
	f.ReportRefused(event.Refused{From: "bob\x1b[2J", Reason: "bad signature", Count: 2})
	if got := f.screen(); !contains(got, "⊘ 2 × bad signature from bob refused") {
		t.Errorf("another reason:\n%s", got)
	}
}

func TestRefusalsOfManySendersAreBounded(t *testing.T) {
	f := plainFixture(70, 10)
	for i := range 5 * maxCounted {
		f.ReportRefused(event.Refused{From: fmt.Sprint("sender ", i), Reason: "unsigned", Count: 1})
	}
	if len(f.refused) > maxCounted {
		t.Errorf("%d senders have rows of their own", len(f.refused))
	}
}

func TestNotices(t *testing.T) {
	f := plainFixture(70, 6)
	f.AddNotice(event.Info, sanitize.Trusted("eve joined"))
	f.AddNotice(event.Warning, sanitize.Trusted("not saved"))
	f.AddNotice(event.Error, sanitize.Trusted("no port"))
	got := f.screen()
	for _, want := range []string{"· eve joined", "⚠ not saved", "✗ no port"} {
		if !contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	f.MoveSelection(-1)
	if _, ok := f.Selected(); ok {
		t.Error("a note was selected as a line")
	}
}
