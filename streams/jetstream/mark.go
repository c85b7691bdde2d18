package jetstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	js "github.com/nats-io/nats.go/jetstream"

	"github.com/flatwatt/flatwatt"
)

// ErrOtherStream says that a position was saved of another stream than the present one, which
// was made anew or has lost its end: the messages up to there are not those that were scored.
var ErrOtherStream = errors.New("the position is one of another stream")

// A mark tells which stream of readings a position is of: a stream that was deleted and made
// anew counts from 1 again, and one that lost its end with the power gives its numbers anew.
type mark struct {
	Made   time.Time `json:"made"`            // when the stream was
	Stored time.Time `json:"stored,omitzero"` // when the message at the position was; zero: it is gone

	end flatwatt.Position // of the stream
}

// markOf looks position at up. Nothing is known without a stream of readings.
func markOf(ctx context.Context, j js.JetStream, at flatwatt.Position) (mark, error) {
	s, err := j.Stream(ctx, ReadingsStream)
	if errors.Is(err, js.ErrStreamNotFound) {
		return mark{}, nil
	}
	if err != nil {
		return mark{}, fmt.Errorf("look for stream %s: %w", ReadingsStream, err)
	}
	p := mark{Made: s.CachedInfo().Created.UTC(), end: flatwatt.Position(s.CachedInfo().State.LastSeq)}
	if at == 0 || at > p.end {
		return p, nil
	}
	m, err := s.GetMsg(ctx, uint64(at))
	if err != nil && !errors.Is(err, js.ErrMsgNotFound) {
		return mark{}, fmt.Errorf("look for message %d of stream %s: %w", at, ReadingsStream, err)
	}
	if err == nil {
		p.Stored = m.Time.UTC()
	}
	return p, nil
}

// check fails with ErrOtherStream where position at now has another mark than p.
func (p mark) check(ctx context.Context, j js.JetStream, at flatwatt.Position) error {
	now, err := markOf(ctx, j, at)
	switch {
	case err != nil:
		return err
	case now.Made.IsZero(): // whoever reads will say that there is none
		return nil
	case at > now.end:
		return fmt.Errorf("%w: stream %s ends at %d: it was made anew, or has lost its end", ErrOtherStream, ReadingsStream, now.end)
	case p.Made.IsZero(): // the checkpoint was saved by a program that did not note it
		return nil
	case !p.Stored.IsZero() && !now.Stored.IsZero(): // a stream restored from a backup is made anew, its messages are not
		if !now.Stored.Equal(p.Stored) {
			return fmt.Errorf("%w: message %d of stream %s was stored at %s, that of the checkpoint at %s: the stream was made anew, or has lost its end and was written on",
				ErrOtherStream, at, ReadingsStream, now.Stored.Format(time.RFC3339Nano), p.Stored.Format(time.RFC3339Nano))
		}
	case !now.Made.Equal(p.Made):
		return fmt.Errorf("%w: stream %s was made at %s, that of the checkpoint at %s",
			ErrOtherStream, ReadingsStream, now.Made.Format(time.RFC3339), p.Made.Format(time.RFC3339))
	}
	return nil
}
