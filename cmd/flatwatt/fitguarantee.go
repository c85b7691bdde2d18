package main

import (
	"context"
	"maps"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/evaluate"
	"github.com/flatwatt/flatwatt/models"
)

// promisedBudgets are those whose thresholds a model file carries, in false alarms per
// 1,000 meter-months, the most generous first.
var promisedBudgets = []float64{50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1}

// promiseConfidence is that of every promise, for fleets like those it was counted on.
const promiseConfidence = 0.95

// guaranteeModel counts on fleets that the model was not fitted on what it can promise: its
// e-values, and how often honest meters reach a probability. Simulated fleets of one
// age and fleet directories are judged apart, and the promise is the one that holds for all.
func (p *Program) guaranteeModel(ctx context.Context, lib *fleetLibrary, model *detectors.Params) error {
	entries := lib.plan.Guarantee
	if len(entries) == 0 {
		entries = lib.plan.Calibrate
	}
	g := guarantor{strata: map[string]*calibrator{}}
	if err := g.count(ctx, lib, entries, model); err != nil {
		return err
	}
	p.say("guarantee: %d meters of %d kinds of fleets", g.meters, len(g.strata))
	if len(entries) == 0 {
		p.say("no fleets to count promises on: the model carries no e-values and no table of budgets")
		return nil
	}
	var err error
	if model.EValue, err = models.FitEValue(g.samples, models.DefaultEOptions()); err != nil {
		return dataError{err}
	}
	if model.FalseAlarms, err = g.rates(); err != nil {
		return err
	}
	p.say("guarantee: e-values from calibrated log odds up to %g, log mean %.3f; %d budgets can be promised", model.EValue.Cap, model.EValue.LogMean, len(model.FalseAlarms.Probability))
	return model.Validate()
}

// A guarantor gathers what promises are counted on.
type guarantor struct {
	samples []models.ESample
	strata  map[string]*calibrator
	meters  int
}

// A promisePart is what one fleet adds.
type promisePart struct {
	kind    string
	meters  int
	c       calibrator
	samples []models.ESample
}

// count scores the fleets of entries, two at a time, and gathers in their order.
func (g *guarantor) count(ctx context.Context, lib *fleetLibrary, entries []fleetEntry, model *detectors.Params) error {
	parts, err := inPairs(ctx, lib, entries, func(n int) *promisePart { return &promisePart{c: calibrator{fleets: n}} }, func(part *promisePart, fleet *knownFleet) error {
		return part.score(ctx, model, fleet)
	})
	if err != nil {
		return err
	}
	for _, part := range parts {
		g.merge(part)
	}
	return nil
}

// score takes one fleet.
func (part *promisePart) score(ctx context.Context, model *detectors.Params, fleet *knownFleet) error {
	part.kind, part.meters = fleet.kind, len(fleet.meters)
	number := map[flatwatt.MeterID]int{}
	for i, m := range fleet.meters {
		number[m.ID] = i
	}
	probability := func(s *flatwatt.Score) float64 { return s.Probability }
	return part.c.addWith(ctx, model, fleet, probability, func(s *flatwatt.Score, miner bool) {
		part.samples = append(part.samples, models.ESample{Stratum: fleet.kind, Meter: number[s.Meter], LogOdds: model.Calibrated(s.LogOdds), Miner: miner})
	})
}

// merge appends what part has gathered.
func (g *guarantor) merge(part *promisePart) {
	c := g.strata[part.kind]
	if c == nil {
		c = &calibrator{}
		g.strata[part.kind] = c
	}
	c.merge(&part.c)
	for _, s := range part.samples {
		s.Meter += g.meters
		g.samples = append(g.samples, s)
	}
	g.meters += part.meters
}

// rates finds for every budget the probability at which it holds in every stratum that is
// large enough to say.
func (g *guarantor) rates() (models.AlarmRates, error) {
	var a models.AlarmRates
	last := 0.0
	for _, budget := range promisedBudgets {
		worst, said := last, false
		for _, name := range slices.Sorted(maps.Keys(g.strata)) {
			threshold, ok, err := g.strata[name].promise(budget)
			if err != nil {
				return a, err
			}
			if ok {
				worst, said = max(worst, threshold), true
			}
		}
		if said && worst < 1 {
			a.Probability = append(a.Probability, worst)
			a.Per1000Months = append(a.Per1000Months, budget)
			last = worst
		}
	}
	return a, nil
}

// promise is the lowest probability at which the rate of false alarms is below budget with
// promiseConfidence, false alarms being a Poisson process; ok is false where there are too
// few meter-months to say so even if none was seen.
func (c *calibrator) promise(budget float64) (probability float64, ok bool, err error) {
	expected := budget * c.months() / 1000
	most := mostCount(expected)
	if most < 0 {
		return math.NaN(), false, nil
	}
	in := c.in
	in.Daily = slices.Clone(in.Daily)
	in.Method = "promises"
	e, err := evaluate.Evaluate(in, alarmBudget(most/c.months()*1000))
	if err != nil {
		return 0, false, err
	}
	return float64(e.Report.Figures.Threshold.Value), true, nil
}

// mostCount is the largest count that a Poisson process of the expected number stays at or
// below with a chance of at most 1 − promiseConfidence; −1 if even 0 is too likely.
func mostCount(expected float64) float64 {
	k := -1.0
	for p := (distuv.Poisson{Lambda: expected}); expected > 0 && p.CDF(k+1) <= 1-promiseConfidence; {
		k++
	}
	return k
}
