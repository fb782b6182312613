package store

import (
	"slices"
	"testing"
)

// The writer's list of operations is used again, empty and short, whatever was in it before.
func TestSpareOperations(t *testing.T) {
	cfg := config(t)
	d := open(t, cfg)
	talk := conversation(8*maxSpare, 1)
	for range 2 { // so that a list which was spare comes round
		for _, n := range []int{3, 4 * maxSpare} {
			appendAll(t, d, talk[:n])
			talk = talk[n:]
			settle(t, d)
			d.mu.Lock()
			for _, ops := range [][]op{d.spare, d.pending.ops} {
				if len(ops) != 0 || cap(ops) > maxSpare {
					t.Errorf("after %d operations the next list has length %d and room for %d", n, len(ops), cap(ops))
				}
				if slices.ContainsFunc(ops[:cap(ops)], func(o op) bool { return o.entry != nil }) {
					t.Errorf("after %d operations the next list holds an old record", n)
				}
			}
			d.mu.Unlock()
		}
		talk = conversation(8*maxSpare, 2)
	}
}
