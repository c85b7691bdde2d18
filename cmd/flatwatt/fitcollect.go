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
	var parts []*collector
	var g errgroup.Group
	g.SetLimit(2)
	for fleet, err := range lib.each(ctx, lib.plan.Train) {
		if err != nil {
			return nil, errors.Join(err, g.Wait())
		}
		part := new(collector)
		parts = append(parts, part)
		g.Go(func() error {
			if err := part.collect(ctx, start, fleet); err != nil {
				return err
			}
			p.say("train: %s: %d meters, %s samples", fleet.name, len(fleet.series), grouped(int64(len(part.samples))))
			return nil
		})
	}
	if err := g.Wait(); err != nil {
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

// placesIn is the number of places that samples are of.
func placesIn(samples []models.FitSample) (n int) {
	for i := range samples {
		n = max(n, samples[i].Group+1)
	}
	return n
}
