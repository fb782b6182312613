//go:build unix

package screen

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"

	tea "github.com/charmbracelet/bubbletea"
)

// emojiRole shows emojiRows.
func emojiRole() {
	if err := New(nil, nil).Run(context.Background(), emojiRows{}, event.NewQueue()); err != nil {
		fmt.Println(err)
	}
}

// disputed are emoji that tmux and others give another width than Unicode does.
var disputed = []string{"1️⃣", "☺️", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "👩‍👩‍👧‍👦", "🇨🇭", "🧑🏿‍🚀"}

// emojiRows shows a bordered row for each disputed emoji, full to the border.
type emojiRows struct{}

func (emojiRows) Update(msg tea.Msg) tea.Cmd {
	if key, ok := msg.(tea.KeyMsg); ok && key.String() == "q" {
		return tea.Quit
	}
	return nil
}

func (emojiRows) Frame(width, height int) Frame {
	rows := make([]string, height)
	for y := range rows {
		text := fmt.Sprintf("row %d", y)
		if y < len(disputed) {
			text = strings.Repeat(disputed[y], width)
		}
		rows[y] = "<" + text + MoveToColumn(width-1) + "|"
	}
	return Frame{Rows: rows}
}

// tmux, too, keeps every row in its place and every border in its column.
func TestEmojiRowsInTmux(t *testing.T) {
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		t.Skip("tmux is not installed, so what it makes of emoji can't be shown here")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const width, height = 40, 12
	// The socket's path must be short, so not t.TempDir.
	dir, err := os.MkdirTemp("", "p2pt")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ask := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), tmux, append([]string{"-S", filepath.Join(dir, "s"), "-f", "/dev/null", "-u"}, args...)...)
		cmd.Env = append(os.Environ(), roleVar+"=emoji", "TMUX=", "LC_ALL=C.UTF-8")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	ask("new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), exe)
	defer ask("kill-server")

	// Each capture is a question and its answer; the last row is written last.
	var rows []string
	for start := time.Now(); ; {
		rows = strings.Split(strings.TrimRight(ask("capture-pane", "-p"), "\n"), "\n")
		if strings.Contains(rows[len(rows)-1], fmt.Sprintf("row %d", height-1)) {
			break
		}
		if time.Since(start) > patience {
			t.Fatalf("tmux shows\n%s", strings.Join(rows, "\n"))
		}
	}
	if len(rows) != height {
		t.Fatalf("%d rows, want %d:\n%s", len(rows), height, strings.Join(rows, "\n"))
	}
	for y, row := range rows {
		if !strings.HasPrefix(row, "<") || !strings.HasSuffix(row, "|") {
			t.Errorf("row %d is out of place: %q", y, row)
		}
		if y >= len(disputed) && row != fmt.Sprintf("<row %-*d|", width-6, y) {
			t.Errorf("row %d: %q", y, row)
		}
	}
}
