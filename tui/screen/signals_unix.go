//go:build unix

package screen

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"chat.lan/p2pchat/net/group"

	tea "github.com/charmbracelet/bubbletea"
)

// watchSignals handles, until g ends, a new size of the terminal, a request to suspend, and the return
// from a stop.
//
// SIGTSTP is not among the signals. Once Go has caught it, signal.Reset doesn't restore its default (Go
// 1.26), and the program could never stop itself. So a SIGTSTP from outside stops the program
// unprepared, as SIGSTOP does, and takeBack repairs the screen afterwards.
func (s *Screen) watchSignals(g *group.Group) {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGWINCH, syscall.SIGCONT)
	g.Go("screen/signals", func(ctx context.Context) {
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case sig := <-signals:
				switch sig {
				case syscall.SIGWINCH:
					s.prog.Send(tea.WindowSizeMsg{})
				case syscall.SIGCONT:
					// The shell has used the terminal meanwhile. If the program had given it back, it stays so.
					if s.term.holds() {
						s.takeBack()
					}
				}
			case <-s.suspend:
				s.stopSelf(signals)
			}
		}
	})
}

// ignoredStop is how long stopSelf waits for its stop. After that the kernel must have ignored it.
const ignoredStop = 500 * time.Millisecond

// stopSelf gives the terminal back, stops the process group as the terminal's Ctrl+Z would, and
// takes the terminal again once the shell continues it.
//
// The kernel ignores SIGTSTP for a process group that no shell could continue: the first process of a
// tmux pane, of an ssh command, of a container. Nothing stops then, no SIGCONT comes, and the screen is
// back after ignoredStop. Waiting for SIGCONT would never end.
func (s *Screen) stopSelf(signals <-chan os.Signal) {
	if !s.term.holds() {
		return
	}
	s.term.leave()
	_ = syscall.Kill(0, syscall.SIGTSTP)
	ignored := time.After(ignoredStop)
	for stopped := true; stopped; {
		select {
		case sig := <-signals:
			stopped = sig != syscall.SIGCONT
		case <-ignored: // after a longer stop too; SIGCONT then only repaints again
			stopped = false
		}
	}
	s.takeBack()
}

// takeBack takes the terminal, draws everything and notifies the model, whose window may have another size.
func (s *Screen) takeBack() {
	if err := s.term.retake(); err != nil {
		s.fail(err)
		return
	}
	s.painter.markDirty()
	s.prog.Send(tea.WindowSizeMsg{})
	s.prog.Send(tea.ResumeMsg{})
}
