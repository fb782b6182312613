package link

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// deaf is a connection that takes nothing: each write ends with its deadline, and the first only when the
// machine wakes up from a sleep.
type deaf struct {
	net.Conn
	sleep time.Duration
	due   time.Time
}

func (d *deaf) SetWriteDeadline(due time.Time) error { d.due = due; return nil }

func (d *deaf) Write([]byte) (int, error) {
	time.Sleep(time.Until(d.due) + d.sleep)
	d.sleep = 0
	return 0, os.ErrDeadlineExceeded
}

// A write that was under way when the machine slept gets its time again, once: the peer may well have been
// there all along.
func TestWriteOverASleep(t *testing.T) {
	for _, tt := range []struct{ sleep, atLeast, atMost time.Duration }{
		{0, stuckAfter, stuckAfter + stuckStep},
		{time.Minute, time.Minute + stuckAfter, time.Minute + stuckAfter + 2*stuckStep},
	} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			_, err := newConn(&deaf{sleep: tt.sleep}).Write([]byte("x"))
			if took := time.Since(begun); !errors.Is(err, ErrSlow) || took < tt.atLeast || took > tt.atMost {
				t.Errorf("asleep for %v: given up after %v with %v, want %v to %v", tt.sleep, took, err, tt.atLeast, tt.atMost)
			}
		})
	}
}

// ended is a connection that the other side has ended.
type ended struct{ net.Conn }

func (ended) Read([]byte) (int, error) { return 0, io.EOF }

// The end of a connection doesn't count as heard: a late peer would be up for a moment before it is lost.
func TestEndIsSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		c := newConn(ended{})
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Fatalf("read at the end gave %v", err)
		}
		time.Sleep(lateAfter)
		if since := c.silentSince(time.Now()); !since.Equal(begun) {
			t.Errorf("quiet since %v after the end came, want since it", since.Sub(begun))
		}
	})
}
