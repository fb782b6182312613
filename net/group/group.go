// Package group is the only place where p2pchat starts goroutines.
//
// A goroutine belongs to a Group, which starts it, stops it through its context, and waits for it. The
// group recovers a panic and passes the first one to the root's report function, which logs the stack. The
// panic then cancels the whole tree, with itself as the cause. So the program ends as it does otherwise:
// owners say goodbye to their peers, and the screen restores the terminal. Without that, a nil pointer in
// a network goroutine would leave the terminal raw.
//
//	root := group.New(ctx, report)
//	links := root.Child()
//	links.Go("link/reader", func(ctx context.Context) { … })
//	links.Close() // stop and wait for this part only
//	root.Close()
package group

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Panic is a recovered panic: the cause of the root group's context after one of its goroutines,
// or a goroutine of a group below it, panicked.
type Panic struct {
	Name  string // the goroutine's name, as given to Go
	Value any    // the argument of panic
	Stack []byte // the stack at the panic, for the log
}

// Error names the goroutine and the panic's value, on one line.
func (p *Panic) Error() string { return fmt.Sprintf("internal error in %s: %v", p.Name, p.Value) }

// ErrStopped is the cause of a group's context after Stop.
var ErrStopped = errors.New("stopped")

// Group owns goroutines. All methods may be called from any goroutine, except that Wait and Close
// must not be called from a goroutine of the group itself, which would wait for itself.
type Group struct {
	root   *Group
	report func(*Panic)
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu       sync.Mutex // a parent's before its children's
	idle     sync.Cond  // on mu; signalled when running falls to 0
	stopped  bool       // Go starts no more goroutines
	running  int        // goroutines that have not returned
	children []*Group

	caught atomic.Pointer[Panic] // the root's; the first panic of the tree
}

// New returns a root group whose context ends when ctx does. The goroutine that panics first calls report,
// which may be nil, before it cancels the group's context. report is called at most once, and must not
// wait for the group, which waits for it.
func New(ctx context.Context, report func(*Panic)) *Group {
	g := &Group{report: report}
	g.root = g
	g.idle.L = &g.mu
	g.ctx, g.cancel = context.WithCancelCause(ctx)
	return g
}

// Child returns a group that is stopped and waited for with its parent, and can be closed before it.
func (g *Group) Child() *Group {
	c := &Group{root: g.root}
	c.idle.L = &c.mu
	c.ctx, c.cancel = context.WithCancelCause(g.ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		c.Stop()
		return c
	}
	// Closed children are removed here, so that a long-lived parent with short-lived children, such as
	// those of links, doesn't grow.
	g.children = append(slices.DeleteFunc(g.children, (*Group).finished), c)
	return c
}

// finished reports whether the group was stopped and no goroutine of it, or below it, can still run.
func (g *Group) finished() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stopped && !g.busyLocked()
}

// busy reports whether a goroutine of the group, or below it, has not returned.
func (g *Group) busy() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.busyLocked()
}

func (g *Group) busyLocked() bool {
	return g.running > 0 || slices.ContainsFunc(g.children, (*Group).busy)
}

// Context returns the context of the group's goroutines. Stop, the parent's end and a panic anywhere in the
// tree cancel it.
func (g *Group) Context() context.Context { return g.ctx }

// Go starts f in a goroutine of this group. f must return soon after its context is cancelled. Once the
// group is stopped, Go starts no goroutine and reports false. After a panic elsewhere in the tree, or the
// end of New's context, it still starts f, with a cancelled context: owners can say goodbye until Stop.
// The name is for the log.
func (g *Group) Go(name string, f func(ctx context.Context)) bool {
	g.mu.Lock()
	if g.stopped {
		g.mu.Unlock()
		return false
	}
	g.running++
	g.mu.Unlock()
	go func() {
		defer g.done()
		defer func() {
			if v := recover(); v != nil {
				g.root.panicked(&Panic{Name: name, Value: v, Stack: debug.Stack()})
			}
		}()
		f(g.ctx)
	}()
	return true
}

func (g *Group) done() {
	g.mu.Lock()
	g.running--
	if g.running == 0 {
		g.idle.Broadcast()
	}
	g.mu.Unlock()
}

// panicked records the first panic of the tree and cancels the tree. Only the root's is called.
func (g *Group) panicked(p *Panic) {
	if !g.caught.CompareAndSwap(nil, p) {
		return
	}
	defer g.cancel(p) // even if report panics itself
	if g.report != nil {
		g.report(p)
	}
}

// Err returns the tree's first panic as a *Panic, or nil.
func (g *Group) Err() error {
	if p := g.root.caught.Load(); p != nil {
		return p
	}
	return nil
}

// Stop cancels the context of this group and of all groups below it. From now on Go starts no goroutine.
// Stop doesn't wait, and may be called more than once.
func (g *Group) Stop() {
	g.mu.Lock()
	g.stopped = true
	children := g.children // not modified any more, now that stopped is set
	g.mu.Unlock()
	g.cancel(ErrStopped)
	for _, c := range children {
		c.Stop()
	}
}

// Wait returns when every goroutine of this group and of the groups below it has returned. It does
// not stop them: call Stop first, or Close. Several goroutines may wait.
func (g *Group) Wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		for g.running > 0 {
			g.idle.Wait()
		}
		// Children may have been added, or have used this group, while mu was not held, so look again
		// until none is busy. They stay in the list, so that a second waiter waits for them too and Stop
		// reaches them.
		i := slices.IndexFunc(g.children, (*Group).busy)
		if i < 0 {
			break
		}
		child := g.children[i]
		g.mu.Unlock()
		child.Wait()
		g.mu.Lock()
	}
	if g.stopped {
		g.children = nil
	}
}

// Close stops the group and waits for it.
func (g *Group) Close() {
	g.Stop()
	g.Wait()
}

// Sleep waits for d, until wake is ready, or until ctx ends. It reports false if ctx ended. wake may be nil.
func Sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
		return false
	}
	return true
}
