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

// exportTime bounds a /export: it must not hold the program for ever on a disk that hangs.
const exportTime = 5 * time.Minute

// exportCommands returns the commands about all messages together.
func exportCommands() []Command {
	return []Command{
		{Name: "export", Args: "FILE", Help: "save all messages to a new file; .txt: as text", Run: export},
		{Name: "who-has", Help: "which peers have your last message", Run: whoHas},
	}
}

func export(e Env, path string) {
	if path == "" {
		e.Reply(Fail{Text: "which file?", Hint: "type /export FILE"})
		return
	}
	e.Reply(Save{Path: path, Fill: func(f io.Writer) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), exportTime)
		defer cancel()
		w := bufio.NewWriterSize(f, 1<<16)
		n, err := e.Node.Export(ctx, w, time.Time{}, strings.HasSuffix(path, ".txt"))
		return fmt.Sprintf("%d records are in %s", n, path), errors.Join(err, w.Flush())
	}})
}

func whoHas(e Env, _ string) {
	r, any := e.Node.WhoHas()
	switch {
	case !any:
		e.Reply(Info{"You haven't sent anything yet"})
		return
	case len(r.Has)+len(r.Lacks) == 0:
		e.Reply(Info{"Not delivered yet. Your last message goes to the next person you meet."})
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d have your last message", len(r.Has), len(r.Has)+len(r.Lacks))
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
