package wording

import (
	"testing"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

func TestNotKept(t *testing.T) {
	ph := Phrases{Name: func(v event.Voter) sanitize.SafeText { return sanitize.Name(v.Name) }, Most: 3}
	bob, mallory, trent := event.Voter{Name: "bob"}, event.Voter{Name: "mallory"}, event.Voter{Name: "tr\x1bent"}
	for want, e := range map[string]event.NotKept{
		"through bob: 41,000 messages of 900 people never met, not kept": {Via: &bob, Messages: 41_000, People: 900,
			Authors: []event.Voter{mallory, trent, bob}, Strangers: true},
		"through bob: 1,234,567 messages of more than 1,024 people, not kept": {Via: &bob, Messages: 1_234_567, People: 1024,
			Authors: []event.Voter{mallory, trent, bob}, More: true},
		"through bob: 12 messages of mallory, never met, not kept": {Via: &bob, Messages: 12, People: 1,
			Authors: []event.Voter{mallory}, Strangers: true},
		"1 message of mallory, not kept": {Messages: 1, People: 1, Authors: []event.Voter{mallory}},
		"deleted 999 old messages of mallory, tr␛ent, to make space: the room takes 512 MiB": {Messages: 999, People: 2,
			Authors: []event.Voter{mallory, trent}, Deleted: true, Limit: 512 << 20},
	} {
		if got := ph.NotKept(e).String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := RoomSize(event.RoomSize{Used: 34<<20 - 1, Limit: 512 << 20}); got != "34 of 512 MiB" {
		t.Error(got)
	}
	d := event.Delivered{Peers: 1, Of: 4, NotKept: 3}
	if long, short := NotKeptBy(d); long.String() != "not kept by 3 of 4" || short.String() != "not kept by 3" {
		t.Error(long, short)
	}
	ph.Dot = sanitize.Trusted("·")
	if got, want := ph.WhyFull(event.RoomSize{Limit: 512 << 20}).String(), "people you don't know may use a quarter of the room, 128 MiB · start with a larger --room-size to keep more"; got != want {
		t.Errorf("%q", got)
	}
	ph.Dot = sanitize.Trusted("·")
	if got, want := ph.WhyNotKept(d).String(), "Your messages are not kept by 3 of 4: their room is full · it has more space for those they know, or met for a minute"; got != want {
		t.Errorf("%q", got)
	}
}
