package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/wording"
)

// exportTime bounds a /export: it must not hold the program for ever on a disk that hangs.
const exportTime = 5 * time.Minute

func export(e Env, path string) {
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
		switch p.State {
		case event.Lost, event.Left:
			word = "when they come back"
		case event.Relayed:
			word = wording.ThroughOthers
		}
		fmt.Fprintf(&b, "\n  %s not yet: %s", e.Label(p), word)
	}
	e.Reply(Info{b.String()})
}

// Save asks the mode to write a file. The file must not exist yet: Write never overwrites one.
type Save struct {
	Path string
	Fill func(io.Writer) (done string, err error) // writes the content, and returns what to say then
}

// Write writes the file and answers what came of it. It waits for the disk.
func (s Save) Write() Answer {
	var done string
	f, err := os.OpenFile(s.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err == nil {
		done, err = s.Fill(f)
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(s.Path) // half of it is of no use
		}
	}
	if err != nil {
		return Fail{Text: "nothing was saved: " + err.Error(), Hint: "choose another file"}
	}
	return Info{done}
}
