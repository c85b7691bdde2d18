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

const (
	// DefaultStall is how long a source waits for a message before it asks the stream
	// whether there should be one.
	DefaultStall = 5 * time.Second

	// MaxRecreations bounds how often a consumer is made anew without a message in
	// between. With a server that does not answer, each takes about five seconds.
	MaxRecreations = 5
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
}

// Read returns the readings of the next message: a message is a batch already.
func (r *reader) Read(ctx context.Context) (flatwatt.Batch, error) {
	r.batch.Readings, r.batch.Rejected = r.batch.Readings[:0], r.batch.Rejected[:0]
	for r.StopAt == 0 || r.last < r.StopAt {
		m, err := r.next(ctx)
		switch {
		case err == nil:
			if more, err := r.absorb(ctx, m); err != nil || more {
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

// next waits for a message for as long as the watchdog is patient. Two consumers were
// once seen to fall silent for good; nobody knows why.
func (r *reader) next(ctx context.Context) (pulled, error) {
	select { // the usual case, without a timer
	case got := <-r.pull.out:
		return got, got.err
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, r.Stall)
	defer cancel()
	select {
	case got := <-r.pull.out:
		return got, got.err
	case <-ctx.Done():
		return pulled{}, ctx.Err()
	}
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
	info, err := r.stream.Info(ctx)
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
	info, err := r.stream.Info(ctx)
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

// stalled finds out why no message came: there is none (false), those that are left
// were deleted (true), or the consumer is broken and is made anew.
func (r *reader) stalled(ctx context.Context, cause error) (more bool, err error) {
	if errors.Is(cause, context.DeadlineExceeded) {
		info, err := r.stream.Info(ctx)
		switch {
		case err != nil:
			cause = err // the server, not the consumer: but a new one cannot harm
		case info.State.LastSeq <= uint64(r.last):
			return false, nil // nothing to read: silence is right
		default:
			if err := r.notLost(info.State); err != nil {
				return false, err
			}
			if r.noneUpTo(ctx, info.State.LastSeq) {
				end := flatwatt.Position(info.State.LastSeq)
				if r.StopAt > 0 {
					end = min(end, r.StopAt)
				}
				if r.Subject != "" { // nothing of ours up to there: the place moves on
					r.last, r.batch.Next = end, end
					return true, nil
				}
				return true, r.skip(ctx, end)
			}
			cause = fmt.Errorf("no message within %v, though the stream goes on to %d", r.Stall, info.State.LastSeq)
		}
	}
	return false, r.recreate(ctx, cause)
}

// noneUpTo says whether the stream holds no message of ours after the last one, up to end.
func (r *reader) noneUpTo(ctx context.Context, end uint64) bool {
	subject := r.Subject
	if subject == "" {
		subject = ">"
	}
	m, err := r.stream.GetMsg(ctx, uint64(r.last)+1, js.WithGetMsgSubject(subject))
	if err == nil {
		return m.Sequence > end // it came just now
	}
	return errors.Is(err, js.ErrMsgNotFound)
}

func (r *reader) recreate(ctx context.Context, cause error) error {
	for {
		if r.recreations++; r.recreations > MaxRecreations {
			return fmt.Errorf("stream %s gave no message after %d, and %d new consumers did not help: %w", r.Stream, r.last, MaxRecreations, cause)
		}
		if r.Recreated != nil {
			r.Recreated(r.last, cause)
		}
		r.stop()
		err := r.consume(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
		cause = err
	}
}

// consume starts a consumer just after the last message absorbed.
func (r *reader) consume(ctx context.Context) (err error) {
	if r.pull, err = startPull(ctx, r.stream, r.Subject, uint64(r.last)); err != nil {
		return fmt.Errorf("consume stream %s after %d: %w", r.Stream, r.last, err)
	}
	return nil
}

func (r *reader) stop() {
	if r.pull != nil {
		r.pull.stop()
		r.pull = nil
	}
}

// Close ends the consumer.
func (r *reader) Close() error {
	r.stop()
	return nil
}
