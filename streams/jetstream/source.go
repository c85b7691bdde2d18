package jetstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// ErrLost says that messages after the position are gone from the stream.
var ErrLost = errors.New("readings were lost")

var _ streams.Open = Source{}.Open

// A Source says which stream to read and how. Its Open method is a streams.Open.
type Source struct {
	JetStream    js.JetStream
	Stream       string     // "": ReadingsStream
	Subject      string     // of the messages to read, e.g. BucketSubject; "": all
	Known        wire.Known // see wire.Decoder
	MaxBodyBytes int        // see wire.Decoder

	// StopAt ends the source after this sequence, as for a bounded replay; see
	// LastSequence. 0: never.
	StopAt flatwatt.Position

	Stall time.Duration // 0: DefaultStall

	// Recreated, if not nil, is called when the consumer is made anew, from the
	// goroutine that reads.
	Recreated func(after flatwatt.Position, cause error)
}

// LastSequence is the position after all that the stream holds now: a StopAt.
func LastSequence(ctx context.Context, stream js.Stream) (flatwatt.Position, error) {
	info, err := stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask for the end of the stream: %w", err)
	}
	return flatwatt.Position(info.State.LastSeq), nil
}

// Open opens a source of the messages after from. Position 0 stands for whatever the
// stream still holds. It fails with ErrLost where retention has passed from, and where
// from lies past the end of the stream.
func (s Source) Open(ctx context.Context, from flatwatt.Position) (flatwatt.Source, error) {
	if s.Stream == "" {
		s.Stream = ReadingsStream
	}
	if s.Stall == 0 {
		s.Stall = DefaultStall
	}
	stream, err := s.JetStream.Stream(ctx, s.Stream)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", s.Stream, err)
	}
	r := &reader{Source: s, stream: stream, last: from}
	r.decoder = wire.Decoder{Known: s.Known, MaxBodyBytes: s.MaxBodyBytes}
	state := stream.CachedInfo().State
	switch {
	case from == 0 && state.FirstSeq > 0:
		r.last = flatwatt.Position(state.FirstSeq - 1)
	case uint64(from) > state.LastSeq:
		return nil, fmt.Errorf("position %d is past the end of stream %s at %d: the stream was made anew, or has lost its end; start over from what it holds",
			from, s.Stream, state.LastSeq)
	}
	if err := r.notLost(state); err != nil {
		return nil, err
	}
	if err := r.consume(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// A reader is an open Source. One goroutine owns it.
type reader struct {
	Source
	stream      js.Stream
	pull        *pull
	last        flatwatt.Position // absorbed
	decoder     wire.Decoder
	batch       flatwatt.Batch // reused
	recreations int            // since the last message
	waited      time.Duration  // for a message, by calls that ended before the watchdog woke
}

// Read returns the readings of the next message: a message is a batch already.
func (r *reader) Read(ctx context.Context) (flatwatt.Batch, error) {
	r.batch.Readings, r.batch.Rejected = r.batch.Readings[:0], r.batch.Rejected[:0]
	for r.StopAt == 0 || r.last < r.StopAt {
		if r.pull == nil { // the last call ended while the consumer was being made anew
			if err := r.recreate(ctx, errors.New("the consumer was not made anew in time")); err != nil {
				return flatwatt.Batch{}, err
			}
		}
		m, err := r.next(ctx)
		switch {
		case err == nil:
			more, err := r.absorb(ctx, m)
			if err != nil {
				// The message is taken from the consumer and not absorbed: who reads on must
				// get it again, or it would count as deleted.
				r.stop()
			}
			if err != nil || more {
				return r.batch, err
			}
		case ctx.Err() != nil:
			return flatwatt.Batch{}, ctx.Err()
		default:
			if more, err := r.stalled(ctx, err); err != nil || more {
				return r.batch, err
			}
		}
	}
	return flatwatt.Batch{}, io.EOF
}

// absorb adds a message to the batch; false where it was seen before.
func (r *reader) absorb(ctx context.Context, got pulled) (bool, error) {
	m := got.msg
	meta, err := m.Metadata()
	if err != nil {
		return false, fmt.Errorf("message without stream sequence: %w", err)
	}
	seq := flatwatt.Position(meta.Sequence.Stream)
	if seq <= r.last {
		return false, nil
	}
	r.recreations = 0
	end := seq - 1
	if r.StopAt > 0 {
		end = min(end, r.StopAt)
	}
	switch {
	case r.Subject == "" && end > r.last:
		if err := r.skip(ctx, end); err != nil {
			return false, err
		}
	case r.Subject != "" && got.fresh:
		// Between messages of one subject there are gaps anyway, so only the stream's
		// start tells that none of ours was dropped; once a request is enough.
		if err := r.stillThere(ctx); err != nil {
			return false, err
		}
	}
	if r.StopAt == 0 || seq <= r.StopAt {
		r.decoder.Append(&r.batch, wire.Message{
			Format: wire.Format(m.Headers().Get(wire.HeaderFormat)), Body: m.Data(),
			Received: meta.Timestamp, Where: fmt.Sprintf("%s:%d", r.Stream, seq),
		})
		r.last = seq
	}
	r.batch.Next = r.last
	return true, nil
}

// skip passes over sequences that the stream does not hold. Where its start has moved
// past them, retention or a purge took readings that nobody has scored: that is an
// error. A hole further on was cut by hand, message by message: that is noted.
func (r *reader) skip(ctx context.Context, end flatwatt.Position) error {
	info, err := r.ask(ctx)
	if err != nil {
		return fmt.Errorf("ask stream %s for its start: %w", r.Stream, err)
	}
	if err := r.notLost(info.State); err != nil {
		return err
	}
	r.batch.Rejected = append(r.batch.Rejected, flatwatt.Rejected{
		Where:  fmt.Sprintf("%s:%d-%d", r.Stream, r.last+1, end),
		Reason: "the messages were deleted from the stream by hand: send their readings again if they were good",
	})
	r.last, r.batch.Next = end, end
	return nil
}

// stillThere makes sure that the stream has not begun to drop what was not read yet.
func (r *reader) stillThere(ctx context.Context) error {
	info, err := r.ask(ctx)
	if err != nil {
		return fmt.Errorf("ask stream %s for its start: %w", r.Stream, err)
	}
	return r.notLost(info.State)
}

func (r *reader) notLost(state js.StreamState) error {
	if state.FirstSeq <= uint64(r.last)+1 {
		return nil
	}
	return fmt.Errorf("%w: messages %d to %d of stream %s were dropped by its limits before they were scored, the oldest now is of %s; "+
		"publish them again from the archive under a new checkpoint name, and give the stream more room or run the worker more often",
		ErrLost, r.last+1, state.FirstSeq-1, r.Stream, state.FirstTime.UTC().Format(time.RFC3339))
}

// Close ends the consumer.
func (r *reader) Close() error {
	r.stop()
	return nil
}
