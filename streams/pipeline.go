// Package streams moves readings in and scores out: the one loop that live scoring
// and re-scoring share. The ends of the loop are a folder each.
package streams

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/flatwatt/flatwatt"
)

const (
	// DefaultSaveEvery is how many readings lie between two checkpoints where
	// Pipeline.SaveEvery is zero: at a million meters and 15 minutes, nine a day.
	DefaultSaveEvery = 10_000_000

	// DefaultSaveSpan is Pipeline.SaveSpan where that is zero, in messages.
	DefaultSaveSpan = 10_000

	// MaxScoresPerWrite bounds what Sink.Write is handed at once. The close of a day
	// yields a score for every meter; a sink sends some thousand lines a request, and some
	// requests at once.
	MaxScoresPerWrite = 20_000
)

// Open opens a source at the message just after from. What it returns is closed by
// Run if it is an io.Closer.
type Open func(ctx context.Context, from flatwatt.Position) (flatwatt.Source, error)

// Rejects keeps what could not be taken, for people to look at and to send again.
type Rejects interface {
	// Reject returns once pieces are durable. After an error, any part of them may be.
	// A piece that comes again (same Where and Field) must not be kept twice, because
	// a restart repeats everything after the checkpoint. Pieces are valid until it returns.
	Reject(ctx context.Context, pieces []flatwatt.Rejected) error
}

// A Pipeline is everything between a reading and its score. All fields but the Save ones,
// Seat, Retry and Hooks are required.
type Pipeline struct {
	Open        Open
	Scorer      flatwatt.Scorer // newly built; Run restores it, and nobody else touches it until Run returns
	Sink        flatwatt.Sink
	Rejects     Rejects
	Checkpoints flatwatt.Checkpoints

	SaveEvery int // pieces (readings and rejects) between checkpoints; 0: DefaultSaveEvery

	// SaveSpan saves as well when an empty batch has moved the position so far since the
	// last checkpoint, so that the place of a quiet part of a busy stream keeps ahead of
	// the stream's retention. 0: DefaultSaveSpan.
	SaveSpan flatwatt.Position

	// SaveFirst is how many pieces before the first checkpoint of a run; 0: SaveEvery. Loops
	// that run beside each other are given different ones, so that they do not all save at
	// the same moment.
	SaveFirst int

	// SaveBehind stores checkpoints while scoring goes on. Checkpoints.Save and Hooks.Saved
	// are then called from another goroutine, one call at a time, none after Run has
	// returned. It costs a copy of the memory while it is stored.
	SaveBehind bool

	// SaveClosed saves once more after Scorer.Close. Only for a source that will never
	// go on, e.g. to keep the memory of a finished re-scoring run: see end.
	SaveClosed bool

	// Seat, if not nil, has Run wait for its turn among others before it restores or scores.
	Seat *Seat

	Retry Retry // of Sink and Rejects
	Hooks Hooks
}

// Hooks are called from Run's goroutine, after the step that they name is durable.
// Nil hooks are skipped. What they are handed is valid only during the call.
type Hooks struct {
	Resumed func(from flatwatt.Position, stateBytes int)
	Scored  func(batch flatwatt.Batch, scores []flatwatt.Score)
	Saved   func(next flatwatt.Position, stateBytes int)
	Closed  func(scores []flatwatt.Score)
	Retried func(doing string, attempt int, err error)
}

// Run resumes from the checkpoint and scores until a bounded source ends (nil), ctx
// ends or something fails for good. The order within a step is the guarantee:
//
//	read → score → keep rejects → write scores → save position and memory
//
// so everything that a checkpoint covers is durable before it. A crash, a failure or
// a stop anywhere repeats work and never skips it; scoring is deterministic, and
// writing replaces, so it repeats it with the same result.
//
// Run may be called again after any error, with a newly built Scorer: the old one
// remembers readings that no checkpoint covers.
func (p Pipeline) Run(ctx context.Context) (err error) {
	if err := p.complete(); err != nil {
		return err
	}
	from, size, err := p.resume(ctx)
	if err != nil {
		return err
	}
	if p.Hooks.Resumed != nil {
		p.Hooks.Resumed(from, size)
	}
	source, err := p.Open(ctx, from)
	if err != nil {
		return fmt.Errorf("open source at %d: %w", from, err)
	}
	if c, ok := source.(io.Closer); ok {
		defer func() { err = errors.Join(err, c.Close()) }()
	}
	r := run{Pipeline: p, source: source, next: from, saved: from, unsaved: p.SaveEvery - p.SaveFirst}
	defer func() { err = errors.Join(err, r.settle()) }()
	for {
		batch, err := source.Read(ctx)
		if errors.Is(err, io.EOF) {
			return r.end(ctx)
		}
		if err != nil {
			return fmt.Errorf("read after %d: %w", r.next, err)
		}
		if err := r.step(ctx, batch); err != nil {
			return err
		}
	}
}

func (p *Pipeline) resume(ctx context.Context) (flatwatt.Position, int, error) {
	done, err := p.Seat.Take(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer done()
	return Resume(ctx, p.Checkpoints, p.Scorer)
}

// complete refuses a half-wired pipeline: a missing end would lose data in silence.
func (p *Pipeline) complete() error {
	switch {
	case p.Open == nil, p.Scorer == nil, p.Sink == nil, p.Rejects == nil, p.Checkpoints == nil:
		return errors.New("pipeline: Open, Scorer, Sink, Rejects and Checkpoints must all be set")
	case p.SaveEvery < 0:
		return fmt.Errorf("pipeline: SaveEvery is %d; give a number of readings, or 0 for %d", p.SaveEvery, DefaultSaveEvery)
	case p.SaveFirst < 0:
		return fmt.Errorf("pipeline: SaveFirst is %d; give a number of readings, or 0 for SaveEvery", p.SaveFirst)
	}
	if p.SaveEvery == 0 {
		p.SaveEvery = DefaultSaveEvery
	}
	if p.SaveFirst == 0 || p.SaveFirst > p.SaveEvery {
		p.SaveFirst = p.SaveEvery
	}
	if p.SaveSpan == 0 {
		p.SaveSpan = DefaultSaveSpan
	}
	return nil
}

// Resume loads the checkpoint and restores scorer from it. It returns the position
// at which the source must be opened and the size of the state; both zero where
// nothing was saved, and then scorer is left as it was built.
func Resume(ctx context.Context, saved flatwatt.Checkpoints, scorer flatwatt.Scorer) (flatwatt.Position, int, error) {
	c, err := saved.Load(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("load checkpoint: %w", err)
	}
	if c.Position == 0 && len(c.State) == 0 {
		return 0, 0, nil
	}
	if err := scorer.UnmarshalBinary(c.State); err != nil {
		return 0, 0, fmt.Errorf("restore %d bytes of memory at position %d: %w", len(c.State), c.Position, err)
	}
	return c.Position, len(c.State), nil
}
