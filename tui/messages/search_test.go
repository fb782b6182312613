package messages

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"chat.lan/p2pchat/tui/sanitize"
)

func TestSearch(t *testing.T) {
	f := plainFixture(60, 6)
	for i := range 40 {
		text := "hay"
		if i%10 == 5 {
			text = "hay and a NEEDLE"
		}
		f.say("bob", text)
	}
	f.ScrollLines(-7)
	was := f.screen()
	if n := f.Search("needle"); n != 4 {
		t.Fatalf("%d hits of 4", n)
	}
	if at, of := f.HitPosition(); at != 0 || of != 4 {
		t.Errorf("before the first jump it is at %d of %d", at, of)
	}
	f.NextHit(1)
	at, _ := f.HitPosition()
	if l, ok := f.Selected(); !ok || !contains(l.Text, "NEEDLE") || !contains(f.screen(), "▸") {
		t.Errorf("no hit is selected at %d:\n%s", at, f.screen())
	}
	f.NextHit(-1)
	if now, _ := f.HitPosition(); now != at-1 {
		t.Errorf("from hit %d back it went to %d", at, now)
	}
	f.say("bob", "another needle")
	if _, of := f.HitPosition(); of != 5 {
		t.Errorf("%d hits after another arrived", of)
	}
	f.say("dana", "an older needle", history, ago(hours(1)))
	if now, _ := f.HitPosition(); now != at {
		t.Errorf("a hit above moved the one that is shown from %d to %d", at, now)
	}
	at++
	f.NextHit(-(at - 1))
	if now, _ := f.HitPosition(); now != 6 {
		t.Errorf("it doesn't go round: %d", now)
	}
	f.CancelSearch()
	if _, ok := f.Selected(); ok || !sameBut(was, f.screen()) {
		t.Errorf("it didn't go back to\n%s\nbut to\n%s", was, f.screen())
	}
	if f.Search("nothing like it") != 0 {
		t.Error("a text that isn't there was found")
	}
}

// sameBut compares screens, but for the row that counts the entries below.
func sameBut(a, b string) bool {
	return a[:strings.LastIndexByte(a, '\n')] == b[:strings.LastIndexByte(b, '\n')]
}

func TestHitsFollowTheirMessages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := plainFixture(60, 6)
		f.Search("x")
		for range rapid.IntRange(1, 30).Draw(t, "lines") {
			text := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "text")
			who := rapid.SampledFrom([]string{"bob", "dana"}).Draw(t, "who")
			switch rapid.IntRange(0, 4).Draw(t, "how") {
			case 0, 1:
				f.say(who, text)
			case 2:
				f.say(who, text, history, ago(hours(rapid.IntRange(0, 9).Draw(t, "hours"))))
			case 3:
				f.SetIgnored(f.key(who).ID().String(), rapid.Bool().Draw(t, "ignored"))
			case 4:
				f.NextHit(rapid.SampledFrom([]int{-1, 1}).Draw(t, "delta"))
			}
			at, of := f.HitPosition()
			want := 0
			for i, e := range f.log.entries {
				if e.kind == messageEntry && e.text == "x" {
					if want >= len(f.finder.hits) || f.finder.hits[want] != i {
						t.Fatalf("hits %v miss line %d", f.finder.hits, i)
					}
					want++
				}
			}
			if want != of || at > of || at < 0 {
				t.Fatalf("found %d of %d, there are %d", at, of, want)
			}
		}
	})
}

func TestMentions(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"alice", "alice", true},
		{"alice", "hi @Alice!", true},
		{"alice", "ALICE, look", true},
		{"alice", "malice", false},
		{"alice", "alices", false},
		{"alice", "alice_2", false},
		{"alice", "mail@alice.example", false},
		{"alice", "mail@alice, and alice", true},
		{"alice", "", false},
		{"Zoë", "zoË?", true},
		{"Zoë", "zoë\u0301", false},
		{"日本", "日本", true},
		{"al b", "ask Al B now", true},
		{"a.b", "a-b", false},
	} {
		f := plainFixture(60, 6)
		f.name = c.name
		if got := f.Mentions(c.text); got != c.want {
			t.Errorf("%q mentions %q: %v", c.text, c.name, got)
		}
	}
	f := newFixture(60, 6, dark)
	f.say("bob", "hi alice")
	hit := f.cfg.Theme.Mention.Render(sanitize.Trusted("alice"))
	if !contains(f.Rows()[5], hit) {
		t.Errorf("a mention is not marked: %q", f.Rows()[5])
	}
	f.pass(time.Second)
	f.say("alice", "I, alice")
	if contains(f.Rows()[5], hit) {
		t.Errorf("the own name is marked in an own message: %q", f.Rows()[5])
	}
}

// Every highlight covers exactly the text looked for, however the message is wrapped.
func TestSpansStayOnTheText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFixture(rapid.IntRange(20, 60).Draw(t, "w"), 30, dark)
		text := rapid.StringOf(rapid.SampledFrom([]rune("ab b \n日é👩\u200d🚀x\u0301"))).Draw(t, "text")
		f.say("bob", text)
		f.Search(rapid.StringMatching(`[ab日]{1,2}`).Draw(t, "query"))
		marked := f.screen()
		f.CancelSearch()
		plain := f.screen()
		if strings.ReplaceAll(marked, "▍", " ") != strings.ReplaceAll(plain, "▍", " ") {
			t.Fatalf("marking changed the text:\n%s\n%s", plain, marked)
		}
	})
}
