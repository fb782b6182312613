package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
)

// exportNode is a fakeNode with a history on disk.
type exportNode struct {
	*fakeNode
	reach event.Reach
	said  bool
	fails error
}

func (r exportNode) Export(_ context.Context, w io.Writer, _ time.Time, text bool) (int, error) {
	fmt.Fprintf(w, "text %v\n", text)
	return 7, r.fails
}

func (r exportNode) WhoHas() (event.Reach, bool) { return r.reach, r.said }

func TestExport(t *testing.T) {
	w := newWorld()
	node := exportNode{fakeNode: w.node}
	dir := t.TempDir()
	for name, want := range map[string]string{"room": "text false\n", "room.txt": "text true\n"} {
		w.env.Node = node
		path := filepath.Join(dir, name)
		_, answers := w.do("/export " + path)
		said := answers[0].(Save).Write()
		if info, ok := said.(Info); !ok || !strings.Contains(info.Text, "7 records are in "+path) {
			t.Errorf("%+v", said)
		}
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("%s has %q", name, got)
		}
		_, answers = w.do("/export " + path)
		if f, ok := answers[0].(Save).Write().(Fail); !ok || !strings.Contains(f.Text, "exists") {
			t.Errorf("written over: %+v", f)
		}
	}
	node.fails = errors.New("disk full")
	w.env.Node = node
	path := filepath.Join(dir, "half")
	_, answers := w.do("/export " + path)
	if f, ok := answers[0].(Save).Write().(Fail); !ok || !strings.Contains(f.Text, "disk full") {
		t.Errorf("%+v", f)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("half an export was left")
	}
}

func TestWhoHas(t *testing.T) {
	w := newWorld()
	carol, dora := w.node.peers[2], w.node.peers[4]
	relayed := carol
	relayed.State = event.Relayed
	for _, c := range []struct {
		node exportNode
		want string
	}{
		{exportNode{}, "sent anything"},
		{exportNode{said: true}, "Not delivered yet"},
		{exportNode{said: true, reach: event.Reach{Has: []event.Peer{carol}, Lacks: []event.Peer{dora}}},
			"1 of 2 have your last message\n  Carol Yes has it\n  dora not yet: when they come back"},
		{exportNode{said: true, reach: event.Reach{Lacks: []event.Peer{relayed}}}, "not yet: reached through others"},
	} {
		c.node.fakeNode = w.node
		w.env.Node = c.node
		_, answers := w.do("/who-has")
		if info, ok := answers[0].(Info); !ok || !strings.Contains(info.Text, c.want) {
			t.Errorf("%+v, want %q", answers, c.want)
		}
	}
}
