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

// watchSignals listens until g ends for a new size of the terminal, a request to suspend, and coming
// back from a stop.
//
// SIGTSTP is not among the signals: once Go has caught it, signal.Reset doesn't bring its default
// back (Go 1.26), and the program could never stop itself. So a SIGTSTP from outside stops the
// program unprepared, as SIGSTOP does, and resume mends the screen afterwards.
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
					s.resume()
				}
			case <-s.suspend:
				s.stopSelf(signals)
			}
		}
	})
}

// ignoredStop is how long to wait for a stop to happen before taking it that the kernel ignored it.
const ignoredStop = 500 * time.Millisecond

// stopSelf gives the terminal back, stops the process group as the terminal's Ctrl+Z would, and
// takes the terminal again once the shell continues it.
//
// The kernel ignores SIGTSTP for a process group that no shell could continue (the first process of
// a tmux pane, of an ssh command, of a container): nothing stops then, no SIGCONT comes, and the
// screen is back after ignoredStop. Waiting for SIGCONT would wait for ever.
func (s *Screen) stopSelf(signals <-chan os.Signal) {
	if !s.term.holds() {
		return
	}
	s.term.leave()
	_ = syscall.Kill(0, syscall.SIGTSTP)
	timer := time.NewTimer(ignoredStop)
	defer timer.Stop()
	for stopped := true; stopped; {
		select {
		case sig := <-signals:
			stopped = sig != syscall.SIGCONT
		case <-timer.C: // also after a stop that was longer; SIGCONT then only repaints once more
			stopped = false
		}
	}
	if err := s.term.retake(); err != nil {
		s.fail(err)
		return
	}
	s.resumed()
}

// resume sets the terminal up again after a stop that nobody announced: the shell has used the
// terminal meanwhile. After Release it is somebody else's, and stays so.
func (s *Screen) resume() {
	if !s.term.holds() {
		return
	}
	if err := s.term.retake(); err != nil {
		s.fail(err)
		return
	}
	s.resumed()
}

// resumed draws everything and tells the model, whose window may have another size now.
func (s *Screen) resumed() {
	s.painter.repaint()
	s.prog.Send(tea.WindowSizeMsg{})
	s.prog.Send(tea.ResumeMsg{})
}
