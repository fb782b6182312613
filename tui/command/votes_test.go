package command

import (
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/vote"
)

func voting() *world {
	w := newWorld()
	id := func(digit string) string { return strings.Repeat(digit, 64) }
	at := time.Unix(1_790_000_000, 0)
	w.node.proposals = []event.Proposal{
		{ID: id("a"), Number: 3, Label: "#3", State: "passed", Time: at},
		{ID: id("b"), Number: 4, Label: "#4·bb", State: "open", CanVote: true, Time: at.Add(2)},
		{ID: id("c"), Number: 4, Label: "#4·cc", State: "open", CanVote: true, Time: at.Add(1)},
		{ID: id("d"), Number: 5, Label: "#5", State: "disputed", CanVote: true, Time: at},
	}
	return w
}

func TestVoteCommands(t *testing.T) {
	for line, want := range map[string]string{
		"/propose":                                   `propose secure_only "on" need 0 for 0s note ""`,
		"/propose we were spammed":                   `propose secure_only "on" need 0 for 0s note "we were spammed"`,
		"/propose secure-only on":                    `propose secure_only "on" need 0 for 0s note ""`,
		"/propose secure-only OFF guests come":       `propose secure_only "off" need 0 for 0s note "guests come"`,
		"/propose topic tea at five --need 3":        `propose topic "tea at five" need 3 for 0s note ""`,
		"/propose --for 10m --need=2 secure-only":    `propose secure_only "on" need 2 for 10m0s note ""`,
		"/topic use --verbose":                       `propose topic "use --verbose" need 0 for 0s note ""`,
		"/propose a -- b":                            `propose secure_only "on" need 0 for 0s note "a -- b"`,
		`/topic "tea at five"`:                       `propose topic "tea at five" need 0 for 0s note ""`,
		"/topic tea at five":                         `propose topic "tea at five" need 0 for 0s note ""`,
		"/vote 3 approve":                            "vote aaaaaaaa approve",
		"/vote #3 no":                                "vote aaaaaaaa reject",
		"/vote 1 3":                                  "vote aaaaaaaa approve",
		"/vote " + strings.Repeat("a", 64) + " true": "vote aaaaaaaa approve",
		"/vote aaaaaaaa 0":                           "vote aaaaaaaa reject",
		"/vote #4.bb yes":                            "vote bbbbbbbb approve",
		"/vote yes":                                  "vote cccccccc approve",
		"/y":                                         "vote cccccccc approve",
		"/n #4·bb":                                   "vote bbbbbbbb reject",
		"/accept #5":                                 "dispute dddddddd false",
		"/refuse 3":                                  "dispute aaaaaaaa true",
		"/cancel #3":                                 "withdraw #3",
		"/proof #3 out.json":                         "proof aaaaaaaa",
		"/evidence #3 out.json":                      "evidence aaaaaaaa",
		"/unsigned hi":                               `unsigned "hi"`,
	} {
		w := voting()
		calls, answers := w.do(line)
		if len(calls) != 1 || calls[0] != want {
			t.Errorf("%s did %q, want %s; answers %v", line, calls, want, answers)
		}
	}
}

func TestVoteCommandsThatCannotBe(t *testing.T) {
	for _, line := range []string{
		"/propose --need", "/propose --need x", "/propose --for 9", "/propose --for 25h", "/propose topic", `/topic ""`, "/propose secure-only maybe",
		"/propose topic " + strings.Repeat("x", 300), "/vote", "/vote 4 yes", "/vote #9 yes", "/propose --nede 3", "/propose secure-only on --four 3m", "/vote #3 perhaps", "/vote 1", "/vote 0", "/vote #3", "/proof #3", "/proof",
		"/accept", "/refuse #77",
	} {
		w := voting()
		calls, answers := w.do(line)
		if len(calls) != 0 || len(answers) != 1 {
			t.Errorf("%s did %q and answered %v", line, calls, answers)
			continue
		}
		if f, ok := answers[0].(Fail); !ok || f.Text == "" || f.Hint == "" {
			t.Errorf("%s: %+v, want a cause and a next step", line, answers[0])
		}
	}
	// A number that two have is answered with what each of them is.
	w := voting()
	for i := range w.node.proposals {
		q := &w.node.proposals[i]
		q.Slot, q.Action, q.By.Name = "topic", q.ID[:1], "dana"
	}
	if _, answers := w.do("/y 4"); len(answers) != 1 || !strings.Contains(answers[0].(Fail).Text, `#4·bb (topic "b", by dana), #4·cc (topic "c", by dana)`) {
		t.Errorf("%+v", answers)
	}
	if _, answers := w.do("/vote #5"); !strings.Contains(answers[0].(Fail).Hint, "/vote #5 yes") {
		t.Errorf("%+v", answers)
	}
	// Nothing open: "yes" says so.
	w = newWorld()
	if calls, answers := w.do("/y"); len(calls) != 0 || len(answers) != 1 {
		t.Errorf("%q, %v", calls, answers)
	}
}

func TestAsk(t *testing.T) {
	w := voting()
	var asked []string
	w.env.Ask = Ask{
		Propose: func(v vote.Draft) { asked = append(asked, "propose "+v.Action) },
		Vote:    func(p event.Proposal, c vote.Choice) { asked = append(asked, "vote "+p.Label+" "+c.String()) },
	}
	for _, line := range []string{"/propose", "/topic tea", "/y", "/vote #5 no"} {
		if calls, _ := w.do(line); len(calls) != 0 {
			t.Errorf("%s went at once: %q", line, calls)
		}
	}
	if got := strings.Join(asked, ", "); got != "propose on, propose tea, vote #4·cc approve, vote #5 reject" {
		t.Error(got)
	}
}
