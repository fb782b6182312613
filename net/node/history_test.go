package node

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/archive"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/vote"
)

var lobby = record.OpenRoom("lobby")

// shelf is a store that outlives nodes.
func shelf(s store.Store) func(*Config) { return func(c *Config) { c.Store = s } }

// onDisk is a store in a file, for as long as the test runs.
func onDisk(t *testing.T, path string) store.Store {
	t.Helper()
	g := group.New(context.Background(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
	s, err := store.Open(store.Config{Path: path, Room: lobby, Group: g})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); g.Close() })
	return s
}

func export(t *testing.T, n *Node) string {
	t.Helper()
	var out bytes.Buffer
	if _, err := n.Export(context.Background(), &out, time.Time{}, false); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func past(t *testing.T, n *Node, before event.Place, most int) (texts []string, lines []event.Line) {
	t.Helper()
	lines, err := n.History(context.Background(), before, most)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		texts = append(texts, l.FromName+": "+l.Text)
	}
	return texts, lines
}

// Two talk and quit. One starts again: all is there. A third, who never met the second, has it all from
// the first, and their exports are the same bytes.
func TestTheRoomRemembers(t *testing.T) {
	dir := t.TempDir()
	inTown(t, 21, func(t *testing.T, w *town) { theRoomRemembers(t, w, dir) })
}

func theRoomRemembers(t *testing.T, w *town, dir string) {
	disk := func(i int) store.Store { return onDisk(t, filepath.Join(dir, fmt.Sprint(i, ".db"))) }
	first, second, third := disk(0), disk(1), disk(2)
	a, b := w.move(0, shelf(first)), w.move(1, shelf(second))
	w.until("linked", func() bool { return a.Status().Peers == 1 && b.Status().Peers == 1 })
	for i := range 20 {
		a.Say(fmt.Sprint("a", i))
		b.Say(fmt.Sprint("b", i))
	}
	a.Nick("renamed")
	a.Say("under another name")
	w.until("all heard", func() bool { return len(a.texts("")) == 20 && len(b.texts("")) == 21 })
	a.leave()
	b.leave()

	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	first = disk(0)
	a = w.move(0, shelf(first))
	texts, lines := past(t, a.Node, event.Place{}, 1000)
	if len(texts) != 41 || texts[40] != "renamed: under another name" {
		t.Fatalf("%d lines: %q", len(texts), texts)
	}
	own := 0
	for _, l := range lines {
		if !l.History || l.Signature != event.Verified {
			t.Errorf("line %+v", l)
		}
		if l.Own {
			own++
		}
	}
	if own != 21 || len(a.texts("")) != 0 {
		t.Errorf("%d own lines, %d told as new", own, len(a.texts("")))
	}
	var paged []string
	for at := (event.Place{}); ; {
		page, lines := past(t, a.Node, at, 7)
		paged = append(page, paged...)
		if len(page) < 7 {
			break
		}
		at = lines[0].Place
	}
	if strings.Join(paged, "\n") != strings.Join(texts, "\n") {
		t.Errorf("in pages: %q", paged)
	}
	found, err := a.Search(context.Background(), "B1", event.Place{}, 5)
	if err != nil || len(found) != 5 || found[4].Text != "b19" || found[0].Text != "b15" {
		t.Errorf("found %+v, %v", found, err)
	}

	c := w.move(2, shelf(third))
	w.until("caught up", func() bool { return c.Status().Records == a.Status().Records && len(c.texts("")) == 41 })
	if x, y := export(t, a.Node), export(t, c.Node); x != y {
		t.Error("exports differ")
	} else if r, err := archive.Verify(strings.NewReader(x)); err != nil || r.Flaw != nil || r.Records != a.Status().Records {
		t.Errorf("verified %+v, %v", r, err)
	}
	// What is said now goes on where one left: another feed, which follows the one before.
	a.Say("back")
	w.until("heard", func() bool { return len(c.texts("")) == 42 })
	_, lines = past(t, c.Node, event.Place{}, 2)
	if lines[1].Text != "back" || lines[1].Place.Feed == lines[0].Place.Feed {
		t.Errorf("%+v", lines)
	}
	if r, _ := archive.Verify(strings.NewReader(export(t, c.Node))); r.Flaw != nil || r.Feeds != 3 {
		t.Errorf("%+v", r)
	}
}

// until waits for something to become true.
func (w *town) until(what string, done func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); pass(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("not %s in time", what)
		}
	}
}

// A vote that passed holds after everyone has gone and come back; a ballot is kept before it is sent,
// and so is what one disputes.
func TestVotesAreRemembered(t *testing.T) {
	inTown(t, 22, func(t *testing.T, w *town) {
		var kept []store.Store
		for i := range 3 {
			kept = append(kept, store.NewMem(lobby, 0))
			w.move(i, shelf(kept[i]))
		}
		time.Sleep(10 * time.Second)
		p := propose(t, w.people[0], wishOn)
		time.Sleep(time.Second)
		cast(t, w.people[1], p.ID, vote.Approve)
		time.Sleep(time.Second)
		if _, err := w.people[2].SetDisputed(p.ID, true); err != nil {
			t.Fatal(err)
		}
		for _, p := range w.people {
			p.leave()
		}
		for i := range 3 {
			q := w.move(i, shelf(kept[i]))
			if got := q.Policy().SecureOnly; got != (i != 2) {
				t.Errorf("%d: secure-only %v after a restart", i, got)
			}
			if told := told[event.PolicyChanged](&q.ear); len(told) != 0 && !told[0].First {
				t.Errorf("%d: %+v", i, told)
			}
			if ps := q.Proposals(); len(ps) != 1 || ps[0].Yes != 2 {
				t.Errorf("%d: %+v", i, ps)
			}
		}
	})
}
