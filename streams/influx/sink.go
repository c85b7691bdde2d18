package influx

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams"
)

var _ flatwatt.Sink = (*Sink)(nil)

// A Sink writes scores and their roll-ups. It may be used by several goroutines, but
// one part of the fleet must have one Sink only: see Rollups.
type Sink struct {
	client *Client

	mu      sync.Mutex // guards what follows
	rollups *Rollups
	bufs    [sendsAtOnce][]byte
}

// NewSink returns a sink that rolls up along register: see NewRollups for part.
// Without a register it still rolls up the fleet and the top.
func NewSink(client *Client, register []flatwatt.Meter, part string) (*Sink, error) {
	r, err := NewRollups(register, part)
	if err != nil {
		return nil, err
	}
	return &Sink{client: client, rollups: r}, nil
}

// Write returns once scores and the roll-ups that they change are durable. An error
// that no retry can mend, such as a refused token or line, is marked streams.Permanent.
//
// Days are written one after another. The order within a day makes its roll-ups survive
// a crash: it is marked before its first score, the scores go next, the roll-ups last.
// So a day without a mark has no scores, and one with a mark is read back before it is
// added to.
func (s *Sink) Write(ctx context.Context, scores []flatwatt.Score) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, run := range byDay(scores) {
		if err := s.writeDay(ctx, run); err != nil {
			// What is in the database is now unknown: read it back before the next write.
			s.rollups.forget(run[0].Day)
			return err
		}
	}
	return nil
}

// byDay parts scores by day, earliest first, each day in the given order.
func byDay(scores []flatwatt.Score) [][]flatwatt.Score {
	if len(scores) == 0 {
		return nil
	}
	earlier := func(a, b flatwatt.Score) int { return cmp.Compare(a.Day, b.Day) }
	if !slices.IsSortedFunc(scores, earlier) {
		scores = slices.Clone(scores) // they belong to the caller
		slices.SortStableFunc(scores, earlier)
	}
	var runs [][]flatwatt.Score
	start := 0
	for i := range scores {
		if scores[i].Day != scores[start].Day {
			runs, start = append(runs, scores[start:i]), i
		}
	}
	return append(runs, scores[start:])
}

func (s *Sink) writeDay(ctx context.Context, scores []flatwatt.Score) error {
	if err := s.recall(ctx, &scores[0]); err != nil {
		return err
	}
	done, err := s.client.turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	err = s.inChunks(ctx, len(scores), func(b []byte, i int) ([]byte, error) {
		b, err := appendScore(b, &scores[i], s.rollups.mayBeBrief(&scores[i]))
		return b, streams.Permanent(err)
	})
	if err != nil {
		return err
	}
	// A crash here leaves roll-ups that lack these scores. The checkpoint does not
	// cover them, so they come again, and the day is read back whole.
	for i := range scores {
		s.rollups.Add(&scores[i])
	}
	lines := append(s.rollups.Changed(), s.rollups.eventsOf(scores)...)
	return s.inChunks(ctx, len(lines), func(b []byte, i int) ([]byte, error) { return append(b, lines[i]...), nil })
}

// sendsAtOnce hides the wait for the database's disk behind the work on the next chunk:
// with one at a time both stand still in turn.
const sendsAtOnce = 4

// inChunks sends n lines, ChunkPoints at a time and some of these at once, and returns when
// all have been answered. Their order does not matter: no two are of the same point.
func (s *Sink) inChunks(ctx context.Context, n int, line func(b []byte, i int) ([]byte, error)) error {
	// No context of the group's own: ctx may look at a clock when it is asked (a lease).
	var work errgroup.Group
	free := make(chan []byte, sendsAtOnce)
	for i := range sendsAtOnce {
		free <- s.bufs[i][:0]
	}
	var failed error
	for from := 0; from < n && failed == nil; from += s.client.conf.ChunkPoints {
		b := <-free
		for i := from; i < min(n, from+s.client.conf.ChunkPoints) && failed == nil; i++ {
			b, failed = line(b, i)
		}
		if failed != nil {
			free <- b
			break
		}
		work.Go(func() error {
			defer func() { free <- b[:0] }()
			return s.client.send(ctx, b)
		})
	}
	err := work.Wait()
	for i := range sendsAtOnce {
		s.bufs[i] = <-free
	}
	return cmp.Or(failed, err)
}

// recall makes the roll-ups know the day of score: from the database if it is marked
// there, else by marking it.
func (s *Sink) recall(ctx context.Context, score *flatwatt.Score) error {
	day := score.Day
	if s.rollups.knows(day) {
		return nil
	}
	marked, err := s.client.isMarked(ctx, day, s.rollups.part)
	if err != nil {
		return fmt.Errorf("look for roll-ups of %s: %w", day, err)
	}
	s.rollups.begin(day)
	if marked {
		if err := s.client.scoresFor(ctx, day, s.rollups.add); err != nil {
			return fmt.Errorf("read scores of %s back: %w", day, err)
		}
		return nil
	}
	if err := checkTag(DetectorTag, score.Detector); err != nil {
		return streams.Permanent(err)
	}
	if err := s.client.send(ctx, s.rollups.appendMark(nil, day, score.Detector)); err != nil {
		return fmt.Errorf("mark %s: %w", day, err)
	}
	return nil
}
