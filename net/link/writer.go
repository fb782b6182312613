package link

import (
	"context"
	"sync"
)

// pieces holds the writers' buffers: most links write nothing most of the time.
var pieces = sync.Pool{New: func() any { return new([piece]byte) }}

// write runs the writer, which alone takes frames from the queue. It returns when the queue is sealed and
// empty, or the connection is gone. Only then our direction has ended.
func (l *Link) write(context.Context) {
	defer close(l.writerDone)
	l.writeErr = ErrDown // in case of a panic
	buf := pieces.Get().(*[piece]byte)
	for {
		out, drained, done := l.queue.take(buf[:0])
		if err := l.send(out); err != nil {
			l.writeErr = err
			return
		}
		switch {
		case done:
			l.writeErr = l.tls.CloseWrite()
			return
		case drained:
			if l.queue.reopen() && l.handler != nil {
				l.handler.Drained(l)
			}
		case len(out) == 0:
			pieces.Put(buf)
			<-l.queue.wake // seal and drop wake us too
			buf = pieces.Get().(*[piece]byte)
		}
	}
}

// send writes a piece. It writes a long frame in parts, so that conn sees its progress.
func (l *Link) send(out []byte) error {
	for len(out) > 0 {
		n := min(len(out), piece)
		if _, err := l.tls.Write(out[:n]); err != nil {
			return err
		}
		out = out[n:]
	}
	return nil
}
