// Package memory is a stream's ends held in memory, for tests and examples. Each end
// can be told to fail, with its effect lost, kept, or kept in part.
//
// Nothing here is safe for concurrent use: a pipeline is one goroutine.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
)

var (
	_ streams.Open         = (*Stream)(nil).Open
	_ streams.Rejects      = (*Rejects)(nil)
	_ flatwatt.Sink        = (*Sink)(nil)
	_ flatwatt.Checkpoints = (*Checkpoints)(nil)
)

// A Message is what one position of a Stream holds.
type Message struct {
	Readings []flatwatt.Reading
	Rejected []flatwatt.Rejected
}

// A Stream is a bounded stream of messages: message i lies between positions i and i+1.
type Stream struct {
	Messages []Message
	PerBatch int          // messages a batch; 0: one
	Fault    func() error // if not nil, asked before each Read
}

// Open returns a source of the messages after from. It fails where from lies past the
// end: such a checkpoint belongs to another stream.
func (s *Stream) Open(_ context.Context, from flatwatt.Position) (flatwatt.Source, error) {
	if from > flatwatt.Position(len(s.Messages)) {
		return nil, fmt.Errorf("position %d is past the end of the stream at %d", from, len(s.Messages))
	}
	return &source{stream: s, next: from}, nil
}

type source struct {
	stream *Stream
	next   flatwatt.Position
	batch  flatwatt.Batch // reused, as the contract of Source allows
}

func (s *source) Read(ctx context.Context) (flatwatt.Batch, error) {
	if err := ctx.Err(); err != nil {
		return flatwatt.Batch{}, err
	}
	if s.stream.Fault != nil {
		if err := s.stream.Fault(); err != nil {
			return flatwatt.Batch{}, err
		}
	}
	rest := s.stream.Messages[s.next:]
	if len(rest) == 0 {
		return flatwatt.Batch{}, io.EOF
	}
	rest = rest[:min(len(rest), max(1, s.stream.PerBatch))]
	b := &s.batch
	b.Readings, b.Rejected = b.Readings[:0], b.Rejected[:0]
	for _, m := range rest {
		b.Readings = append(b.Readings, m.Readings...)
		b.Rejected = append(b.Rejected, m.Rejected...)
	}
	s.next += flatwatt.Position(len(rest))
	b.Next = s.next
	return *b, nil
}

// A Key identifies a score.
type Key struct {
	Meter    flatwatt.MeterID
	Day      flatwatt.Day
	Detector string
}

// A Sink keeps the last score written for each Key. The zero value is ready to use.
type Sink struct {
	Scores map[Key]flatwatt.Score
	Writes int // calls of Write, also the failed ones

	// Fault, if not nil, decides the fate of a write of n scores: the first keep of
	// them are kept, and err is returned.
	Fault func(n int) (keep int, err error)
}

// Write implements flatwatt.Sink.
func (s *Sink) Write(_ context.Context, scores []flatwatt.Score) (err error) {
	s.Writes++
	keep := len(scores)
	if s.Fault != nil {
		keep, err = s.Fault(keep)
	}
	if s.Scores == nil {
		s.Scores = map[Key]flatwatt.Score{}
	}
	for _, score := range scores[:keep] {
		score.Evidence = slices.Clone(score.Evidence) // valid only until the next Score
		s.Scores[Key{score.Meter, score.Day, score.Detector}] = score
	}
	return err
}

// Sorted returns the scores by meter, day and detector.
func (s *Sink) Sorted() []flatwatt.Score {
	keys := slices.SortedFunc(maps.Keys(s.Scores), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Meter, b.Meter), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Detector, b.Detector))
	})
	scores := make([]flatwatt.Score, len(keys))
	for i, k := range keys {
		scores[i] = s.Scores[k]
	}
	return scores
}

// Rejects keeps each piece once. The zero value is ready to use.
type Rejects struct {
	Pieces []flatwatt.Rejected // in order of first arrival

	// Fault, if not nil, decides the fate of n pieces, as that of Sink does.
	Fault func(n int) (keep int, err error)
}

// Reject implements streams.Rejects.
func (r *Rejects) Reject(_ context.Context, pieces []flatwatt.Rejected) (err error) {
	keep := len(pieces)
	if r.Fault != nil {
		keep, err = r.Fault(keep)
	}
	for _, p := range pieces[:keep] {
		if slices.ContainsFunc(r.Pieces, func(q flatwatt.Rejected) bool { return p.Where == q.Where && p.Field == q.Field }) {
			continue
		}
		p.Raw = slices.Clone(p.Raw)
		r.Pieces = append(r.Pieces, p)
	}
	return err
}

// Checkpoints keeps the latest checkpoint. The zero value is ready to use.
type Checkpoints struct {
	Latest flatwatt.Checkpoint
	Saves  int // calls of Save, also the failed ones

	// Fault, if not nil, decides the fate of a save.
	Fault func() (keep bool, err error)
}

// Load implements flatwatt.Checkpoints.
func (c *Checkpoints) Load(context.Context) (flatwatt.Checkpoint, error) {
	return flatwatt.Checkpoint{Position: c.Latest.Position, State: slices.Clone(c.Latest.State)}, nil
}

// Save implements flatwatt.Checkpoints.
func (c *Checkpoints) Save(_ context.Context, cp flatwatt.Checkpoint) (err error) {
	c.Saves++
	keep := true
	if c.Fault != nil {
		keep, err = c.Fault()
	}
	if keep {
		c.Latest = flatwatt.Checkpoint{Position: cp.Position, State: slices.Clone(cp.State)}
	}
	return err
}
