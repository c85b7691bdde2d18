package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/models"
)

// collectSamples scores every training fleet and gathers what the model measured.
func (p *Program) collectSamples(ctx context.Context, lib *fleetLibrary, start *detectors.Params) ([]models.FitSample, error) {
	parts, err := inPairs(ctx, lib, lib.plan.Train, func(int) *collector { return new(collector) }, func(part *collector, fleet *knownFleet) error {
		if err := part.collect(ctx, start, fleet); err != nil {
			return err
		}
		p.say("train: %s: %d meters, %s samples", fleet.name, len(fleet.series), grouped(int64(len(part.samples))))
		return nil
	})
	if err != nil {
		return nil, err
	}
	var c collector
	for _, part := range parts {
		c.merge(part)
	}
	if len(c.samples) == 0 {
		return nil, dataError{fmt.Errorf("no day of the training fleets could be judged: give longer fleets (a meter needs some weeks)")}
	}
	return c.samples, nil
}

// inPairs has take work on the fleets of entries, two at a time, each with a part of its own
// that start makes, and gives the parts in the order of entries.
func inPairs[T any](ctx context.Context, lib *fleetLibrary, entries []fleetEntry, start func(n int) T, take func(T, *knownFleet) error) (parts []T, err error) {
	var g errgroup.Group
	g.SetLimit(2)
	for fleet, err := range lib.each(ctx, entries) {
		if err != nil {
			return nil, errors.Join(err, g.Wait())
		}
		part := start(len(parts))
		parts = append(parts, part)
		g.Go(func() error { return take(part, fleet) })
	}
	return parts, g.Wait()
}

// placesIn is the number of places that samples are of.
func placesIn(samples []models.FitSample) (n int) {
	for i := range samples {
		n = max(n, samples[i].Group+1)
	}
	return n
}
