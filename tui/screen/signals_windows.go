package screen

import (
	"context"

	"chat.lan/p2pchat/net/group"

	tea "github.com/charmbracelet/bubbletea"
)

// watchSignals has no signals to wait for: Bubble Tea's console reader reports a new size, and
// there is no job control, so a request to suspend is answered at once.
func (s *Screen) watchSignals(g *group.Group) {
	g.Go("screen/signals", func(ctx context.Context) {
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.suspend:
				s.painter.repaint()
				s.prog.Send(tea.ResumeMsg{})
			}
		}
	})
}
