package console

import (
	"time"

	"github.com/flatwatt/flatwatt"
)

// A Finding is the latest score of a meter, made ready for people.
type Finding struct {
	Rank    int // from 1; 0 where there is not enough data
	Meter   flatwatt.Meter
	Area    string // that it belongs to; "" is everybody's
	Score   flatwatt.Score
	Reason  string          // one line
	Reasons []string        // one for each of Score.Evidence, in its order
	Truth   *flatwatt.Truth // nil where it is not known; shown only by the demo
	Hall    *Hall           // nil where the load is no large flat one
}

// A Hall is the posterior of a large flat load beside its miner score: mining farm against
// data centre. Its State says which, or that it is to be inspected on site.
type Hall struct {
	Score   flatwatt.Score
	Reason  string   // one line
	Reasons []string // one for each of Score.Evidence, in its order
}

// A Load is a meter's demand in kW at fixed steps, NaN where readings are missing.
type Load struct {
	Start time.Time // of the first step, UTC
	Step  time.Duration
	KW    []float32
}

// End is the end of the last step, exclusive.
func (l Load) End() time.Time { return l.at(len(l.KW)) }

func (l Load) at(i int) time.Time { return l.Start.Add(time.Duration(i) * l.Step) }

// index is the first step that starts at t or later, within the load.
func (l Load) index(t time.Time) int {
	if l.Step <= 0 {
		return 0
	}
	n := int((t.Sub(l.Start) + l.Step - 1) / l.Step)
	return min(max(n, 0), len(l.KW))
}

// Status says how far scoring is.
type Status struct {
	Title    string    // e.g. "demo, seed 1"
	Meters   int       // in the register
	Readings int64     // scored so far
	Days     int       // closed so far
	AsOf     time.Time // end of the latest day that was closed; zero before the first
	Done     bool      // a bounded source has ended
	Err      string    // why scoring stopped; "" while it is well
}

// A Board holds what is shown. Its methods are called from many goroutines; what they
// return must not change afterwards.
type Board interface {
	Status() Status
	// Findings are all meters by rank, those without enough data last.
	Findings() []Finding
	// Finding is that of one meter; ok is false where it has no score yet.
	Finding(flatwatt.MeterID) (f Finding, ok bool)
	// Load is the demand of a meter; ok is false where none is kept.
	Load(flatwatt.MeterID) (load Load, ok bool)
}
