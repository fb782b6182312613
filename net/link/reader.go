package link

import (
	"context"
	"errors"
	"fmt"
	"io"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/crypto/verify"
	"chat.lan/p2pchat/net/wire"
)

// refused passes through the lane what Handler.Refused is to be called with, so that all calls come
// from one goroutine at a time.
type refused string

// read is the reader. It ends at the end of the peer's direction, at a frame that can't be read, or
// when the connection is gone; what has come before is delivered by then.
func (l *Link) read(ctx context.Context) {
	defer close(l.readerDone)
	l.readErr = ErrDown // until we know better, should this panic
	err := l.receive(ctx)
	if l.lane != nil {
		_ = l.lane.Drain(ctx) // its error says that the lane was closed: by Abort, or the pool's end
	}
	l.readErr = err
}

func (l *Link) receive(ctx context.Context) error {
	in := inbound{l: l, ctx: ctx, discard: l.lane == nil}
	for {
		payload, err := l.frames.Next()
		if errors.Is(err, wire.ErrFrameSize) {
			in.refuse(RefusedSize)
		}
		if err != nil {
			return err
		}
		if err := in.frame(payload); err != nil {
			return err
		}
	}
}

// inbound is the reader's state.
type inbound struct {
	l       *Link
	ctx     context.Context
	discard bool // nobody is there any more to deliver to
}

// frame handles one payload, which is valid only until it returns. An error ends the link.
func (in *inbound) frame(payload []byte) error {
	if in.discard && in.l.peerBye.Load() != nil {
		return nil
	}
	m, err := wire.Decode(payload)
	if err != nil {
		reason := RefusedFrame
		if errors.Is(err, wire.ErrUTF8) {
			reason = RefusedUTF8
		}
		in.refuse(reason)
		return err
	}
	size := len(payload)
	switch m := m.(type) {
	case wire.Ping:
		in.l.pong(m)
		if len(m.Frontier) > 0 {
			in.submit(verify.Job{Value: m, Size: size})
		}
	case wire.Pong:
		in.l.rtt.answered(m)
	case wire.Heartbeat: // heard, that is all it says
	case wire.Hello:
		in.refuse(RefusedHello)
	case wire.Unknown:
		in.refuse(RefusedUnknown)
	case wire.Record:
		in.record(m, size)
	case wire.Records:
		in.records(m, size)
	case wire.Bye:
		in.bye(m)
	default:
		in.submit(verify.Job{Value: m, Size: size})
	}
	return nil
}

func (in *inbound) record(m wire.Record, size int) {
	if in.discard {
		return
	}
	claim, err := record.Parse(m.Body, m.Sig)
	if err != nil {
		in.refuse(RefusedRecord)
		return
	}
	in.submit(verify.Job{Claim: claim, Size: size})
}

func (in *inbound) records(m wire.Records, size int) {
	if in.discard {
		return
	}
	claims := make([]*record.Claim, 0, len(m.Records))
	for _, r := range m.Records {
		claim, err := record.Parse(r.Body, r.Sig)
		if err != nil {
			in.refuse(RefusedRecord)
			continue
		}
		claims = append(claims, claim)
	}
	m.Records = nil
	in.submit(verify.Job{Claims: claims, Value: m, Size: size})
}

// bye notes that the peer sends no more messages. Ours that wait are still written. Down brings the
// reason, after all that came before.
func (in *inbound) bye(m wire.Bye) {
	in.discard = true
	in.l.peerBye.Store(newByeError(m.Reason))
	in.l.queue.seal(nil)
	in.l.once.Do(func() { close(in.l.closing) })
}

func (in *inbound) refuse(reason string) { in.submit(verify.Job{Value: refused(reason)}) }

// submit hands an item to the lane. When that takes no more, reading goes on to the peer's end
// without it.
func (in *inbound) submit(item verify.Job) {
	if in.discard {
		return
	}
	item.More = in.l.frames.Buffered() > 0
	if in.l.lane.Submit(in.ctx, item) != nil {
		in.discard = true
	}
}

// deliver is called by the lane, one result at a time and in order.
func (l *Link) deliver(r verify.Result) {
	switch m := r.Value.(type) {
	case nil:
		if r.Err != nil {
			l.handler.Refused(l, RefusedSignature)
			return
		}
		l.handler.Record(l, r.Record)
	case wire.Records:
		for range badOnes(r.Records) {
			l.handler.Refused(l, RefusedSignature)
		}
		l.handler.Records(l, m, goodOnes(r.Records))
	case wire.Ping:
		l.handler.Frontier(l, m.Frontier)
	case refused:
		l.handler.Refused(l, string(m))
	case wire.Message:
		l.handler.Message(l, m)
	}
}

func badOnes(rs []*record.Record) (n int) {
	for _, r := range rs {
		if r == nil {
			n++
		}
	}
	return n
}

// goodOnes leaves out what did not verify, in place.
func goodOnes(rs []*record.Record) []*record.Record {
	good := rs[:0]
	for _, r := range rs {
		if r != nil {
			good = append(good, r)
		}
	}
	return good
}

// readEnd is the reader's error as the reason of a loss.
func readEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the peer closed without a goodbye: %w", err)
	}
	return err
}
