package main

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/evaluate"
	"github.com/flatwatt/flatwatt/models"
)

const day = 24 * time.Hour

// Of the days of one meter most are alike. Every day of a young block is a sample, one in
// four of an old one and one in eight of those without.
const (
	youngBlockDays = 14
	oldBlockEvery  = 4
	noBlockEvery   = 8
)

// A collector gathers samples for fitting from scored fleets.
type collector struct {
	samples []models.FitSample
	groups  map[string]int // by place, in the order of appearance
}

// collect adds the samples of one fleet. Left out are meters that a miner bypasses, whose
// readings are honest, and the days after a miner has vanished, which are neither.
func (c *collector) collect(ctx context.Context, model *detectors.Params, fleet *knownFleet) error {
	_, index := model.ClassIndex()
	seen := map[flatwatt.MeterID]int{}
	if c.groups == nil {
		c.groups = map[string]int{}
	}
	watch := func(s *flatwatt.Score, class flatwatt.Class, x []float64, block bool, age int) {
		t := fleet.truth[s.Meter]
		if math.IsNaN(s.LogOdds) || hidden(t) || !sampled(s, block, age) {
			return
		}
		miner, known := minerOn(t, s.Start.Add(day))
		if !known {
			return
		}
		seen[s.Meter]++
		if fleet.thin > 1 && seen[s.Meter]%fleet.thin != 0 {
			return
		}
		place := fleet.place(s.Meter)
		g, ok := c.groups[place]
		if !ok {
			g = len(c.groups)
			c.groups[place] = g
		}
		c.samples = append(c.samples, models.FitSample{X: rounded(x), Class: index(class), Block: block, Miner: miner, Group: g, W: 1})
	}
	return fleet.score(ctx, model, watch, func(*flatwatt.Score) {})
}

// merge appends the samples of other; places that both know are the same.
func (c *collector) merge(other *collector) {
	if c.groups == nil {
		c.groups = map[string]int{}
	}
	number := make([]int, len(other.groups))
	for _, place := range slices.SortedFunc(maps.Keys(other.groups), func(a, b string) int { return other.groups[a] - other.groups[b] }) {
		if _, ok := c.groups[place]; !ok {
			c.groups[place] = len(c.groups)
		}
		number[other.groups[place]] = c.groups[place]
	}
	for _, s := range other.samples {
		s.Group = number[s.Group]
		c.samples = append(c.samples, s)
	}
}

// rounded copies x with the precision of a float32, ample for a measurement.
func rounded(x []float64) []float64 {
	y := slices.Clone(x)
	for i, v := range y {
		y[i] = float64(float32(v))
	}
	return y
}

// sampled picks days without a random source; the id spreads them over the calendar.
func sampled(s *flatwatt.Score, block bool, age int) bool {
	if block {
		return age <= youngBlockDays || (int(s.Day)+len(s.Meter))%oldBlockEvery == 0
	}
	return (int(s.Day)*7+int(s.Meter[len(s.Meter)-1]))%noBlockEvery == 0
}

// minerOn says whether a meter had a miner by the end of a day; known is false once that
// miner has vanished.
func minerOn(t flatwatt.Truth, end time.Time) (miner, known bool) {
	if t.Label != flatwatt.Miner {
		return false, true
	}
	if vanished, ok := endOf(t); ok && end.After(vanished) {
		return false, false
	}
	return t.Onset.IsZero() || !end.Before(t.Onset), true
}

// calibrationEvery is how many days apart the days of a meter are that calibration sees.
const calibrationEvery = 10

// A calibrator gathers what a model without calibration says of fleets that have as many
// miners as the field.
type calibrator struct {
	logOdds []float64
	miner   []bool
	in      evaluate.Input // daily probabilities are log-odds until threshold
	fleets  int
	widths  widthCounter

	honestDays int
}

// add scores one fleet.
func (c *calibrator) add(ctx context.Context, model *detectors.Params, fleet *knownFleet) error {
	raw := func(s *flatwatt.Score) float64 { return s.LogOdds }
	return c.addWith(ctx, model, fleet, raw, func(s *flatwatt.Score, miner bool) {
		c.logOdds, c.miner = append(c.logOdds, s.LogOdds), append(c.miner, miner)
	})
}

// addWith scores one fleet, keeps value of every judged day as its probability, and gives
// one day in calibrationEvery to take, where it is known whether there was a miner.
func (c *calibrator) addWith(ctx context.Context, model *detectors.Params, fleet *knownFleet,
	value func(*flatwatt.Score) float64, take func(s *flatwatt.Score, miner bool)) error {
	c.fleets++
	rename := func(id flatwatt.MeterID) flatwatt.MeterID { // fleets may use the same ids
		return flatwatt.MeterID(fmt.Sprintf("%d/%s", c.fleets, id))
	}
	for _, m := range fleet.meters {
		t := fleet.truth[m.ID]
		m.ID = rename(m.ID)
		c.in.Meters = append(c.in.Meters, m)
		if t.Meter = m.ID; t.Label != "" {
			c.in.Truth = append(c.in.Truth, t)
		}
	}
	return fleet.score(ctx, model, nil, func(s *flatwatt.Score) {
		if math.IsNaN(s.LogOdds) {
			return
		}
		c.in.Daily = append(c.in.Daily, evaluate.DayScore{Meter: rename(s.Meter), Day: s.Day, Probability: value(s)})
		t := fleet.truth[s.Meter]
		if t.Label != flatwatt.Miner {
			c.honestDays++
		}
		miner, known := minerOn(t, s.Start)
		if known && !hidden(t) && (int(s.Day)+int(s.Meter[len(s.Meter)-1]))%calibrationEvery == 0 {
			take(s, miner)
		}
	})
}

// months are the meter-months of honest meters.
func (c *calibrator) months() float64 { return float64(c.honestDays) / (365.2425 / 12) }

// scoreFleets gives each fleet of entries a calibrator of its own, of which take scores it,
// two at a time, and appends them to c in the order of entries.
func (c *calibrator) scoreFleets(ctx context.Context, lib *fleetLibrary, entries []fleetEntry, take func(*calibrator, *knownFleet) error) error {
	parts, err := inPairs(ctx, lib, entries, func(n int) *calibrator { return &calibrator{fleets: n} }, take)
	if err != nil {
		return err
	}
	for _, part := range parts {
		c.merge(part)
	}
	return nil
}

// merge appends what other has gathered.
func (c *calibrator) merge(other *calibrator) {
	c.logOdds, c.miner = append(c.logOdds, other.logOdds...), append(c.miner, other.miner...)
	c.in.Meters, c.in.Truth, c.in.Daily = append(c.in.Meters, other.in.Meters...), append(c.in.Truth, other.in.Truth...), append(c.in.Daily, other.in.Daily...)
	c.widths.misses = append(c.widths.misses, other.widths.misses...)
	c.fleets++
	c.honestDays += other.honestDays
}

// threshold is the probability from which alarms stay within the budget of false alarms per
// 1,000 meter-months, and the meter-months of honest meters that it rests on. NaN where
// there are none. Use it once.
func (c *calibrator) threshold(model *detectors.Params, falseAlarms float64) (probability float64, months int, err error) {
	for i := range c.in.Daily {
		p := &c.in.Daily[i].Probability
		*p = models.Sigmoid(model.Calibration.At(*p))
	}
	c.in.Method = "calibration fleets"
	e, err := evaluate.Evaluate(c.in, alarmBudget(falseAlarms))
	if err != nil {
		return 0, 0, err
	}
	t := e.Report.Figures.Threshold
	return float64(t.Value), t.N, nil
}
