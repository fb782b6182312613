package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/archive"
	"chat.lan/p2pchat/net/event"
)

// texts returns what messages say.
func texts(lines []event.Line) (out []string) {
	for _, l := range lines {
		out = append(out, l.Text)
	}
	return out
}

// History goes back a page at a time, each message once and in order. Records that aren't messages take no
// place in it.
func TestHistory(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		var want []string
		for i := range 25 {
			if err := a.Rename(fmt.Sprint("a", i)); err != nil {
				t.Fatal(err)
			}
			want = append(want, n.say(a, fmt.Sprint("from a ", i))...)
			pass(time.Second)
			want = append(want, n.say(b, fmt.Sprint("from b ", i))...)
			pass(time.Second)
		}
		var got []string
		var before event.Place
		for pages := 0; ; pages++ {
			lines, err := b.History(t.Context(), before, 7)
			if err != nil {
				t.Fatal(err)
			}
			got = append(texts(lines), got...)
			for _, l := range lines {
				if !l.History || l.Signature != event.Verified || l.Own != (l.From == b.key()) || l.Arrived.IsZero() {
					t.Fatalf("%+v", l)
				}
			}
			if len(lines) < 7 {
				if pages != 7 {
					t.Errorf("%d pages", pages)
				}
				break
			}
			before = lines[0].Place
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d messages %q", len(got), got)
		}
		lines, _ := b.History(t.Context(), event.Place{}, 2)
		if len(lines) != 2 || lines[0].FromName != "a24" || lines[1].Text != "from b 24" {
			t.Errorf("%+v", lines)
		}
	})
}

// Search finds messages whatever their case, the nearest last, and at most as many as asked for.
func TestSearch(t *testing.T) {
	inBubble(t, 1, func(t *testing.T, n *net) {
		a := n.members[0]
		n.say(a, "Tea at five", "coffee", "no TEA for me", "later", "tea again")
		find := func(before event.Place, max int) []event.Line {
			t.Helper()
			out, err := a.Search(t.Context(), "tea", before, max)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		all := find(event.Place{}, 10)
		if got := strings.Join(texts(all), "|"); got != "Tea at five|no TEA for me|tea again" || !all[0].History {
			t.Errorf("found %s", got)
		}
		if got := strings.Join(texts(find(event.Place{}, 2)), "|"); got != "no TEA for me|tea again" {
			t.Errorf("found %s", got)
		}
		if got := strings.Join(texts(find(all[2].Place, 2)), "|"); got != "Tea at five|no TEA for me" {
			t.Errorf("found %s", got)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := a.Search(ctx, "tea", event.Place{}, 10); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}

// An export is an archive that verifies, and two members that are level write the same.
func TestExport(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		n.say(a, "old")
		pass(time.Hour)
		since := time.Now()
		n.say(b, "new")
		pass(time.Second)
		export := func(m *member, since time.Time, text bool) (string, int) {
			var out bytes.Buffer
			count, err := m.Export(t.Context(), &out, since, text)
			if err != nil {
				t.Fatal(err)
			}
			return out.String(), count
		}
		x, count := export(a, time.Time{}, false)
		y, _ := export(b, time.Time{}, false)
		if x != y || count != 4 || strings.Count(x, "\n") != 4 {
			t.Errorf("%d records; the same: %v", count, x == y)
		}
		if r, err := archive.Verify(strings.NewReader(x)); err != nil || r.Flaw != nil || r.Feeds != 2 {
			t.Errorf("%+v, %v", r, err)
		}
		if x, count := export(a, since, false); count != 2 || strings.Contains(x, "old") {
			t.Errorf("%d records since then: %s", count, x)
		}
		if x, _ := export(a, time.Time{}, true); !strings.Contains(x, "old") || !strings.Contains(x, "p1") || strings.Contains(x, "{") {
			t.Errorf("for reading:\n%s", x)
		}
	})
}
