package votes_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/tui/votes"
	"chat.lan/p2pchat/vote"
)

// clocked is a pane with a clock that tests move.
type clocked struct {
	*votes.Pane
	now time.Time
}

func newClocked(look theme.Look) *clocked {
	c := &clocked{now: start}
	c.Pane = votes.New(votes.Config{
		Theme: theme.New(look), Now: func() time.Time { return c.now },
		Label: func(v event.Voter) sanitize.SafeText { return sanitize.Name(v.Name) },
	})
	return c
}

// banner returns the banner without styles.
func (c *clocked) banner(w int, held votes.PendingBallot) []string {
	rows := c.BannerRows(w, held)
	for i := range rows {
		rows[i] = ansi.Strip(rows[i])
	}
	return rows
}

func TestNoBannerWithoutAVote(t *testing.T) {
	p := newClocked(theme.Look{})
	if rows := p.BannerRows(80, votes.PendingBallot{}); rows != nil {
		t.Errorf("without votes the banner is %q", rows)
	}
	decided := room()[0]
	p.SetProposal(decided)
	if rows := p.BannerRows(80, votes.PendingBallot{}); rows != nil {
		t.Errorf("nothing wants an answer, and the banner is %q", rows)
	}
}

// Names give way to the count, the clock and the keys, which stay whole at every width.
func TestBannerWithLongNames(t *testing.T) {
	p := newClocked(theme.Look{Profile: termenv.Ascii})
	q := room()[2]
	q.By.Name = strings.Repeat("a very long name ", 3)
	q.Action = strings.Repeat("an even longer topic ", 4)
	for i := range q.Roll {
		q.Roll[i].Name = fmt.Sprintf("voter number %d with a name that goes on", i)
	}
	p.SetProposal(q)
	for w := 36; w <= 240; w++ {
		rows := p.banner(w, votes.PendingBallot{})
		if len(rows) == 0 || len(rows) > 2 {
			t.Fatalf("in %d cells the banner has %d rows", w, len(rows))
		}
		text := strings.Join(rows, "\n")
		for _, want := range []string{"#6", "1:41", "F1 yes F2 no F3 who"} {
			if !strings.Contains(text, want) {
				t.Errorf("in %d cells the banner lacks %q:\n%s", w, want, text)
			}
		}
		if w >= 60 && !strings.Contains(text, "2 yes 1 no · need 3 of 5") || w < 60 && !strings.Contains(text, "2/3") {
			t.Errorf("in %d cells the banner lacks the count:\n%s", w, text)
		}
		for _, row := range rows {
			if n := ansi.StringWidth(row); n != w {
				t.Errorf("in %d cells a row takes %d: %q", w, n, row)
			}
		}
	}
}

// The bar is full only when the vote has what it needs.
func TestBannerBarIsNotFullTooEarly(t *testing.T) {
	for _, c := range []struct{ yes, need, full int }{{0, 3, 0}, {1, 16, 0}, {2, 3, 5}, {15, 16, 7}, {16, 16, 8}, {9, 3, 8}, {1, 0, 8}} {
		p := newClocked(theme.Look{Profile: termenv.Ascii})
		q := room()[2]
		q.Yes, q.Need = c.yes, c.need
		p.SetProposal(q)
		text := strings.Join(p.banner(100, votes.PendingBallot{}), "\n")
		if got := strings.Count(text, "▓"); got != c.full || strings.Count(text, "░") != 8-c.full {
			t.Errorf("%d of %d fill %d of 8 cells, want %d:\n%s", c.yes, c.need, got, c.full, text)
		}
	}
}

func TestBannerCountsDown(t *testing.T) {
	p := newClocked(theme.Look{Profile: termenv.Ascii})
	q := room()[2]
	for _, c := range []struct {
		left time.Duration
		want string
	}{
		{101 * time.Second, "  1:41 "}, {time.Second, "  0:01 "}, {59*time.Minute + 59*time.Second, " 59:59 "},
		{time.Hour, "  1h00 "}, {99 * time.Hour, " 99h00 "},
	} {
		q.Closes = start.Add(c.left)
		p.SetProposal(q)
		if text := strings.Join(p.banner(80, votes.PendingBallot{}), "\n"); !strings.Contains(text, c.want+" F1 yes") {
			t.Errorf("with %v left the banner lacks %q:\n%s", c.left, c.want, text)
		}
	}
	p.now = q.Closes
	if rows := p.BannerRows(80, votes.PendingBallot{}); rows != nil {
		t.Errorf("a vote that has closed keeps its banner: %q", rows)
	}
}

// While a ballot can be undone the banner names the choice, the seconds left and the key.
func TestBannerOfAPendingBallot(t *testing.T) {
	p := newClocked(theme.Look{Profile: termenv.Ascii})
	q := room()[2]
	q.Action = strings.Repeat("long topic ", 10)
	p.SetProposal(q)
	held := votes.PendingBallot{Proposal: q.ID, Choice: vote.Reject, Until: start.Add(votes.UndoDelay)}
	for seconds := 5; seconds >= 0; seconds-- {
		p.now = held.Until.Add(-time.Duration(seconds) * time.Second)
		for _, w := range []int{36, 40, 60, 80, 120, 200} {
			rows := p.banner(w, held)
			if len(rows) != 1 || ansi.StringWidth(rows[0]) != w {
				t.Fatalf("in %d cells the banner is %q", w, rows)
			}
			want := fmt.Sprintf("no in %d s", seconds)
			if w >= 60 {
				want = fmt.Sprintf("your no is signed in %d s", seconds)
			}
			if !strings.Contains(rows[0], want) || !strings.HasSuffix(rows[0], " Esc takes it back ") || !strings.Contains(rows[0], "#6") {
				t.Errorf("in %d cells with %d s left the banner is %q", w, seconds, rows[0])
			}
		}
	}
	p.now = held.Until.Add(time.Minute)
	if rows := p.banner(80, held); !strings.Contains(rows[0], "in 0 s") {
		t.Errorf("past its time the ballot shows %q", rows[0])
	}
	if rows := p.banner(80, votes.PendingBallot{}); len(rows) == 1 && strings.Contains(rows[0], "Esc") {
		t.Errorf("after the undo the banner is %q", rows[0])
	}
}

// A disputed vote names the voters it leaves out, and offers no key that answers it.
func TestBannerOfADisputedVote(t *testing.T) {
	p := newClocked(theme.Look{Profile: termenv.Ascii})
	q := room()[3]
	q.CanVote = true
	p.SetProposal(q)
	for _, w := range []int{50, 80, 160} {
		text := strings.Join(p.banner(w, votes.PendingBallot{}), "\n")
		if !strings.Contains(text, "leaves out bob") || !strings.Contains(text, "F3 who") || strings.Contains(text, "F1") {
			t.Errorf("in %d cells the banner is\n%s", w, text)
		}
	}
}

// Under NO_COLOR the banner and the pane have no control sequence, and with ASCII no other glyph.
func TestNoColourAndASCII(t *testing.T) {
	p := newClocked(theme.Look{Profile: termenv.Ascii, ASCII: true})
	p.SetSize(26, 6)
	p.SetFocus(true)
	for _, q := range room() {
		q.Label = strings.ReplaceAll(q.Label, "·", "-")
		p.SetProposal(q)
	}
	rows := append(p.Rows(), p.BannerRows(80, votes.PendingBallot{})...)
	q, _ := p.Selected()
	rows = append(append(rows, p.DetailRows(q, 60)...), p.PreviewRows(q, 60)...)
	for _, row := range rows {
		for _, r := range row {
			if r < ' ' || r > '~' {
				t.Errorf("%q has %q in it", row, r)
			}
		}
	}
	p.SetTheme(theme.New(theme.Look{Profile: termenv.ANSI256}))
	if row := p.BannerRows(80, votes.PendingBallot{})[0]; !strings.HasPrefix(row, "\x1b[") {
		t.Errorf("with colours the banner is %q", row)
	}
}
