package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
)

// Memory is what commands ask of a participant that remembers; *node.Node implements it.
type Memory interface {
	// Export writes all that is remembered, and returns the number of records. It waits for the disk.
	Export(ctx context.Context, w io.Writer, since time.Time, text bool) (int, error)
	// WhoHas says who has one's last line; false when one has said nothing in this run.
	WhoHas() (event.Reach, bool)
}

// exportTime bounds a /export: it must not hold the program for ever on a disk that hangs.
const exportTime = 5 * time.Minute

// memory is what was said, as a whole.
func exportCommands() []Command {
	return []Command{
		{Name: "export", Args: "FILE", Help: "write all that was said to a new file; in .txt as text", Run: export},
		{Name: "who-has", Help: "who has your last line, and who lacks it", Run: whoHas},
	}
}

func remembering(e Env) (Memory, bool) {
	m, ok := e.Node.(Memory)
	if !ok {
		e.Reply(Fail{Text: "nothing is remembered here"})
	}
	return m, ok
}

func export(e Env, path string) {
	m, ok := remembering(e)
	if !ok {
		return
	}
	if path == "" {
		e.Reply(Fail{Text: "which file?", Hint: "type /export FILE"})
		return
	}
	e.Reply(Save{Path: path, Fill: func(f io.Writer) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), exportTime)
		defer cancel()
		w := bufio.NewWriterSize(f, 1<<16)
		n, err := m.Export(ctx, w, time.Time{}, strings.HasSuffix(path, ".txt"))
		return fmt.Sprintf("%d records are in %s", n, path), errors.Join(err, w.Flush())
	}})
}

func whoHas(e Env, _ string) {
	m, ok := remembering(e)
	if !ok {
		return
	}
	r, any := m.WhoHas()
	switch {
	case !any:
		e.Reply(Info{"You have said nothing since you came"})
		return
	case len(r.Has)+len(r.Lacks) == 0:
		e.Reply(Info{"Nobody was here to hear your last line: who comes gets it"})
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d have your last line", len(r.Has), len(r.Has)+len(r.Lacks))
	for _, p := range r.Has {
		fmt.Fprintf(&b, "\n  %s has it", e.Label(p))
	}
	for _, p := range r.Lacks {
		word := "on its way"
		if p.State == event.Lost || p.State == event.Left {
			word = "when they come back"
		}
		fmt.Fprintf(&b, "\n  %s not yet: %s", e.Label(p), word)
	}
	e.Reply(Info{b.String()})
}
