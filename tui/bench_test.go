package tui

import (
	"fmt"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"chat.lan/p2pchat/net/event"
)

// crowd returns a screen of 200×50 with many messages, and makes more of them.
func crowd(b *testing.B, lines int) (w *world, said func(n int) event.Batch) {
	w = newWorld(b, looks["dark"], 200, 50)
	_, dana, _ := company(w)
	n := 0
	said = func(count int) event.Batch {
		batch := make(event.Batch, count)
		for i := range batch {
			n++
			line := w.says(dana, fmt.Sprintf("line %d of a conversation that goes on and on", n)).Line
			line.ID = fmt.Sprintf("%064d", n)
			batch[i] = event.Said{Line: line}
		}
		return batch
	}
	for range lines / 10_000 {
		w.send(said(10_000))
	}
	w.frame()
	return w, said
}

// A second's flood in one batch must take less than 20 ms.
func BenchmarkBatchOf10000Lines(b *testing.B) {
	w, said := crowd(b, 0)
	for b.Loop() {
		b.StopTimer()
		batch := said(10_000)
		b.StartTimer()
		w.m.Update(batch)
		w.m.Frame(200, 50)
	}
}

// A frame after one more message must take less than 0.2 ms.
func BenchmarkFrameAfterALine(b *testing.B) {
	w, said := crowd(b, 100_000)
	for b.Loop() {
		b.StopTimer()
		batch := said(1)
		b.StartTimer()
		w.m.Update(batch)
		w.m.Frame(200, 50)
	}
}

// A frame in which nothing changed is the least that a key costs.
func BenchmarkFrame(b *testing.B) {
	w, _ := crowd(b, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		w.m.Frame(200, 50)
	}
}

func BenchmarkResize(b *testing.B) {
	w, _ := crowd(b, 100_000)
	for i := 0; b.Loop(); i++ {
		w.m.Update(tea.WindowSizeMsg{Width: 200 - i%2, Height: 50})
	}
}
