package wording

import (
	"strings"
	"testing"

	"chat.lan/p2pchat/net/event"
)

func TestFlood(t *testing.T) {
	for others, want := range []string{
		"mallory sends faster than anyone can read; others go first",
		"mallory and 1 other send faster than anyone can read; everyone else goes first",
		"mallory and 2 others send faster than anyone can read; everyone else goes first",
	} {
		n := Flood(event.Flood{Scope: event.Scope{Room: "r"}, Name: "mallory", Others: others})
		if n.Text != want || n.Level != event.Warning || n.Room != "r" || !strings.Contains(n.Hint, "/ignore") {
			t.Errorf("%+v, want %q", n, want)
		}
	}
}
