package conversation

import (
	"errors"
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
)

func TestSearchFindsAsAPersonTypes(t *testing.T) {
	r := newRoom(t, remembered(20)...)
	r.c.Search.Open()
	for _, step := range []struct{ keys, want string }{
		{"memory 1", "Search: memory 1"},
		{"9", "1 found · Enter: the last"},
		{"x", "nothing found"},
	} {
		r.typeQuery(step.keys)
		if got := r.prompt(); !strings.Contains(got, step.want) {
			t.Errorf("after %q the prompt is %q, want %q", step.keys, got, step.want)
		}
	}
	r.c.Search.Edit(tea.KeyMsg{Type: tea.KeyBackspace})
	if got := r.prompt(); !strings.HasPrefix(got, "Search: memory 19 ") {
		t.Errorf("Backspace left %q", got)
	}
	r.c.Search.Edit(tea.KeyMsg{Type: tea.KeyCtrlU})
	if got := r.prompt(); !strings.HasSuffix(got, "Esc ends") {
		t.Errorf("Ctrl+U left %q", got)
	}
}

// The cursor of the prompt stays at the end: the keys that would move it mean something else among
// the matches.
func TestSearchIgnoresOtherKeysOfATextInput(t *testing.T) {
	r := newRoom(t, remembered(5)...)
	r.c.Search.Open()
	r.typeQuery("memory")
	for _, k := range []tea.KeyType{tea.KeyLeft, tea.KeyHome, tea.KeyCtrlA, tea.KeyCtrlW, tea.KeyCtrlK, tea.KeyCtrlV, tea.KeyDelete} {
		r.c.Search.Edit(tea.KeyMsg{Type: k})
	}
	r.typeQuery("!")
	if got := r.c.Search.input.Value(); got != "memory!" {
		t.Errorf("the query is %q", got)
	}
}

func TestSearchBoundsTheQuery(t *testing.T) {
	r := newRoom(t)
	r.c.Search.Open()
	r.c.Search.Edit(tea.KeyMsg{Type: tea.KeyRunes, Paste: true, Runes: []rune(strings.Repeat("x", maxQuery))})
	r.typeQuery("y")
	if got := r.c.Search.input.Value(); got != strings.Repeat("x", maxQuery) {
		t.Errorf("a query of %d bytes", len(got))
	}
	r.c.Search.Find("a\x1b[31m\nb")
	if got := r.c.Search.input.Value(); strings.ContainsAny(got, "\x1b\n") {
		t.Errorf("the query is %q", got)
	}
}

// A match that is on disk is shown in its place, with the messages around it.
func TestSearchGoesOnToTheDisk(t *testing.T) {
	r := newRoom(t, remembered(5000)...)
	r.c.Search.Open()
	r.typeQuery("memory 77")
	r.c.Search.Next(-1)
	r.update()
	r.mustShow("▸           ✓ memory 779", "memory 790")
	if got := r.prompt(); !strings.Contains(got, "10 of 10+") {
		t.Error(got)
	}
	for range 10 {
		if !r.c.Search.NextAmong(-1) {
			t.Error("n is no text among the matches")
		}
		r.update()
	}
	r.mustShow("memory 77 ")
	if got := r.prompt(); !strings.Contains(got, "1 of 11") {
		t.Error(got)
	}
	r.c.Search.Cancel()
	r.update()
	r.mustShow("memory 4999")
	if r.c.Search.IsOpen() {
		t.Error("the prompt is open")
	}
}

func TestSearchStaysAtAMatch(t *testing.T) {
	r := newRoom(t, remembered(100)...)
	r.c.Search.Open()
	r.typeQuery("memory 5")
	r.c.Search.Stay()
	line, ok := r.c.Messages.Selected()
	if !ok || !strings.HasPrefix(line.Text, "memory 5") || r.c.Search.IsOpen() {
		t.Errorf("%q is selected", line.Text)
	}
}

func TestSearchListsMatchesThatAreFarUp(t *testing.T) {
	past := remembered(searchReach + 1000)
	past[5].Text = "a rare word"
	r := newRoom(t, past...)
	r.c.Search.Open()
	r.typeQuery("rare")
	r.c.Search.Next(-1)
	r.update()
	if len(r.matches) != 2 || r.matches[0] != `Before, with "rare": 1` || !strings.HasSuffix(r.matches[1], "dana  a rare word") {
		t.Errorf("listed %q", r.matches)
	}
	if r.c.Search.IsOpen() {
		t.Error("the prompt is open")
	}
}

func TestSearchOfTheDiskThatFindsNothing(t *testing.T) {
	r := newRoom(t, remembered(1000)...)
	r.c.Search.Open()
	r.typeQuery("no such words")
	r.c.Search.Next(-1)
	r.update()
	if !strings.HasPrefix(r.status, "Nothing before has") || !strings.HasSuffix(r.prompt(), "nothing found") {
		t.Errorf("the status line says %q, the prompt %q", r.status, r.prompt())
	}
	r.node.calls = nil
	r.c.Search.Next(-1)
	r.update()
	r.mustHaveCalled("search") // the disk isn't searched again
}

func TestSearchOfADiskThatFails(t *testing.T) {
	r := newRoom(t, remembered(1000)...)
	r.node.readErr = errors.New("the disk is gone")
	r.c.Search.Open()
	r.typeQuery("no such words")
	r.c.Search.Next(-1)
	r.update()
	if !strings.Contains(r.status, "the disk is gone") {
		t.Errorf("the status line says %q", r.status)
	}
}

// A search that was given up is cancelled, and what it finds nevertheless isn't shown.
func TestSearchOfTheDiskIsCancelled(t *testing.T) {
	r := newRoom(t, remembered(searchReach+1000)...)
	r.c.Search.Open()
	r.typeQuery("memory 5")
	r.c.backfill.oldest = r.node.past[100].Place
	r.c.Messages.Clear()
	r.c.Search.Find("memory 5")
	r.c.Search.Next(-1)
	r.c.Search.Cancel()
	if len(r.reads) == 0 {
		t.Fatal("the disk isn't searched")
	}
	r.update()
	if r.matches != nil || !slices.Contains(r.node.calls, "search memory 5") {
		t.Errorf("%q was listed after %q", r.matches, r.node.calls)
	}
}
