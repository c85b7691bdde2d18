package rescore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/archive"
)

const (
	// DefaultSaveEvery is how many readings lie between two saved states: some ten seconds.
	DefaultSaveEvery = 40_000_000

	// daysAhead is how many decoded days wait for the Scorer.
	daysAhead = 3
)

// A Runner computes runs. Archive, Runs, NewScorer and Now are required.
type Runner struct {
	Archive   *archive.Archive
	Runs      Runs
	NewScorer func(partition int) (flatwatt.Scorer, error)
	Now       func() time.Time // for the ledger only; scores never depend on it
	Who       string

	Workers   int     // partitions at a time; 0: one a core
	SaveEvery int64   // readings between states of a partition; 0: DefaultSaveEvery
	MaxRate   float64 // readings a second over all partitions; 0: no bound

	// Progress is called with the readings done, also by earlier lives, of all; from one
	// goroutine at a time.
	Progress func(done, total int64)
}

// Run computes what is left of spec, which Plan completed, and returns the run's entry
// in the ledger. When ctx ends, what is saved stays, and the entry says Stopped. A
// partition that fails does not stop the others.
func (r *Runner) Run(ctx context.Context, spec Spec) (Entry, error) {
	e, known, err := r.Runs.Find(ctx, spec.ID())
	if err != nil {
		return e, err
	}
	if known && e.Outcome == Done {
		return e, nil
	}
	if !known {
		e = Entry{ID: spec.ID(), Spec: spec, AsOf: r.Archive.Clock(), Started: r.Now(), Who: r.Who}
	}
	began := r.Now()
	e.Outcome, e.Ended, e.Errors = Running, time.Time{}, nil
	e.Lives++
	if !known {
		if err := r.Runs.pin(ctx, e.ID, r.Archive); err != nil {
			return e, err
		}
	}
	if err := r.Runs.put(ctx, &e); err != nil {
		return e, err
	}
	w := work{Runner: r, spec: spec, id: e.ID, began: began}
	w.total, _ = r.Archive.Rows(spec.Since, spec.Until)
	failed := w.all(ctx)
	e.Ended = r.Now()
	e.Busy += e.Ended.Sub(began)
	e.Outcome = outcome(ctx, failed)
	for _, err := range failed {
		e.Errors = append(e.Errors, err.Error())
	}
	e.Readings, e.Scores, e.Chunks = w.sum.Readings, w.sum.Scores, w.sum.Chunks
	if err := r.Runs.put(context.WithoutCancel(ctx), &e); err != nil {
		return e, err
	}
	if ctx.Err() != nil {
		return e, ctx.Err()
	}
	return e, errors.Join(failed...)
}

func outcome(ctx context.Context, failed []error) Outcome {
	switch {
	case ctx.Err() != nil:
		return Stopped
	case len(failed) > 0:
		return Failed
	}
	return Done
}

// A work is one life of a run.
type work struct {
	*Runner
	spec  Spec
	id    string
	began time.Time
	total int64

	mu   sync.Mutex // guards what follows
	sum  progress   // of all partitions
	here int64      // readings scored in this life
}

// all works on the partitions and returns what went wrong with them.
func (w *work) all(ctx context.Context) (failed []error) {
	g := errgroup.Group{}
	g.SetLimit(max(w.Workers, btoi(w.Workers == 0)*runtime.GOMAXPROCS(0)))
	var mu sync.Mutex
	for p := range w.Archive.Manifest().Partitions {
		g.Go(func() error {
			if err := w.partition(ctx, p); err != nil && ctx.Err() == nil {
				mu.Lock()
				failed = append(failed, fmt.Errorf("partition %d: %w", p, err))
				mu.Unlock()
			}
			return nil
		})
	}
	_ = g.Wait() // errors are in failed
	return failed
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// partition goes on with one partition from its saved state.
func (w *work) partition(ctx context.Context, number int) error {
	saved, err := w.Runs.load(ctx, w.id, number)
	if err != nil {
		return err
	}
	w.note(saved, 0)
	if saved.Done {
		return nil
	}
	scorer, err := w.NewScorer(number)
	if err != nil {
		return err
	}
	from := w.spec.Since
	if len(saved.state) > 0 {
		if err := scorer.UnmarshalBinary(saved.state); err != nil {
			return fmt.Errorf("restore the state of %s: %w", saved.Day, err)
		}
		from = saved.Day + 1
	}
	l := &life{work: w, partition: number, scorer: scorer, now: saved}
	return l.run(ctx, from)
}

// note adds what a partition has got further by, and tells how far all are.
func (w *work) note(more progress, here int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sum.Readings += more.Readings
	w.sum.Scores += more.Scores
	w.sum.Chunks += more.Chunks
	w.here += here
	if w.Progress != nil {
		w.Progress(min(w.sum.Readings, w.total), w.total)
	}
}

// pace waits until this life is no faster than MaxRate.
func (w *work) pace(ctx context.Context) error {
	if w.MaxRate <= 0 {
		return nil
	}
	w.mu.Lock()
	due := w.began.Add(time.Duration(float64(w.here) / w.MaxRate * float64(time.Second)))
	w.mu.Unlock()
	wait := due.Sub(w.Now())
	if wait <= 0 {
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A life is the work on one partition: one goroutine decodes days, one scores them, one
// writes chunks and states, in this order.
type life struct {
	*work
	partition int
	scorer    flatwatt.Scorer
	now       progress
	unsaved   int64
}

// A chunk is what closed while a day was read. state is the memory after it, or nil.
type chunk struct {
	day  string
	rows []scoreRow
	at   progress
	save bool
}

func (l *life) run(ctx context.Context, from flatwatt.Day) error {
	g, ctx := errgroup.WithContext(ctx)
	days := make(chan *archive.Day, daysAhead)
	chunks := make(chan chunk, daysAhead)
	g.Go(func() error {
		defer close(days)
		return l.decode(ctx, from, days)
	})
	g.Go(func() error {
		defer close(chunks)
		return l.score(ctx, days, chunks)
	})
	g.Go(func() error {
		for c := range chunks {
			if err := l.write(ctx, c); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	return g.Wait()
}

func (l *life) decode(ctx context.Context, from flatwatt.Day, days chan<- *archive.Day) error {
	order := archive.AsKnown
	if l.spec.Live {
		order = archive.AsLive
	}
	r := l.Archive.Read(l.partition, from, l.spec.Until, order)
	if err := r.Since(ctx, l.spec.Since); err != nil {
		return err
	}
	for {
		d, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case days <- d:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *life) score(ctx context.Context, days <-chan *archive.Day, chunks chan<- chunk) (err error) {
	var buf []flatwatt.Reading
	var scores []flatwatt.Score
	for d := range days {
		c := chunk{day: d.Day.String()}
		buf, err = d.Each(buf, func(part []flatwatt.Reading) error {
			scores = l.scorer.Score(scores[:0], part)
			c.keep(&l.spec, scores)
			l.now.Readings += int64(len(part))
			l.unsaved += int64(len(part))
			l.note(progress{Readings: int64(len(part))}, int64(len(part)))
			if err := l.pace(ctx); err != nil {
				return err
			}
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		l.now.Day = d.Day
		if err := l.send(ctx, &c, chunks); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c := chunk{day: "end"}
	c.keep(&l.spec, l.scorer.Close(scores[:0]))
	l.now.Done = true
	return l.send(ctx, &c, chunks)
}

// keep copies the scores that are wanted: those handed in are valid only now.
func (c *chunk) keep(s *Spec, scores []flatwatt.Score) {
	for i := range scores {
		if s.keeps(&scores[i]) {
			c.rows = append(c.rows, rowOf(&scores[i]))
		}
	}
}

// send hands a chunk to be written, with the memory after it when it is time to save.
func (l *life) send(ctx context.Context, c *chunk, chunks chan<- chunk) (err error) {
	l.now.Scores += int64(len(c.rows))
	l.now.Chunks += btoi(len(c.rows) > 0)
	c.at = l.now
	every := l.SaveEvery
	if every == 0 {
		every = DefaultSaveEvery
	}
	if c.save = l.unsaved >= every || l.now.Done; c.save && !l.now.Done {
		if c.at.state, err = l.scorer.AppendBinary(nil); err != nil {
			return fmt.Errorf("encode the state of %s: %w", l.now.Day, err)
		}
		l.unsaved = 0
	}
	select {
	case chunks <- *c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write makes a chunk durable, and then the state after it. A kill between the two
// writes the chunk again, with the same bytes.
func (l *life) write(ctx context.Context, c chunk) error {
	if len(c.rows) > 0 {
		data, err := encodeScores(c.rows)
		if err != nil {
			return err
		}
		if err := l.Runs.Store.Put(ctx, chunkKey(l.id, l.partition, c.day), data); err != nil {
			return err
		}
		l.note(progress{Scores: int64(len(c.rows)), Chunks: 1}, 0)
	}
	if !c.save {
		return nil
	}
	return l.Runs.save(ctx, l.id, l.partition, c.at)
}
