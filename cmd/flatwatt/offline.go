package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/console"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/streams"
	"github.com/flatwatt/flatwatt/streams/file"
)

// openFleet opens a fleet directory and loads its readings.
func (p *Program) openFleet(ctx context.Context, dir string) (*file.Fleet, error) {
	fleet, err := p.openRegister(dir)
	if err != nil {
		return nil, err
	}
	var bar *progress
	err = fleet.Load(ctx, func(done, total int64) {
		if bar == nil {
			bar = p.progress("load", "bytes", total)
		}
		bar.at(done)
	})
	if bar != nil && err == nil {
		bar.end("%s readings of %d meters", grouped(fleet.Stats().Readings), fleet.Stats().Meters)
	}
	if err != nil && ctx.Err() == nil {
		return nil, dataError{err}
	}
	return fleet, err
}

// openRegister opens a fleet directory without its readings.
func (p *Program) openRegister(dir string) (*file.Fleet, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, usagef("fleet %s is not there; `flatwatt simulate --out %s` makes one to look at", dir, dir)
	}
	fleet, err := file.Open(dir, file.Options{})
	if err != nil {
		return nil, dataError{err}
	}
	return fleet, nil
}

// scoreFleet runs the pipeline over a loaded fleet up to asof, into sink, which may be nil.
func (p *Program) scoreFleet(ctx context.Context, model *detectors.Params, fleet *file.Fleet, asof time.Time, sink flatwatt.Sink) (*board, detectors.Counts, error) {
	net, err := p.networkOf(fleet.Dir(), fleet.Meters())
	if err != nil {
		return nil, detectors.Counts{}, err
	}
	scorer, err := newScorerOn(net, model, fleet.Meters(), fleet.Meters(), fleet.Weather(), asideOf(fleet))
	if err != nil {
		return nil, detectors.Counts{}, err
	}
	b := newBoard(fleet.Dir(), slices.Concat(customers(fleet.Meters()), scorer.grid.Nodes(), generators(fleet.Meters())), wordsIn("en"))
	b.loads = fleetLoads{fleet}
	bar := p.progress("score", "readings", fleet.Stats().Readings)
	done := int64(0)
	line := streams.Pipeline{
		Open: func(context.Context, flatwatt.Position) (flatwatt.Source, error) {
			return fleet.Source(asof), nil
		},
		Scorer: scorer, Sink: teeSink{sink, b}, Rejects: noRejects{}, Checkpoints: noCheckpoints{},
		Hooks: streams.Hooks{Scored: func(batch flatwatt.Batch, _ []flatwatt.Score) {
			done += int64(len(batch.Readings))
			b.add(len(batch.Readings), nil)
			bar.at(done)
		}},
		SaveEvery: int(fleet.Stats().Readings) + 1, // never: nothing resumes an offline run
	}
	began := time.Now()
	if err := line.Run(ctx); err != nil {
		return nil, detectors.Counts{}, err
	}
	took := time.Since(began)
	bar.end("%s readings in %.1f s, %s a second", grouped(done), took.Seconds(), grouped(int64(float64(done)/took.Seconds())))
	b.finish(nil)
	counts := scorer.customers.Counts()
	for _, m := range slices.Concat(scorer.grid.Nodes(), generators(fleet.Meters())) { // no customer's, but of use
		counts.Unknown -= uint64(readingsOf(fleet, m.ID))
	}
	return b, counts, nil
}

// readingsOf is how many readings of a meter a fleet holds.
func readingsOf(fleet *file.Fleet, id flatwatt.MeterID) (n int) {
	s, ok := fleet.Series(id)
	if !ok {
		return 0
	}
	for _, e := range s.Energy {
		n += btoi(e == e)
	}
	return n
}

// customers are the meters that the customer detector scores; others have detectors of
// their own.
func customers(meters []flatwatt.Meter) []flatwatt.Meter {
	var list []flatwatt.Meter
	for _, m := range meters {
		if m.IsCustomer() {
			list = append(list, m)
		}
	}
	return list
}

// A teeSink writes scores where they are to be kept, and then shows them.
type teeSink struct {
	keep  flatwatt.Sink // nil: nowhere
	board *board
}

func (t teeSink) Write(ctx context.Context, scores []flatwatt.Score) error {
	if t.keep != nil {
		if err := t.keep.Write(ctx, scores); err != nil {
			return err
		}
	}
	t.board.add(0, scores)
	return nil
}

// noRejects is for sources that keep what they reject themselves, as a Fleet does.
type noRejects struct{}

func (noRejects) Reject(_ context.Context, pieces []flatwatt.Rejected) error {
	if len(pieces) > 0 {
		return fmt.Errorf("%d rejected pieces have nowhere to go; the first is %s: %s", len(pieces), pieces[0].Where, pieces[0].Reason)
	}
	return nil
}

// noCheckpoints is for runs that start from nothing and end.
type noCheckpoints struct{}

func (noCheckpoints) Load(context.Context) (flatwatt.Checkpoint, error) {
	return flatwatt.Checkpoint{}, nil
}
func (noCheckpoints) Save(context.Context, flatwatt.Checkpoint) error { return nil }

// fleetLoads tells loads from a fleet in memory.
type fleetLoads struct{ fleet *file.Fleet }

func (l fleetLoads) Load(id flatwatt.MeterID) (console.Load, bool) {
	s, ok := l.fleet.Series(id)
	if !ok {
		return console.Load{}, false
	}
	return loadOf(&s), true
}

// loadOf is the demand of a series.
func loadOf(s *flatwatt.Series) console.Load {
	load := console.Load{Start: s.Start, Step: s.Interval, KW: make([]float32, len(s.Energy))}
	for i, kwh := range s.Energy {
		load.KW[i] = float32(kwh / s.Interval.Hours())
	}
	return load
}
