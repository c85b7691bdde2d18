package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
)

const (
	// DefaultStall is how long a source waits for a message before it asks the stream
	// whether there should be one.
	DefaultStall = 5 * time.Second

	// MaxRecreations bounds how often a consumer is made anew without a message in
	// between. With a server that does not answer, each takes about five seconds.
	MaxRecreations = 5

	// askWithin bounds the wait for one answer of the server. The caller's deadline may lie
	// an hour ahead, and a server that went away never answers.
	askWithin = 5 * time.Second
)

// next waits for a message for as long as the watchdog is patient. Two consumers were
// once seen to fall silent for good; nobody knows why. A caller whose deadlines are shorter
// than that patience uses it up in several calls.
func (r *reader) next(ctx context.Context) (pulled, error) {
	select { // the usual case, without a timer
	case got := <-r.pull.out:
		return r.taken(got)
	default:
	}
	began := time.Now()
	wait, cancel := context.WithTimeout(ctx, r.Stall-r.waited)
	defer cancel()
	select {
	case got := <-r.pull.out:
		return r.taken(got)
	case <-wait.Done():
		if r.waited += time.Since(began); ctx.Err() == nil {
			r.waited = 0
		}
		return pulled{}, wait.Err()
	}
}

// taken gives out what a pull gave. After an error it gives nothing more.
func (r *reader) taken(got pulled) (pulled, error) {
	r.waited = 0
	if got.err != nil {
		r.stop()
	}
	return got, got.err
}

// stalled finds out why no message came: there is none (false), those that are left
// were deleted (true), or the consumer is broken and is made anew.
func (r *reader) stalled(ctx context.Context, cause error) (more bool, err error) {
	if errors.Is(cause, context.DeadlineExceeded) {
		info, err := r.ask(ctx)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err() // no time is left to make a consumer
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
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
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

func (r *reader) ask(ctx context.Context) (*js.StreamInfo, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return r.stream.Info(ctx)
}
