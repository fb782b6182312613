package screen

import (
	"io"
	"os"
	"reflect"
	"runtime/debug"

	"chat.lan/p2pchat/net/group"

	tea "github.com/charmbracelet/bubbletea"
)

// repaintMsg and suspendMsg are requests to the screen; the model never gets them.
type (
	repaintMsg struct{}
	suspendMsg struct{}
)

// Repaint has the whole screen drawn again, for Ctrl+L. It is a tea.Cmd.
func Repaint() tea.Msg { return repaintMsg{} }

// Suspend gives the terminal back to the shell until that continues the program. It is a tea.Cmd. Bubble
// Tea's own would wait for ever for SIGCONT where the kernel ignores SIGTSTP (see stopSelf).
func Suspend() tea.Msg { return suspendMsg{} }

// newProgram returns a Bubble Tea program that leaves the terminal and the signals to us.
func newProgram(s *Screen) *tea.Program {
	return tea.NewProgram(program{s},
		tea.WithInput(input{s.in}),
		tea.WithOutput(io.Discard),
		tea.WithoutRenderer(),
		tea.WithoutSignalHandler(),
		// Bubble Tea's own handler prints the trace on the screen that is still up, and so loses it.
		// The types below catch panics of the model and of commands.
		tea.WithoutCatchPanics())
}

// program is the model that Bubble Tea runs.
type program struct{ s *Screen }

// Init gives the model its size before the first frame, and marks that frame.
func (p program) Init() tea.Cmd {
	_, cmd := p.Update(tea.WindowSizeMsg{})
	return cmd
}

// Update passes a message to the model and marks the screen as out of date.
func (p program) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	s := p.s
	switch m := msg.(type) {
	case repaintMsg:
		s.painter.repaint()
		return p, nil
	case suspendMsg:
		select {
		case s.suspend <- struct{}{}:
		default:
		}
		return p, nil
	case tea.WindowSizeMsg:
		// The message may be wrong (on Windows it has the scroll-back's size): ask for the size now.
		m.Width, m.Height = s.term.size()
		msg = m
		// Repaint even if the size is the same: the terminal may have been smaller in between.
		s.painter.repaint()
	default:
		msg = focusReport(msg)
	}
	cmd := s.update(msg)
	s.painter.markDirty()
	return p, cmd
}

// View returns nothing: frames are composed when they are drawn.
func (program) View() string { return "" }

// update passes a message to the model, unless an earlier call or a command panicked.
func (s *Screen) update(msg tea.Msg) tea.Cmd {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed.Err() != nil {
		return nil
	}
	defer s.recoverPanic("tui/update")
	return s.guardCommand(s.model.Update(msg))
}

// recoverPanic turns a panic into the end of the program. It must be deferred.
func (s *Screen) recoverPanic(name string) {
	if v := recover(); v != nil {
		s.fail(&group.Panic{Name: name, Value: v, Stack: debug.Stack()})
	}
}

// guardCommand guards a command, and the commands that it returns, against panics.
func (s *Screen) guardCommand(cmd tea.Cmd) tea.Cmd {
	if cmd == nil {
		return nil
	}
	return func() (msg tea.Msg) {
		defer s.recoverPanic("tui/command")
		return s.guardCommands(cmd())
	}
}

var cmdType = reflect.TypeFor[tea.Cmd]()

// guardCommands guards the commands of a tea.Batch or tea.Sequence. The type of the latter isn't
// exported, so both are recognised as slices of commands.
func (s *Screen) guardCommands(msg tea.Msg) tea.Msg {
	v := reflect.ValueOf(msg)
	if v.Kind() != reflect.Slice || v.Type().Elem() != cmdType {
		return msg
	}
	guarded := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	for i := range v.Len() {
		guarded.Index(i).Set(reflect.ValueOf(s.guardCommand(v.Index(i).Interface().(tea.Cmd))))
	}
	return guarded.Interface()
}

// focusReport finds the focus reports that Bubble Tea v1 takes for unknown sequences. Bubble Tea knows
// them only when nothing else was typed in the same read.
func focusReport(msg tea.Msg) tea.Msg {
	v := reflect.ValueOf(msg)
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.Uint8 {
		return msg
	}
	switch string(v.Bytes()) {
	case "\x1b[I":
		return tea.FocusMsg{}
	case "\x1b[O":
		return tea.BlurMsg{}
	}
	return msg
}

// input is the terminal's input. A terminal that was closed reads as the end of a file. Bubble Tea takes
// that as "no more keys" and goes on; here it ends the program.
type input struct{ *os.File }

func (in input) Read(b []byte) (int, error) {
	n, err := in.File.Read(b)
	if err == io.EOF || n == 0 && err == nil {
		return n, errGone
	}
	return n, err
}
