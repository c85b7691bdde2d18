package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/rescore"
)

// What the demo scores again, after so many days of warming up.
const (
	demoAgainDays = 3
	demoWarmDays  = 21
)

func demoArchive(dir string) string { return filepath.Join(dir, "archive") }

// demoRescore keeps the fleet's readings in an archive and scores the last days again, as
// `flatwatt rescore` does.
func (p *Program) demoRescore(ctx context.Context, model *detectors.Params, fleet *drawnFleet, dir string, now time.Time) error {
	w, err := p.openArchiveWriter(ctx, demoArchive(dir), archiveOptions(fleet.meters, 0))
	if err != nil {
		return err
	}
	source := newRecordedSource(fleet.series, parents(fleet.meters))
	last := flatwatt.DayOf(fleet.end().Add(-time.Second), time.UTC)
	since := last - demoAgainDays - demoWarmDays
	source.from = since.Start(time.UTC) // what was before is not needed here
	const name = "demo"
	for {
		b, err := source.Read(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := w.Import(ctx, name, b); err != nil {
			return err
		}
	}
	if err := w.EndImport(ctx, name, source.batch.Next); err != nil {
		return err
	}
	return p.demoRun(ctx, model, fleet, rescore.Spec{From: last - demoAgainDays, To: last - 1, Since: since, Selection: "all", Model: model.Version}, dir, now)
}

func (p *Program) demoRun(ctx context.Context, model *detectors.Params, fleet *drawnFleet, spec rescore.Spec, dir string, now time.Time) error {
	a, err := p.openArchive(ctx, demoArchive(dir))
	if err != nil {
		return err
	}
	if spec.Config, err = scoringHash(model, fleet.meters); err != nil {
		return err
	}
	if spec, err = rescore.Plan(a, spec); err != nil {
		return err
	}
	began := time.Now()
	r := rescore.Runner{
		Archive: a, Runs: rescore.Runs{Store: a.Store()}, Who: "demo", Now: func() time.Time { return now.Add(time.Since(began)) },
		NewScorer: func(int) (flatwatt.Scorer, error) {
			return newScorer(model, fleet.meters, fleet.meters, fleet.weather, fleet.aside)
		},
	}
	e, err := r.Run(ctx, spec)
	if err != nil {
		return fmt.Errorf("score again: %w", err)
	}
	p.say("scored %s to %s again from the archive: %s scores, run %s", spec.From, spec.To, grouped(e.Scores), e.ID)
	return nil
}
