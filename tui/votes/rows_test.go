package votes_test

import (
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/vote"
)

// text returns the pane's rows without styles.
func (c *clocked) text() []string {
	rows := c.Rows()
	for i := range rows {
		rows[i] = strings.TrimRight(ansi.Strip(rows[i]), " ")
	}
	return rows
}

// The subject of a vote is the last to be cut: first its clock goes, then the count of its row.
func TestRowAtWidths(t *testing.T) {
	for _, c := range []struct {
		width int
		want  []string
	}{
		{30, []string{"▍Proposals 1 to answer", " #6 topic            2/3  1:41", " #7 secure-only   DISPUTED 1/1"}},
		{22, []string{"▍Proposals 1 to answer", " #6 topic    2/3  1:41", " #7 secure-o… DISPUTED"}},
		{16, []string{"▍Proposals 1 to…", " #6 topic    2/3", " #7 se… DISPUTED"}},
	} {
		p := newClocked(theme.Look{Profile: termenv.Ascii})
		p.SetSize(c.width, 3)
		p.SetFocus(true)
		p.SetProposal(room()[2])
		disputed := room()[3]
		p.SetProposal(disputed)
		p.MoveSelection(0)
		got := p.text()
		for i := range got {
			got[i] = strings.Replace(got[i], "▸", " ", 1)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%d cells (-want +got)\n%s", c.width, diff)
		}
	}
}

func TestRowByState(t *testing.T) {
	for state, want := range map[vote.Status]string{
		"open": "2/3 1:41", "passed": "PASSED 2/5", "rejected": "REJECTED 2/5", "expired": "EXPIRED 2/5",
		"cancelled": "CANCELLED 2/5", "disputed": "DISPUTED 2/5", "ended": "ENDED 2/5",
	} {
		p := newClocked(theme.Look{Profile: termenv.Ascii})
		p.SetSize(40, 2)
		q := room()[2]
		q.State = state
		p.SetProposal(q)
		if got := strings.Join(strings.Fields(p.text()[1]), " "); got != "#6 topic "+want {
			t.Errorf("a vote that is %s has the row %q, want it to end in %q", state, got, want)
		}
	}
}

// What wants an answer comes first, then what is open, then the rest, the newest first in each.
func TestOrderOfVotes(t *testing.T) {
	p := newClocked(theme.Look{Profile: termenv.Ascii})
	p.SetSize(40, 6)
	for _, q := range room() {
		p.SetProposal(q)
	}
	var got []string
	for _, row := range p.text()[1:5] {
		got = append(got, strings.Fields(row)[0])
	}
	if diff := cmp.Diff([]string{"#6", "#7", "#4·7f", "#3"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := p.Len(); n != 4 {
		t.Errorf("%d votes of 4", n)
	}
}

// A low pane scrolls with the selection, which stops at both ends.
func TestSelectionScrolls(t *testing.T) {
	p := newClocked(theme.Look{Profile: termenv.Ascii})
	p.SetSize(40, 3)
	p.SetFocus(true)
	if p.MoveSelection(1); len(p.text()) != 3 {
		t.Errorf("an empty pane has %d rows", len(p.text()))
	}
	if _, ok := p.Selected(); ok {
		t.Error("a vote is selected in an empty pane")
	}
	for _, q := range room() {
		p.SetProposal(q)
	}
	p.MoveSelection(-9)
	if rows := p.text(); !strings.HasPrefix(rows[1], "▸#6") {
		t.Errorf("at the beginning: %q", rows)
	}
	p.MoveSelection(9)
	if rows := p.text(); !strings.HasPrefix(rows[2], "▸#3") || !strings.HasPrefix(rows[1], " #4") {
		t.Errorf("at the end: %q", rows)
	}
	p.SetFocus(false)
	if rows := strings.Join(p.text(), "\n"); strings.Contains(rows, "▸") {
		t.Errorf("a selection is marked without the focus:\n%s", rows)
	}
}

func TestTitleSaysWhatIsMissing(t *testing.T) {
	p := newClocked(theme.Look{Profile: termenv.Ascii})
	p.SetSize(40, 3)
	if rows := p.text(); rows[0] != " Proposals" || !strings.Contains(rows[1], "None yet. F4 proposes:") {
		t.Errorf("an empty pane is %q", rows)
	}
	q := room()[2]
	p.SetProposal(q)
	if got := p.text()[0]; got != " Proposals 1 to answer" {
		t.Errorf("before the answer the title is %q", got)
	}
	q.CanVote = false
	p.SetProposal(q)
	if got := p.text()[0]; got != " Proposals 1 open" {
		t.Errorf("after the answer the title is %q", got)
	}
	p.now = q.Closes
	if got := p.text()[0]; got != " Proposals" {
		t.Errorf("after the vote the title is %q", got)
	}
}

// The preview warns of an open vote that asks the same, and of a vote that passes at once.
func TestPreviewWarns(t *testing.T) {
	p := newClocked(theme.Look{Profile: termenv.Ascii})
	draft := room()[2]
	preview := func() string { return ansi.Strip(strings.Join(p.PreviewRows(draft, 100), "\n")) }
	if got := preview(); strings.Contains(got, "asks the same") || !strings.Contains(got, "3 of 5 approvals, yours goes with it") || !strings.Contains(got, "2:41 after it is sent") {
		t.Errorf("the preview is\n%s", got)
	}
	p.SetProposal(room()[2])
	if got := preview(); !strings.Contains(got, "#6 by dana asks the same and is open") {
		t.Errorf("with an open vote of the same subject the preview is\n%s", got)
	}
	p.now = room()[2].Closes
	if got := preview(); strings.Contains(got, "asks the same") {
		t.Errorf("after that vote has closed the preview is\n%s", got)
	}
	draft.Need = 1
	if got := preview(); !strings.Contains(got, "your own approval: it passes at once") {
		t.Errorf("for a vote that passes at once the preview is\n%s", got)
	}
}

// A vote in full shows each voter's choice, and how far it is from ending the votes it names.
func TestDetailShowsVoters(t *testing.T) {
	p := newClocked(theme.Look{Profile: termenv.Ascii})
	q := room()[2]
	q.Note, q.Roll[1].Choice = "before the release", vote.Both
	q.Ends = []event.Ending{{Label: "#3", Need: 2, Have: 1, Whose: q.Roll[:2]}}
	got := ansi.Strip(strings.Join(p.DetailRows(q, 100), "\n"))
	for _, want := range []string{
		"note      before the release", "✓ alice                yes", "⚠ bob                  voted twice", "✗ eve                  no", "○ you                  not yet",
		"ends #3   1 of 2 approvals", "(alice, bob)", "closes    in 1:41",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the details lack %q:\n%s", want, got)
		}
	}
	q.State = "expired"
	if got := ansi.Strip(strings.Join(p.DetailRows(q, 100), "\n")); !strings.Contains(got, "undecided: propose it again") || strings.Contains(got, "closes ") {
		t.Errorf("an expired vote in full is\n%s", got)
	}
}

func TestTimeLeftKeepsItsWidth(t *testing.T) {
	p := newClocked(theme.Look{Profile: termenv.Ascii})
	p.SetSize(40, 2)
	q := room()[2]
	for _, left := range []time.Duration{0, time.Second, 9 * time.Minute, 59 * time.Minute, time.Hour, 23 * time.Hour} {
		q.Closes = start.Add(left)
		p.SetProposal(q)
		if row := p.text()[1]; ansi.StringWidth(row) != 40 || !strings.Contains(row, " 2/3 ") {
			t.Errorf("with %v left the row is %q", left, row)
		}
	}
}
