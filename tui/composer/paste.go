package composer

import (
	"fmt"
	"strings"

	"chat.lan/p2pchat/tui/sanitize"
)

// TooLongError reports a paste that was refused.
type TooLongError struct{ Size int }

// Error implements error: it names the size and the limit.
func (e *TooLongError) Error() string {
	return fmt.Sprintf("%s at once are too many to paste: the limit is %s", formatSize(e.Size), formatSize(MaxPasted))
}

// Hint returns the next step.
func (e *TooLongError) Hint() string { return "paste it in parts" }

// Paste takes in a paste, as the terminal brackets it. It never sends. A paste that would make the text
// longer than MaxText is folded: a row behind the text stands for it, and it is sent with the text. The
// error is a *TooLongError.
func (p *Pane) Paste(text string) error {
	if n := p.Size() + len(text); n > MaxPasted {
		return &TooLongError{n}
	}
	// Bubble Tea passes the terminal's CR on as it is; sanitize makes line ends of them. A line end at
	// the end of a copied text isn't meant.
	text = strings.TrimRight(sanitize.Block(text).String(), "\n")
	if len(p.e.text)+len(text) > MaxText {
		p.folded = append(p.folded, text)
		return nil
	}
	p.e.insert(text)
	p.offer(false)
	return nil
}

// foldedText returns the row that stands for folded pastes.
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
	return sanitize.Linef("[pasted: %d %s, %s; Enter sends, Ctrl+C drops]", lines, word, formatSize(bytes))
}

// formatSize writes a number of bytes.
func formatSize(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
