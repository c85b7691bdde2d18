// Package hall tells mining farms from data centres among large flat loads. Its posterior
// stands beside the miner score, under a detector name of its own: a hall is flat, large
// and older than the data in either case, so what finds added blocks in homes says little.
//
//	log odds = prior(declared class) + Σ terms
//
// Each term is one measurement of the last months through a curve of a few knots
// (terms.go): use of the contracted capacity, load factor, the day's and the week's
// amplitude, response to weather, standstills at dear hours, generator tests, outages and
// what follows them, steps, dry seasons, and on the scale of months the coin's economics.
//
// Null hypothesis: an honest hall: data centre, telecom hall, computing centre. What it gets
// wrong: a farm behind an honest hall of the same size, a computing centre with a full
// queue and no generator; where the terms do not decide, it says so: inspect on site. It
// says nothing of loads that are neither, such as furnaces: these are not flat enough.
package hall

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Detector is the name under which halls are scored.
const Detector = "hall"

const (
	// History is how many days are remembered.
	History = 184
	// LeastKW is from which mean demand a load is looked at; halls that declare to be one
	// are looked at from LeastDeclaredKW on.
	LeastKW, LeastDeclaredKW = 50, 10

	defaultGrace = 12 * time.Hour
	maxGrace     = 72 * time.Hour
	hours        = 24
)

// A Week is the coin market from Start until the next row.
type Week struct {
	Start      time.Time
	Price      float64 // of a coin, in any currency
	Difficulty float64 // in any unit
	Halving    bool    // the subsidy of a block was halved in this week
}

// Options say how a Scorer keeps time and what it knows beside.
type Options struct {
	Grace time.Duration // how long after local midnight a day stays open; default 12 h, at most 72 h
	Coin  []Week        // may be empty
}

// A Scorer judges every large flat load among the meters, each day that closes. It
// implements flatwatt.Scorer: Probability is that of a mining farm against a data centre,
// given that the load is one of both; Block is the mean demand of the last 28 days. State is
// Suspect for a farm, Normal for a data centre, Inspect where the evidence does not decide.
// One goroutine owns it.
type Scorer struct {
	grace   time.Duration
	weather flatwatt.Weather // nil: not known
	coin    []Week           // by time
	halls   []place          // candidates, sorted by id
	index   map[flatwatt.MeterID]int32
	zones   []zone
	hash    uint64
	terms   []term

	state []state   // beside halls
	slots []float32 // open windows, one after another; kW

	work     work
	evidence []flatwatt.Evidence
}

var _ flatwatt.Scorer = (*Scorer)(nil)

// A place is what does not change of a candidate.
type place struct {
	meter    flatwatt.Meter
	zone     int32
	lo, hi   int32 // its window in Scorer.slots
	declared bool  // a data centre or telecom hall
}

// A state is what is remembered of a candidate. Days is empty until its demand has once
// been that of a hall.
type state struct {
	FirstAlarm int32 // day; 0: none
	Count      int32 // days remembered so far
	Days       []day // ring of History
}

// New returns a Scorer of the customers among meters that may be halls. weather may be nil.
func New(meters []flatwatt.Meter, weather flatwatt.Weather, opt Options) (*Scorer, error) {
	s := &Scorer{grace: cmp.Or(opt.Grace, defaultGrace), weather: weather, index: map[flatwatt.MeterID]int32{}, terms: terms()}
	if s.grace < 0 || s.grace > maxGrace {
		return nil, fmt.Errorf("grace is %v: give 0 to %v", s.grace, maxGrace)
	}
	s.coin = slices.Clone(opt.Coin)
	slices.SortStableFunc(s.coin, func(a, b Week) int { return a.Start.Compare(b.Start) })
	for _, m := range meters {
		if candidate(m) {
			s.halls = append(s.halls, place{meter: m, declared: declared(m.Class)})
		}
	}
	slices.SortFunc(s.halls, func(a, b place) int { return strings.Compare(string(a.meter.ID), string(b.meter.ID)) })
	zones, at := map[string]int32{}, int32(0)
	for i := range s.halls {
		p := &s.halls[i]
		m := &p.meter
		if m.Zone == nil || m.Interval < time.Minute || m.Interval > time.Hour || time.Hour%m.Interval != 0 {
			return nil, fmt.Errorf("meter %s: needs a time zone and an interval that divides the hour, has %v", m.ID, m.Interval)
		}
		s.index[m.ID] = int32(i)
		z, ok := zones[m.Zone.String()]
		if !ok {
			z = int32(len(s.zones))
			zones[m.Zone.String()] = z
			s.zones = append(s.zones, zone{loc: m.Zone})
		}
		p.zone, p.lo = z, at
		at += int32((25*time.Hour + s.grace) / m.Interval)
		p.hi = at
		s.zones[z].halls = append(s.zones[z].halls, int32(i))
	}
	s.state, s.slots = make([]state, len(s.halls)), make([]float32, at)
	for i := range s.slots {
		s.slots[i] = nan32
	}
	s.hash = s.hashOf()
	return s, nil
}

// candidate says whether a meter may be a hall by what the register tells.
func candidate(m flatwatt.Meter) bool {
	if m.Kind != flatwatt.Customer && m.Kind != "" || m.Interval <= 0 {
		return false
	}
	if declared(m.Class) || m.Contracted >= LeastKW {
		return true
	}
	return m.Contracted == 0 && m.Class != "residential"
}

func declared(c flatwatt.Class) bool { return c == "datacentre" || c == "telecom" }

var (
	nan   = math.NaN()
	nan32 = float32(nan)
)
