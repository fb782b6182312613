package node

import (
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/replica"
	"chat.lan/p2pchat/net/store"
)

// keptBack are the notices that somebody doesn't get everything.
func keptBack(p *person) []string { return notices(p, "never here before") }

// cutShort are the notices that one doesn't get everything oneself.
func cutShort(p *person) []string { return notices(p, "only a part of the messages") }

func notices(p *person, about string) (out []string) {
	for _, n := range told[event.Notice](&p.ear) {
		if strings.Contains(n.Text, about) {
			out = append(out, n.Text)
		}
	}
	return out
}

// A key that was never met gets what arrived in the last 12 h and no more, however often it comes back,
// and it is said once. all and none do what they say. Who was there before gets everything.
func TestStrangers(t *testing.T) {
	for name, c := range map[string]struct {
		share time.Duration
		want  []string
		said  string
	}{
		"12h":  {0, []string{"an hour ago", "now"}, "last 12h"},
		"all":  {replica.ShareAll, []string{"yesterday", "also yesterday", "an hour ago", "now"}, ""},
		"none": {replica.ShareNone, []string{"now"}, "nothing that was said before"},
		"48h":  {48 * time.Hour, []string{"yesterday", "also yesterday", "an hour ago", "now"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inTown(t, 31, func(t *testing.T, w *town) {
				share := func(c2 *Config) { c2.Share = c.share }
				old := w.move(0, share)
				friendsDisk := store.NewMem(lobby, 0)
				friend := w.move(1, shelf(friendsDisk), share)
				time.Sleep(10 * time.Second)
				old.Say("yesterday")
				time.Sleep(time.Second)
				friend.Say("also yesterday")
				time.Sleep(time.Second)
				friend.leave()
				time.Sleep(12 * time.Hour)
				old.Say("an hour ago")
				time.Sleep(time.Hour)

				// The same run goes on, so what is shared begins in the middle of its feed.
				stranger := w.move(2)
				time.Sleep(10 * time.Second)
				old.Say("now")
				time.Sleep(time.Second)
				check := func(p *person, when string, want []string) {
					t.Helper()
					var got []string
					for _, l := range everything(t, p) {
						got = append(got, l.Text)
					}
					if !slices.Equal(got, want) {
						t.Errorf("%s has %q, want %q", when, got, want)
					}
				}
				check(stranger, "a stranger", c.want)
				if heard := stranger.texts(""); len(heard) == 0 || heard[len(heard)-1] != "now" {
					t.Errorf("heard %q", heard)
				}
				live := stranger.lines()[len(stranger.lines())-1]
				if live.History || live.FromName != "p0" || live.Arrived.Sub(live.Time) > 2*time.Second {
					t.Errorf("what is said now came as %+v", live)
				}
				notices := keptBack(old)
				if got := cutShort(stranger); len(got) != len(notices) || len(got) == 1 && !strings.HasPrefix(got[0], "p0 ") {
					t.Errorf("the stranger was told %q", got)
				}
				if c.said == "" && len(notices) != 0 || c.said != "" && (len(notices) != 1 || !strings.Contains(notices[0], c.said) || !strings.Contains(notices[0], "p2")) {
					t.Errorf("said %q", notices)
				}

				stranger.leave()
				stranger = w.move(2) // with nothing on disk
				time.Sleep(20 * time.Second)
				check(stranger, "once more", c.want)
				if again := keptBack(old); len(again) != len(notices) {
					t.Errorf("said again: %q", again)
				}

				friend = w.move(1, shelf(friendsDisk), share)
				time.Sleep(20 * time.Second)
				check(friend, "a friend", []string{"yesterday", "also yesterday", "an hour ago", "now"})
				if got := cutShort(friend); len(got) != 0 {
					t.Errorf("a friend was told %q", got)
				}
			})
		})
	}
}

// One's own lines one may have back, also from who never met one and gives strangers nothing.
func TestOwnLinesComeBack(t *testing.T) {
	inTown(t, 33, func(t *testing.T, w *town) {
		w.net.Block(addr(0), addr(2))
		none := func(c *Config) { c.Share = replica.ShareNone }
		author, between, keeper := w.move(0), w.move(1), w.move(2, none)
		pass(10 * time.Second)
		author.Say("mine")
		between.Say("not mine")
		pass(time.Second)
		author.leave()
		between.leave()
		w.net.Unblock(addr(0), addr(2))
		author = w.move(0) // with nothing on disk
		w.until("linked", func() bool { return author.Status().Peers == 1 && keeper.Status().Peers == 1 })
		pass(5 * time.Second)
		var got []string
		for _, l := range everything(t, author) {
			got = append(got, l.Text)
		}
		if !slices.Equal(got, []string{"mine"}) {
			t.Errorf("the author has %q", got)
		}
	})
}

// What is older than Config.Keep goes, at the start and every day, and no one is asked for it.
func TestKeep(t *testing.T) {
	inTown(t, 32, func(t *testing.T, w *town) {
		a := w.move(0, func(c *Config) { c.Keep = 36 * time.Hour; c.Share = replica.ShareAll })
		for day := range 3 {
			a.Say("day " + string(rune('0'+day)))
			time.Sleep(24 * time.Hour)
		}
		time.Sleep(time.Hour)
		var got []string
		for _, l := range everything(t, a) {
			got = append(got, l.Text)
		}
		if !slices.Equal(got, []string{"day 2"}) {
			t.Errorf("kept %q", got)
		}
		b := w.move(1)
		time.Sleep(20 * time.Second)
		if got := b.texts("p0"); !slices.Equal(got, []string{"day 2"}) {
			t.Errorf("a newcomer has %q", got)
		}
		if a.Replica.Announce().Sums != b.Replica.Announce().Sums {
			t.Error("they have the same and don't know it")
		}
		if x, y := export(t, a.Node), export(t, b.Node); x != y {
			t.Error("exports differ")
		}
	})
}
