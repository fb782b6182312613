//go:build unix

package screen

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/creack/pty"
)

// The size of the terminal in all benchmarks.
const benchWidth, benchHeight = 200, 50

// bench is the program that both renderers show: 50 rows of text, and a last one that counts keys.
// The key "r" shows what the process has used so far instead.
type bench struct {
	width, height int
	keys          int
	used          string
}

func (m *bench) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyMsg:
		switch msg.String() {
		case "q":
			return tea.Quit
		case "r":
			var u syscall.Rusage
			syscall.Getrusage(syscall.RUSAGE_SELF, &u)
			cpu := time.Duration(u.Utime.Nano() + u.Stime.Nano())
			m.used = fmt.Sprintf("cpu %d us, %d wakeups;", cpu.Microseconds(), u.Nvcsw)
		}
		m.keys++
	}
	return nil
}

func (m *bench) rows(width, height int) []string {
	rows := make([]string, height)
	for y := range rows[:max(0, height-1)] {
		rows[y] = strings.Repeat("12:54 dana ✓ text ", width/18)
	}
	if height > 0 {
		rows[height-1] = fmt.Sprintf("keys=%d; %s", m.keys, m.used)
	}
	return rows
}

// ours shows bench by this package.
type ours struct{ *bench }

func (m ours) Update(msg tea.Msg) tea.Cmd    { return m.update(msg) }
func (m ours) Frame(width, height int) Frame { return Frame{Rows: m.rows(width, height)} }

func oursRole() {
	fmt.Print(mainMark)
	if err := New(nil, nil).Run(context.Background(), ours{new(bench)}, event.NewQueue()); err != nil {
		fmt.Println(err)
	}
}

// standard shows bench as a Bubble Tea program usually does. It is the baseline.
type standard struct{ *bench }

func (m standard) Init() tea.Cmd                           { return nil }
func (m standard) Update(msg tea.Msg) (tea.Model, tea.Cmd) { return m, m.update(msg) }
func (m standard) View() string                            { return strings.Join(m.rows(m.width, m.height), "\n") }

func standardRole() {
	fmt.Print(mainMark)
	if _, err := tea.NewProgram(standard{new(bench)}, tea.WithAltScreen()).Run(); err != nil {
		fmt.Println(err)
	}
}

// subject is one of the two programs, in a process of its own on a terminal.
type subject struct {
	b      *testing.B
	cmd    *exec.Cmd
	tty    *os.File
	buf    []byte
	recent []byte // the end of the output
	// first is the time from the start of the process to its first frame. The time main is counted from
	// the start of the main function: the start before it is the same for both programs.
	first, main time.Duration
}

// mainMark is the first output of a subject.
const mainMark = "main;"

// startSubject starts a program and waits for its first frame.
func startSubject(b *testing.B, role string) *subject {
	s := &subject{b: b, cmd: roleCommand(b, role), buf: make([]byte, 1<<16)}
	start := time.Now()
	var err error
	s.tty, err = pty.StartWithSize(s.cmd, &pty.Winsize{Cols: benchWidth, Rows: benchHeight})
	if err != nil {
		b.Fatal(err)
	}
	s.until(mainMark)
	main := time.Now()
	s.until("keys=0;")
	s.first, s.main = time.Since(start), time.Since(main)
	return s
}

// until reads until text was written, and returns what was read up to then, and a little more.
func (s *subject) until(text string) string {
	for {
		if i := bytes.Index(s.recent, []byte(text)); i >= 0 {
			seen := string(s.recent)
			s.recent = s.recent[i+len(text):]
			return seen
		}
		n, err := s.tty.Read(s.buf)
		if err != nil {
			s.b.Fatalf("waiting for %q: %v", text, err)
		}
		s.recent = append(s.recent, s.buf[:n]...)
	}
}

// press types a key and returns how long it took to be on the screen. n is the number of keys then.
func (s *subject) press(key string, n int) (took time.Duration, screen string) {
	start := time.Now()
	if _, err := s.tty.WriteString(key); err != nil {
		s.b.Fatal(err)
	}
	screen = s.until("keys=" + strconv.Itoa(n) + ";")
	return time.Since(start), screen
}

// used returns the CPU time and the wake-ups of the process so far. n is as in press.
func (s *subject) used(n int) (cpu time.Duration, wakeups int) {
	_, screen := s.press("r", n)
	_, report, _ := strings.Cut(screen, "keys="+strconv.Itoa(n)+"; ")
	for !strings.Contains(report, "wakeups;") {
		report += s.until("wakeups;")
	}
	var us int
	if _, err := fmt.Sscanf(report, "cpu %d us, %d wakeups;", &us, &wakeups); err != nil {
		s.b.Fatalf("%q: %v", report, err)
	}
	return time.Duration(us) * time.Microsecond, wakeups
}

func (s *subject) quit() {
	s.tty.WriteString("q")
	io.Copy(io.Discard, s.tty) // ends with an error once the terminal is closed
	s.cmd.Wait()
	s.tty.Close()
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// beside measures both programs in turns, and reports the figure of ours, of Bubble Tea's standard
// renderer, and their ratio.
func beside(b *testing.B, unit string, rounds int, measure func(role string) []time.Duration) {
	var mine, theirs []time.Duration
	for b.Loop() {
		for range rounds {
			mine = append(mine, measure("ours")...)
			theirs = append(theirs, measure("standard")...)
		}
	}
	m, t := median(mine), median(theirs)
	b.ReportMetric(float64(m)/float64(t), "ratio")
	b.ReportMetric(ms(m), "ours-"+unit)
	b.ReportMetric(ms(t), "bubbletea-"+unit)
	b.ReportMetric(0, "ns/op")
}

// From a key to the frame that shows it (target: 0.2 of Bubble Tea's).
func BenchmarkBesideBubbleTeaKeyToScreen(b *testing.B) {
	beside(b, "ms", 1, func(role string) (took []time.Duration) {
		s := startSubject(b, role)
		defer s.quit()
		for i := range 100 {
			// Out of step with a tick of 60 Hz.
			time.Sleep(20*time.Millisecond + time.Duration(i*37%17)*time.Millisecond)
			d, _ := s.press("x", i+1)
			took = append(took, d)
		}
		return took
	})
}

// CPU time in five seconds without anything to do (target: 0.1 of Bubble Tea's).
func BenchmarkBesideBubbleTeaIdleCPU(b *testing.B) {
	wakeups := map[string]int{}
	beside(b, "cpu-ms/5s", 1, func(role string) []time.Duration {
		s := startSubject(b, role)
		defer s.quit()
		cpu0, wake0 := s.used(1)
		time.Sleep(5 * time.Second)
		cpu1, wake1 := s.used(2)
		wakeups[role] = wake1 - wake0
		return []time.Duration{cpu1 - cpu0}
	})
	b.ReportMetric(float64(wakeups["ours"]), "ours-wakeups/5s")
	b.ReportMetric(float64(wakeups["standard"]), "bubbletea-wakeups/5s")
}

// From the start of the process to the end of its first frame (target: 0.75 of Bubble Tea's).
func BenchmarkBesideBubbleTeaFirstFrame(b *testing.B) {
	fromMain := map[string][]time.Duration{}
	beside(b, "ms", 20, func(role string) []time.Duration {
		s := startSubject(b, role)
		s.quit()
		fromMain[role] = append(fromMain[role], s.main)
		return []time.Duration{s.first}
	})
	mine, theirs := median(fromMain["ours"]), median(fromMain["standard"])
	b.ReportMetric(float64(mine)/float64(theirs), "ratio-from-main")
	b.ReportMetric(ms(mine), "ours-ms-from-main")
	b.ReportMetric(ms(theirs), "bubbletea-ms-from-main")
}

// The painter's cost of a frame with a changed row, without the terminal.
func BenchmarkDiff(b *testing.B) {
	m := new(bench)
	now := new(shown).next(Frame{Rows: m.rows(benchWidth, benchHeight)}, benchWidth, benchHeight)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		m.keys++
		f := Frame{Rows: append(slices.Clone(now.rows[:benchHeight-1]), "keys="+strconv.Itoa(m.keys))}
		next := now.next(f, benchWidth, benchHeight)
		buf = appendDiff(buf[:0], &now, &next, false)
		now = next
	}
	if len(buf) == 0 {
		b.Fatal("nothing was written")
	}
}
