package composer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"chat.lan/p2pchat/tui/sanitize"
)

// The list shows eight candidates at most, scrolls with the chosen one and counts those below.
func TestLongListScrolls(t *testing.T) {
	p := testPane(func(before string, asked bool) (out []Candidate) {
		for i := range 12 {
			out = append(out, Candidate{Line: fmt.Sprintf("/c%d", i), Label: sanitize.Linef("c%d", i)})
		}
		return out
	})
	p.Type("/")
	show := func() (rows []string) {
		for _, row := range p.ListRows(30) {
			rows = append(rows, strings.Join(strings.Fields(ansi.Strip(row)), " "))
		}
		return rows
	}
	if rows := show(); len(rows) != maxList || rows[0] != "c0" || rows[7] != "c7 4 more" {
		t.Errorf("before Tab: %q", rows)
	}
	for range 7 {
		p.Complete(1)
	}
	if rows := show(); rows[0] != "c2" || rows[4] != "▸ c6" || rows[7] != "c9 2 more" {
		t.Errorf("after seven: %q", rows)
	}
	p.Complete(-1)
	if p.Text() != "/c5" {
		t.Errorf("Shift+Tab gives %q", p.Text())
	}
	for range 6 {
		p.Complete(1)
	}
	if rows := show(); rows[7] != "▸ c11" {
		t.Errorf("at the last: %q", rows)
	}
	if p.Complete(1); p.Text() != "/c0" {
		t.Errorf("behind the last comes %q", p.Text())
	}
}

// Shift+Tab begins with the last candidate, and a composer without focus has no list.
func TestListBackwardsAndFocus(t *testing.T) {
	p := testPane(func(before string, asked bool) []Candidate {
		return []Candidate{{Line: "/one"}, {Line: "/two"}}
	})
	p.Type("/")
	if p.Complete(-1); p.Text() != "/two" {
		t.Errorf("Shift+Tab gives %q", p.Text())
	}
	if p.SetFocus(false); p.ListHeight() != 0 || p.Text() != "/two" {
		t.Errorf("without focus the list has %d rows, the text is %q", p.ListHeight(), p.Text())
	}
}

// The text is complete already when the only candidate is the text itself: nothing is offered, unless
// the user presses Tab.
func TestCompleteTextOffersNothing(t *testing.T) {
	asked := false
	p := testPane(func(before string, tab bool) []Candidate {
		asked = asked || tab
		return []Candidate{{Line: "/help"}}
	})
	if p.Type("/hel"); p.ListHeight() != 1 || asked {
		t.Errorf("%d candidates for half a command; asked as by Tab: %v", p.ListHeight(), asked)
	}
	if p.Type("p"); p.ListHeight() != 0 {
		t.Errorf("%d candidates for a whole command", p.ListHeight())
	}
	if !p.Complete(1) || !asked {
		t.Error("Tab was not passed on")
	}
}
