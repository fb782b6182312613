package composer

import (
	"fmt"
	"strings"

	"chat.lan/p2pchat/tui/sanitize"
)

// TooLongError says that a paste was refused.
type TooLongError struct{ Size int }

// Error names the size and the limit.
func (e *TooLongError) Error() string {
	return fmt.Sprintf("%s at once are too many to paste: the limit is %s", size(e.Size), size(MaxPasted))
}

// Hint is the next step.
func (e *TooLongError) Hint() string { return "paste it in parts" }

// Paste takes what was pasted, as the terminal brackets it. It never sends. What would make the text
// longer than MaxText is folded: it stands behind the text as one row, and goes out with it. The error
// is a *TooLongError.
func (p *Pane) Paste(text string) error {
	if n := p.Size() + len(text); n > MaxPasted {
		return &TooLongError{n}
	}
	// Bubble Tea passes on the terminal's CR as it is; clean makes line ends of it. A line end at the
	// end of what was copied isn't meant.
	text = strings.TrimRight(sanitize.Block(text).String(), "\n")
	if len(p.e.text)+len(text) > MaxText {
		p.folded = append(p.folded, text)
		return nil
	}
	p.e.insert(text)
	p.offer(false)
	return nil
}

// foldedText is the row that stands for what is folded.
func (p *Pane) foldedText() sanitize.SafeText {
	bytes, lines := 0, 0
	for _, f := range p.folded {
		bytes += len(f)
		lines += strings.Count(f, "\n") + 1
	}
	word := "lines"
	if lines == 1 {
		word = "line"
	}
	return sanitize.Linef("[pasted: %d %s, %s; Enter sends, Ctrl+C drops]", lines, word, size(bytes))
}

// size is a number of bytes for a person.
func size(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
