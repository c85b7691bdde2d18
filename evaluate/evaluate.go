// Package evaluate measures how well findings agree with what is known to be true.
//
// It knows nothing of how scores were made: flatwatt's own and those of the baselines
// are measured alike. The truth is never shown to a Scorer; this package and the
// simulator are the only ones that see it.
//
// The unit of everything is the meter. A meter whose probability is unknown
// ("not enough data") is ranked after every other meter, tied with the others of its
// kind, and counted: leaving such meters out would reward a detector for silence.
// A miner that bypasses its meter cannot be seen in the meter's readings: it is left
// out of the figures on customers and counted.
package evaluate

import (
	"fmt"
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A DayScore is what a detector said of a meter at the close of one day.
type DayScore struct {
	Meter       flatwatt.MeterID
	Day         flatwatt.Day
	Probability float64 // in [0, 1]; NaN where there was not enough data
	BlockKW     float64 // kW; NaN where there is none
}

// A Finding is what a detector says of a meter at the end of the data.
type Finding struct {
	Meter       flatwatt.MeterID
	Probability float64           // in [0, 1]; NaN where there was not enough data
	Block       flatwatt.Estimate // kW; NaN where there is none
	Onset       flatwatt.Instants // zero At where there is none
	State       flatwatt.State    // "" where the method has no states
	FirstAlarm  time.Time         // zero where there was none
}

// Input is everything that an evaluation is made from, in any order.
type Input struct {
	Method   string // name of what is evaluated, for titles
	Meters   []flatwatt.Meter
	Truth    []flatwatt.Truth
	Daily    []DayScore // may be empty: the figures on alarms are then unknown
	Findings []Finding
}

// Options are the constants of an evaluation. Start from DefaultOptions.
type Options struct {
	FalseAlarms float64 // budget, false-alarm episodes per 1,000 meter-months
	QuietDays   int     // days below the threshold that end an episode
	Bins        int     // of the reliability diagram
	FDR         float64 // nominal false discovery rate of the Bayesian list, in (0, 1)
	Replicates  int     // of the bootstrap; 0: no intervals
	Seed        uint64  // of the bootstrap
}

// DefaultOptions are those of docs/benchmark.md. They are a function, so that nobody
// can change them for somebody else.
func DefaultOptions() Options {
	return Options{FalseAlarms: 1, QuietDays: 14, Bins: 15, FDR: 0.1, Replicates: 200, Seed: 1}
}

// Limits of Options, so that a slip in a configuration is an error and not a long wait.
const (
	MaxBins       = 1000
	MaxReplicates = 10000
)

// An Evaluation is a Report and the curves that it can be drawn from.
type Evaluation struct {
	Report Report
	Curves Curves
}

// Evaluate measures in. It fails where the input contradicts itself: a meter registered
// twice, a score of a meter that is not registered, a probability outside [0, 1].
func Evaluate(in Input, opt Options) (Evaluation, error) {
	if err := opt.check(); err != nil {
		return Evaluation{}, err
	}
	f, err := newFleet(in)
	if err != nil {
		return Evaluation{}, fmt.Errorf("evaluate %s: %w", in.Method, err)
	}
	m := measurer{fleet: f, opt: opt, events: falseEvents(f.cases)}
	all := wholeSample(len(f.cases))
	r := Report{
		Method: in.Method, Options: opt.report(), Counts: f.counts,
		Figures: m.measure(all), FalsePositives: falsePositives(f.cases),
	}
	r.Figures.addIntervals(m.bootstrap())
	return Evaluation{Report: r, Curves: m.curves(r.Figures.Threshold)}, nil
}

func (o Options) check() error {
	switch {
	case !(o.FalseAlarms >= 0) || math.IsInf(o.FalseAlarms, 0):
		return fmt.Errorf("false alarms per 1,000 meter-months %v: want a number ≥ 0", o.FalseAlarms)
	case o.QuietDays < 1:
		return fmt.Errorf("quiet days %d: want at least 1", o.QuietDays)
	case o.Bins < 1 || o.Bins > MaxBins:
		return fmt.Errorf("bins %d: want 1 to %d", o.Bins, MaxBins)
	case !(o.FDR > 0 && o.FDR < 1):
		return fmt.Errorf("false discovery rate %v: want a number between 0 and 1", o.FDR)
	case o.Replicates < 0 || o.Replicates > MaxReplicates:
		return fmt.Errorf("replicates %d: want 0 to %d", o.Replicates, MaxReplicates)
	}
	return nil
}
