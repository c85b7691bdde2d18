// Package plant watches power plants. What a plant gives to the grid is expected from its
// peers under the same river, wind or sun, each at the hour at which it had the same water or
// weather, from the river's inflow and, by night, from its own day. A lasting deficit that is
// the same number of kilowatts whatever the water, and that no outage, maintenance,
// curtailment or low water explains, is suspected direct supply: a miner at a private line
// before the plant's meter.
//
// Null hypothesis: the plant follows its peers and water as before, with errors that
// wander (a first-order autoregression, fitted, whose size goes with the output). What it gets
// wrong: honest use behind the meter of the same flat shape, a unit that nobody reported out of
// service for weeks, a lasting loss of output while the plant is at its stop; and it does not
// see a miner older than the data, nor one that takes all that the plant gives.
package plant

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// Detector is the name under which plants are scored.
const Detector = "generator"

// History is how many days a plant's readings are remembered; a deficit older than that
// has become what is usual.
const History = 365

// Water tells the inflow of a region, or of one plant by its id, relative to its mean, and
// the water through the turbines, NaN where it is not told; ok is false where neither is known.
type Water interface {
	InflowRel(region string, t time.Time) (inflow, turbine float64, ok bool)
}

// An Event says that during [Start, End) a plant could not give what its water, wind or
// sun allowed; zero End: still running. These hours are left out.
type Event struct {
	Meter      flatwatt.MeterID
	Start, End time.Time
	Kind       string
}

// Options say how a Scorer keeps time.
type Options struct {
	Grace time.Duration // how long after local midnight a day stays open; default 12 h, at most 72 h
}

const (
	defaultGrace = 12 * time.Hour
	maxGrace     = 72 * time.Hour
)

// A Scorer judges every plant among the meters, each day that closes. It implements
// flatwatt.Scorer; Block is the suspected supply in kW while it runs, Energy what it took
// since its onset. One goroutine owns it.
type Scorer struct {
	grace  time.Duration
	water  Water
	plants []plant // sorted by id
	index  map[flatwatt.MeterID]int32
	zones  []zone
	hash   uint64

	state []plantState // beside plants
	hours []float32    // History × hoursPer of each plant: demand in kW, NaN: unknown
	peers []float32    // the same of its peers: share of capacity
	flows []float32    // History × 2 of each plant: inflow, turbines
	lags  []int16      // hours by which each peer of each plant is ahead of it
	slots []float32    // open windows, one after another; kW

	every    int32 // days from one judgement to the next: 1 but where figures of many plants are made
	work     work
	evidence []flatwatt.Evidence
}

var _ flatwatt.Scorer = (*Scorer)(nil)

const hoursPer = 24

// A plant is what does not change.
type plant struct {
	meter  flatwatt.Meter
	zone   int32
	lo, hi int32 // its window in Scorer.slots
	peers  []int32
	lags   int // where those of its peers begin in Scorer.lags
	events []Event
}

// A plantState is what is remembered beside the readings. It holds no pointers.
type plantState struct {
	SumKWh float64 // since the beginning: its sign is that of export
	MaxKW  float64 // highest hour so far
	Alarm  flatwatt.Day
	Held   int32        // days with odds above even less those below, 0 to 10
	On     int32        // 1: a suspect since Held came to 5
	Since  flatwatt.Day // onset while the odds were last above even
}

// New returns a Scorer of the generators among meters. water may be nil.
func New(meters []flatwatt.Meter, water Water, events []Event, opt Options) (*Scorer, error) {
	s := &Scorer{grace: cmp.Or(opt.Grace, defaultGrace), every: 1, water: water, index: map[flatwatt.MeterID]int32{}}
	if s.grace < 0 || s.grace > maxGrace {
		return nil, fmt.Errorf("grace is %v: give 0 to %v", s.grace, maxGrace)
	}
	for _, m := range meters {
		if m.Kind == flatwatt.Generator && m.Interval > 0 {
			s.plants = append(s.plants, plant{meter: m})
		}
	}
	slices.SortFunc(s.plants, func(a, b plant) int { return strings.Compare(string(a.meter.ID), string(b.meter.ID)) })
	zones, at := map[string]int32{}, int32(0)
	for i := range s.plants {
		p := &s.plants[i]
		m := &p.meter
		if m.Zone == nil || m.Interval > time.Hour || time.Hour%m.Interval != 0 {
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
		s.zones[z].plants = append(s.zones[z].plants, int32(i))
	}
	s.findPeers()
	for _, e := range events {
		if i, ok := s.index[e.Meter]; ok {
			s.plants[i].events = append(s.plants[i].events, e)
		}
	}
	n := len(s.plants)
	s.state = make([]plantState, n)
	s.hours, s.peers, s.flows = unknown(n*History*hoursPer), unknown(n*History*hoursPer), unknown(n*History*2)
	s.slots = unknown(int(at))
	s.hash = s.hashOf()
	return s, nil
}

func unknown(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = nan32
	}
	return x
}

var (
	nan   = math.NaN()
	nan32 = float32(nan)
)

// Plants is how many plants are judged.
func (s *Scorer) Plants() int { return len(s.plants) }

// capacity is what plant i can give, kW: as contracted, else the most it was seen to give.
func (s *Scorer) capacity(i int32) float64 {
	if c := float64(s.plants[i].meter.Contracted); c > 0 {
		return c
	}
	return s.state[i].MaxKW
}

// exported is demand in kW of plant i as export: registers count it negative as a rule,
// some positive.
func (s *Scorer) exported(i int32, kw float64) float64 {
	if s.state[i].SumKWh > 0 {
		return kw
	}
	return -kw
}
