//go:build unix

package screen

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"

	tea "github.com/charmbracelet/bubbletea"
	"go.uber.org/goleak"
)

// roles are the programs that this test binary can be, by the value of roleVar.
var roles = map[string]func(){
	"echo": echoRole, "shell": shellRole, "emoji": emojiRole, "ours": oursRole, "standard": standardRole,
}

func TestMain(m *testing.M) {
	if role, ok := roles[os.Getenv(roleVar)]; ok {
		role()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// echo is a model that shows its size, the keys it got and how often it was drawn.
type echo struct {
	width, height int
	keys          string
	events        string
	onKey         func(key string) tea.Cmd
	panicInFrame  bool
}

func (e *echo) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		e.width, e.height = msg.Width, msg.Height
	case tea.KeyMsg:
		switch msg.String() {
		case "q":
			return tea.Quit
		case "ctrl+z":
			return Suspend
		case "P":
			panic("in Update")
		case "C":
			return func() tea.Msg { panic("in a command") }
		case "B":
			return tea.Batch(func() tea.Msg { return nil }, func() tea.Msg { panic("in a batch") })
		case "S":
			return tea.Sequence(func() tea.Msg { return nil },
				tea.Batch(func() tea.Msg { return nil }, func() tea.Msg { panic("in a sequence") }))
		case "F":
			e.panicInFrame = true
			return nil
		}
		e.keys += msg.String()
		if e.onKey != nil {
			return e.onKey(msg.String())
		}
	case tea.FocusMsg:
		e.events += "focus "
	case tea.BlurMsg:
		e.events += "blur "
	case tea.MouseMsg:
		e.events += "mouse " + msg.String() + " "
	case event.Batch:
		e.events += fmt.Sprint(msg...) + " "
	case tea.ResumeMsg:
		e.events += "resumed "
	}
	return nil
}

func (e *echo) Frame(width, height int) Frame {
	if e.panicInFrame {
		panic("in Frame")
	}
	rows := make([]string, height)
	for y := range rows {
		s := fmt.Sprintf("row %d of %dx%d ", y, width, height)
		rows[y] = (s + strings.Repeat(".", width))[:width]
	}
	rows[0] = fmt.Sprintf("told %dx%d", e.width, e.height)
	// The last row comes last: once it is on the screen, so is all else.
	rows[height-1] = fmt.Sprintf("[%s] %s", e.keys, e.events)
	return Frame{Rows: rows, CursorX: len(e.keys) + 1, CursorY: height - 1, CursorVisible: true, Title: sanitize.Linef("room <%s>", e.keys)}
}
