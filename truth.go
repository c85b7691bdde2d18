package flatwatt

import (
	"math"
	"time"
)

var nan = math.NaN()

// Truth is what is really behind a meter, where that is known: in simulated fleets,
// after injection, and after an inspection. It is never shown to a Scorer.
type Truth struct {
	Meter    MeterID
	Label    Label
	Onset    time.Time // zero where the block is older than the data
	Block    KW        // mean power of the block while it runs
	Units    int
	Schedule Schedule
	Note     string // for people, e.g. "2 × S19j Pro, night only"
}

// Label says what a Truth is about.
type Label string

const (
	Miner       Label = "miner"
	LegitChange Label = "legit_change" // a lasting change of honest use
	NoneLabel   Label = "none"
)

// A Series is one meter's readings in columns, at a fixed interval and without gaps
// in time: a missing reading is NaN. Columns that are not metered are nil.
type Series struct {
	Meter    MeterID
	Start    time.Time // of the first interval, UTC
	Interval time.Duration
	Energy   []float64 // kWh
	Reactive []float64 // kvarh
	Voltage  []float64 // V
	Quality  []Quality // nil: all Actual
}

// Reading is the i-th reading of s; ok is false where it is missing.
func (s *Series) Reading(i int) (r Reading, ok bool) {
	r = Reading{
		Meter: s.Meter, Start: s.Start.Add(time.Duration(i) * s.Interval), Length: s.Interval,
		Energy: KWh(s.Energy[i]), Reactive: KVArh(nan), Voltage: Volt(nan),
	}
	if s.Reactive != nil {
		r.Reactive = KVArh(s.Reactive[i])
	}
	if s.Voltage != nil {
		r.Voltage = Volt(s.Voltage[i])
	}
	if s.Quality != nil {
		r.Quality = s.Quality[i]
	}
	return r, s.Energy[i] == s.Energy[i]
}
