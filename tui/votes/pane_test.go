package votes_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/tui/votes"
	"chat.lan/p2pchat/vote"
)

var update = flag.Bool("update", false, "write the goldens anew")

var start = time.Date(2026, 11, 21, 12, 55, 0, 0, time.UTC)

func voter(name string, n byte, choice vote.Choice) event.Voter {
	return event.Voter{Key: identity.FromSeed([32]byte{n}).Key(), Name: name, Choice: choice, Here: true}
}

func pane(look theme.Look) *votes.Pane {
	return votes.New(votes.Config{
		Theme: theme.New(look), Now: func() time.Time { return start },
		Label: func(v event.Voter) sanitize.SafeText { return sanitize.Name(v.Name) },
	})
}

func room() []event.Proposal {
	alice, bob, dana, eve := voter("alice", 1, vote.Approve), voter("bob", 2, vote.None), voter("dana", 3, vote.Approve), voter("eve", 4, vote.Reject)
	you := voter("you", 5, vote.None)
	roll := []event.Voter{alice, bob, dana, eve, you}
	return []event.Proposal{
		{ID: "1", Number: 3, Label: "#3", Slot: "secure_only", Action: "on", By: bob, State: "passed", Yes: 5, Need: 4, Roll: roll, Time: start.Add(-2 * time.Hour), Closes: start.Add(-time.Hour)},
		{ID: "2", Number: 4, Label: "#4·7f", Slot: "topic", Action: "lunch at 1", By: eve, State: "expired", Yes: 1, Need: 3, Roll: roll, Time: start.Add(-time.Hour), Closes: start.Add(-50 * time.Minute)},
		{ID: "3", Number: 6, Label: "#6", Slot: "topic", Action: "freeze at 5", By: dana, State: "open", Yes: 2, No: 1, Need: 3, Roll: roll, Time: start.Add(-time.Minute), Closes: start.Add(101 * time.Second), CanVote: true},
		{ID: "4", Number: 7, Label: "#7", Slot: "secure_only", Action: "on", By: eve, State: "disputed", Yes: 1, Need: 1, Roll: []event.Voter{eve}, LeftOut: []event.Voter{bob, you}, Time: start.Add(-time.Second), Closes: start.Add(time.Hour)},
	}
}

func TestGolden(t *testing.T) {
	for _, look := range []theme.Look{{Profile: termenv.Ascii}, {Profile: termenv.Ascii, ASCII: true}} {
		for _, w := range []int{40, 60, 80, 120} {
			p := pane(look)
			p.SetSize(min(w, 26), 6)
			p.SetFocus(true)
			for _, q := range room() {
				p.SetProposal(q)
			}
			p.MoveSelection(1)
			var out []string
			part := func(name string, rows []string) { out = append(append(out, "== "+name), rows...) }
			part("pane", p.Rows())
			part("banner", p.BannerRows(w, votes.PendingBallot{}))
			part("held", p.BannerRows(w, votes.PendingBallot{Proposal: "3", Choice: vote.Approve, Until: start.Add(4 * time.Second)}))
			q, _ := p.Proposal("3")
			part("detail", p.DetailRows(q, w))
			q, _ = p.Proposal("4")
			part("disputed", p.DetailRows(q, w))
			draft := room()[2]
			draft.ID, draft.Slot, draft.Action, draft.Silenced = "", "secure_only", "off", 2
			draft.Ends = []event.Ending{{Label: "#3", Need: 3, Whose: draft.Roll[:2]}}
			part("preview", p.PreviewRows(draft, w))
			got := strings.Join(out, "\n") + "\n"
			name := filepath.Join("testdata", fmt.Sprintf("%d-ascii=%v.txt", w, look.ASCII))
			if *update {
				os.MkdirAll("testdata", 0o755)
				os.WriteFile(name, []byte(got), 0o644)
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs: run with -update and look\n%s", name, got)
			}
		}
	}
}

// Whatever the size and the names, the pane has its rows, nothing is too wide, and the banner has its
// keys.
func TestNothingIsTooWide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pane(theme.Look{Profile: termenv.ANSI256, ASCII: rapid.Bool().Draw(t, "ascii")})
		w, h := rapid.IntRange(20, 300).Draw(t, "w"), rapid.IntRange(0, 20).Draw(t, "h")
		p.SetSize(w, h)
		hostile := rapid.StringOf(rapid.SampledFrom([]rune("ab \x1b[31m日\u202e\u200d👩🚀é\n\x07")))
		for i := range rapid.IntRange(0, 30).Draw(t, "n") {
			q := rapid.SampledFrom(room()).Draw(t, "q")
			q.ID = fmt.Sprint(i)
			q.Action, q.Note = hostile.Draw(t, "action"), hostile.Draw(t, "note")
			q.By.Name = hostile.Draw(t, "name")
			p.SetProposal(q)
			p.MoveSelection(rapid.IntRange(-3, 3).Draw(t, "move"))
		}
		p.SetFocus(rapid.Bool().Draw(t, "focus"))
		rows := p.Rows()
		if len(rows) != h {
			t.Fatalf("%d rows, want %d", len(rows), h)
		}
		banner := p.BannerRows(w, votes.PendingBallot{})
		if len(banner) > 0 && w >= 36 && !strings.Contains(ansi.Strip(banner[len(banner)-1]), "F3 who") {
			t.Fatalf("no keys in %q", banner)
		}
		rows = append(rows, banner...)
		if q, ok := p.Selected(); ok {
			held := p.BannerRows(w, votes.PendingBallot{Proposal: q.ID, Choice: vote.Reject, Until: start.Add(4 * time.Second)})
			if text := ansi.Strip(held[0]); w >= 36 && !(strings.Contains(text, "no") && strings.Contains(text, "in 4 s") && strings.Contains(text, "Esc takes it back")) {
				t.Fatalf("the choice, the time left or the key to undo it is missing: %q", text)
			}
			rows = append(rows, held...)
		}
		if q, ok := p.Selected(); ok {
			rows = append(rows, p.DetailRows(q, w)...)
			rows = append(rows, p.PreviewRows(q, w)...)
		}
		for _, r := range rows {
			if n := ansi.StringWidth(r); n > w {
				t.Fatalf("%d cells of %d: %q", n, w, r)
			}
		}
	})
}

func TestSelectionStays(t *testing.T) {
	p := pane(theme.Look{})
	p.SetSize(26, 5)
	all := room()
	p.SetProposal(all[0])
	p.MoveSelection(0)
	p.SetProposal(all[2])
	if q, _ := p.Selected(); q.ID != "1" {
		t.Errorf("a new proposal moved the selection to %s", q.ID)
	}
	if q, ok := p.BannerProposal(); !ok || q.ID != "3" {
		t.Errorf("asked about %v", q.ID)
	}
	all[2].CanVote = false
	p.SetProposal(all[2])
	if _, ok := p.BannerProposal(); ok {
		t.Error("still asked after the answer")
	}
	if open, mine := p.CountOpen(); open != 1 || mine != 0 {
		t.Errorf("%d open, %d to answer", open, mine)
	}
}

// However many votes one author opens, the user is asked about 32 at most, and other authors' votes
// are among these.
func TestAskedVotesAreBounded(t *testing.T) {
	p := pane(theme.Look{})
	flood, honest := voter("mallory", 9, vote.Approve), voter("dana", 3, vote.Approve)
	q := event.Proposal{Slot: vote.Topic, State: vote.StatusOpen, Closes: start.Add(time.Hour), CanVote: true}
	for i := range 100 {
		q.ID, q.By, q.Time = fmt.Sprintf("flood%02d", i), flood, start.Add(time.Duration(i)*time.Second)
		p.SetProposal(q)
	}
	q.ID, q.By, q.Time = "honest", honest, start.Add(time.Hour/2)
	p.SetProposal(q)
	if open, mine := p.CountOpen(); open != 101 || mine != vote.MaxPrompts {
		t.Errorf("%d open, %d wait for an answer", open, mine)
	}
	if !p.Asks("honest") || !p.Asks("flood30") || p.Asks("flood31") {
		t.Error("the user is asked about others than each author's oldest")
	}
	q.CanVote = false
	p.SetProposal(q)
	if _, mine := p.CountOpen(); mine != vote.MaxPrompts || !p.Asks("flood31") {
		t.Error("an answer makes no room for the next vote")
	}
}

// A proposal in full names only keys that work. While the pane has the focus these are a and r. F1 and F2
// answer the proposal of the banner, and a disputed proposal takes a command.
func TestDetailNamesKeysThatWork(t *testing.T) {
	p := pane(theme.Look{})
	all := room()
	second := all[2]
	second.ID, second.Label, second.Time = "5", "#8", start
	all = append(all, second)
	for _, q := range all {
		p.SetProposal(q)
	}
	all[3].CanVote = true
	for _, c := range []struct {
		q     event.Proposal
		focus bool
		want  string
	}{
		{all[2], true, " a approves  r rejects  Esc closes"},
		{all[2], false, " F1 yes  F2 no  Esc closes"},
		{second, true, " a approves  r rejects  Esc closes"},
		{second, false, " /vote #8 yes  /vote #8 no  Esc closes"},
		{all[3], true, " /accept #7 follows it, /vote #7 yes votes on it  Esc closes"},
		{all[0], true, " c shows the certificate  e saves it  Esc closes"},
		{all[0], false, " /proof #3 FILE saves the certificate  Esc closes"},
		{all[1], true, " Esc closes"},
	} {
		p.SetFocus(c.focus)
		rows := p.DetailRows(c.q, 80)
		if got := ansi.Strip(rows[len(rows)-1]); got != c.want {
			t.Errorf("%s with focus %v: %q, want %q", c.q.Label, c.focus, got, c.want)
		}
	}
}

// Secure-only off that has passed still asks for approvals that it needs to end the votes it names.
func TestPassedVoteAsksForMissingApprovals(t *testing.T) {
	p := pane(theme.Look{})
	q := room()[2]
	q.ID, q.Label, q.Slot, q.Action, q.State, q.CanVote = "off", "#9", "secure_only", "off", "passed", true
	q.Ends = []event.Ending{{Label: "#4", Need: 2, Have: 1, Whose: q.Roll}}
	p.SetProposal(q)
	if _, mine := p.CountOpen(); mine != 1 {
		t.Errorf("%d to answer", mine)
	}
	for _, w := range []int{120, 80} {
		banner := ansi.Strip(strings.Join(p.BannerRows(w, votes.PendingBallot{}), "\n"))
		if !strings.Contains(banner, "#4 ends with 1 more of ") || !strings.Contains(banner, "F1 yes") {
			t.Errorf("at %d cells: %s", w, banner)
		}
		for _, v := range q.Roll {
			if v.Choice != vote.None && strings.Contains(banner, "more of "+v.Name) {
				t.Errorf("it asks %s again, after a vote: %s", v.Name, banner)
			}
		}
	}
	q.Closes = start
	p.SetProposal(q)
	if _, ok := p.BannerProposal(); ok {
		t.Error("it asks though its time is over")
	}
}

// The banner drops a vote whose time is over, even before the event of its end.
func TestBannerDropsClosedVote(t *testing.T) {
	p := pane(theme.Look{})
	q := room()[2]
	q.Closes = start
	p.SetProposal(q)
	if q, ok := p.BannerProposal(); ok {
		t.Errorf("asked about %s, which closed", q.ID)
	}
	if open, mine := p.CountOpen(); open != 0 || mine != 0 {
		t.Errorf("%d open, %d to answer", open, mine)
	}
}
