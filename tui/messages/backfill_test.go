package messages

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

// texts returns the texts of the log, in order.
func (f *fixture) texts() string {
	var s []string
	for _, e := range f.log.entries {
		if e.kind == messageEntry {
			s = append(s, e.text)
		}
	}
	return strings.Join(s, " ")
}

func TestHistoryGoesToItsPlaceAndIsAnnounced(t *testing.T) {
	f := plainFixture(80, 12)
	f.pass(time.Minute) // catching up is over
	f.say("bob", "a")
	f.pass(2 * time.Minute)
	f.say("bob", "d")
	f.say("dana", "c", history, ago(time.Minute))
	f.say("dana", "b", history, ago(100*time.Second))
	if got := f.texts(); got != "a b c d" {
		t.Errorf("the order is %s", got)
	}
	if got := f.screen(); strings.Count(got, "↑") != 1 || !contains(got, "2 earlier lines arrived from dana · 12:01–12:02") {
		t.Errorf("the announcement is not there once:\n%s", got)
	}
	f.pass(time.Minute)
	f.say("bob", "z", history, ago(2*time.Minute))
	if got := f.screen(); strings.Count(got, "↑") != 2 {
		t.Errorf("a minute later there is no announcement of its own:\n%s", got)
	}
}

func TestHistoryHeader(t *testing.T) {
	f := plainFixture(80, 12)
	f.say("bob", "live")
	f.pass(time.Second)
	f.Add([]event.Line{f.line("bob", "old", history, ago(time.Hour)), f.line("dana", "older", history, ago(2*time.Hour))})
	got := f.screen()
	if !contains(got, "2 lines from before you came · verified") || contains(got, "arrived") {
		t.Errorf("catching up looks so:\n%s", got)
	}
	if got := f.texts(); got != "older old live" {
		t.Errorf("the order is %s", got)
	}
	f.say("dana", "unsure", history, ago(time.Hour), func(l *event.Line) { l.Signature = event.SeedSigned })
	if got := f.screen(); !contains(got, "3 lines from before you came ─") {
		t.Errorf("what isn't verified is called so:\n%s", got)
	}
}

func TestAddOlderSkipsKnownMessages(t *testing.T) {
	f := plainFixture(80, 12)
	live := f.say("bob", "live")
	var disk []event.Line
	for i := range 5 {
		disk = append(disk, f.line("dana", fmt.Sprint(i), ago(time.Duration(10-i)*time.Hour)))
	}
	f.AddOlder(append(disk[2:5:5], live))
	f.AddOlder(disk)
	f.Add(disk)
	if got := f.texts(); got != "0 1 2 3 4 live" {
		t.Errorf("the log is %s", got)
	}
	if got := f.screen(); contains(got, "arrived") || contains(got, "⟲") {
		t.Errorf("messages from disk are announced or badged:\n%s", got)
	}
}

func TestLateMessagesStandWhereTheyArrived(t *testing.T) {
	f := plainFixture(80, 12)
	f.say("bob", "a")
	f.pass(time.Hour)
	f.say("bob", "b")
	f.say("dana", "late", ago(30*time.Minute))
	f.say("dana", "not so late", ago(4*time.Minute))
	f.say("dana", "from tomorrow", ago(-25*time.Hour))
	if got := f.texts(); got != "a b late not so late from tomorrow" {
		t.Errorf("the order is %s", got)
	}
	got := f.screen()
	for _, want := range []string{"⟲ late", "sent 12:30", "✓ not so late", "⟲ from tomorrow", "sent 22 Nov"} {
		if !contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	// Such a message doesn't mislead others on their way to their place.
	f.say("bob", "c", history, ago(time.Second))
	if got := f.texts(); got != "a c b late not so late from tomorrow" {
		t.Errorf("the order is %s", got)
	}
}

// Messages of the same moment stand in the same order, whichever arrives first.
func TestMessagesOfOneMomentHaveOneOrder(t *testing.T) {
	f, g := plainFixture(80, 12), plainFixture(80, 12)
	a, b := f.line("bob", "a"), f.line("dana", "b")
	f.Add([]event.Line{a, b})
	g.key("bob")
	g.key("dana")
	g.Add([]event.Line{b})
	g.Add([]event.Line{a})
	if f.texts() != g.texts() {
		t.Errorf("%q and %q", f.texts(), g.texts())
	}
}

// A message that arrived a while ago stays above a new message, whatever the clocks say.
func TestMessagesMoveUpOnlyALittle(t *testing.T) {
	f := plainFixture(80, 12)
	slow := f.line("dana", "slow", ago(3*time.Second))
	f.say("bob", "a")
	f.pass(settleFor * time.Millisecond / 2)
	slow.Arrived = f.now
	f.Add([]event.Line{slow})
	if got := f.texts(); got != "slow a" {
		t.Errorf("within a moment the order is %s", got)
	}
	f.pass(settleFor * time.Millisecond)
	slower := f.line("dana", "slower", ago(4*time.Second))
	f.Add([]event.Line{slower})
	if got := f.texts(); got != "slow a slower" {
		t.Errorf("after it the order is %s", got)
	}
	for i := range settleEntries + 1 {
		f.say("bob", fmt.Sprint(i))
	}
	f.say("dana", "last", ago(time.Second))
	if got := f.texts(); strings.HasPrefix(got, "slow a slower last") {
		t.Errorf("it went up more than %d lines", settleEntries)
	}
}

func TestHistoryOfOneMomentKeepsItsOrder(t *testing.T) {
	f := plainFixture(80, 12)
	var lines []event.Line
	for i := range 4 {
		l := f.line("dana", fmt.Sprint(i), history, ago(time.Minute))
		l.Place.N = int64(i)
		lines = append(lines, l)
	}
	for _, i := range []int{1, 3, 0, 2} {
		f.Add(lines[i : i+1])
	}
	if got := f.texts(); got != "0 1 2 3" {
		t.Errorf("the order is %s", got)
	}
}

func TestGroups(t *testing.T) {
	f := plainFixture(80, 12)
	for _, text := range []string{"a", "b", "c", "d"} {
		f.say("bob", text)
		f.pass(2 * time.Minute)
	}
	want := []string{" 12:00 bob ✓ a", "           ✓ b", "           ✓ c", " 12:06 bob ✓ d"}
	rows := strings.Split(f.screen(), "\n")
	for i, row := range rows[len(rows)-4:] {
		if row != want[i] {
			t.Errorf("row %d is %q, want %q", i, row, want[i])
		}
	}
	// A message of another author that belongs in between divides the group.
	f.say("dana", "between", history, ago(5*time.Minute))
	if got := f.screen(); !contains(got, "bob  ✓ c") || contains(got, "bob  ✓ b") {
		t.Errorf("the group is not divided:\n%s", got)
	}
}

// TestSelectionStaysWithItsMessage: history that goes in above doesn't move the selection.
func TestSelectionStaysWithItsMessage(t *testing.T) {
	f := plainFixture(60, 10)
	f.say("bob", "one")
	f.say("bob", "two")
	f.MoveSelection(-1)
	f.AddOlder([]event.Line{f.line("bob", "older", history, ago(time.Hour))})
	if l, _ := f.Selected(); l.Text != "two" {
		t.Errorf("%q is selected", l.Text)
	}
}

// TestSelectionBeginsBelowNotices: where the screen shows no message and none is above, the first below is
// selected.
func TestSelectionBeginsBelowNotices(t *testing.T) {
	f := plainFixture(60, 6)
	for range 30 {
		f.AddNotice(event.Info, sanitize.Trusted("a notice"))
	}
	for i := range 30 {
		f.say("bob", fmt.Sprint("message ", i))
	}
	f.ScrollPages(-100)
	f.MoveSelection(-1)
	if l, ok := f.Selected(); !ok || l.Text != "message 0" {
		t.Errorf("%q is selected", l.Text)
	}
}

// TestLateAuthorsAreFolded: a notice names a few authors of late messages, and folds the rest.
func TestLateAuthorsAreFolded(t *testing.T) {
	for authors, want := range map[int]string{1: "from a ", 3: "from a, b and c ", 4: "from a, b, c and others ", 6: "from a, b, c and others "} {
		f := plainFixture(120, 30)
		f.say("dana", "hello")
		f.pass(time.Hour)
		for _, who := range strings.Split("abcdef", "")[:authors] {
			f.say(who, "late", history, ago(90*time.Minute))
		}
		if text := f.screen(); !strings.Contains(text, want) {
			t.Errorf("%d authors: no %q in\n%s", authors, want, text)
		}
	}
}
