// Package screen holds what customers and market participants declared against what their
// meters show after energising. It answers with a list of reasons, each with a weight in
// log odds; their sum ranks, it proves nothing.
//
// Weights and typical ranges are assumptions, stated in docs/outside.md. What it gets wrong:
// an honest customer whose plans changed.
package screen

import (
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A Declaration is what was applied for or registered.
type Declaration struct {
	Use       string      // e.g. office, works, farming, data_centre
	KW        flatwatt.KW // capacity; 0: not known
	Energised time.Time   // zero: not known
}

// Measured is what is known of the meter. Numbers are NaN where they are not known.
type Measured struct {
	First      time.Time // of the first day of use; zero: none
	Days       int       // since then
	Level      float64   // kW: upper tenth of the days' means of the last 28 days
	FullAfter  float64   // days from first use to 85 % of the level
	LoadFactor float64   // of the last 28 days
	NightDay   float64   // mean of 00–05 over that of 10–16
	WeekdayEnd float64   // mean of working days over that of days of rest
	Miner      float64   // probability of the customer detector
	Farm       float64   // probability of a mining farm against a data centre
}

// A Reason is one thing that does not fit, or does.
type Reason struct {
	Term    string
	LogOdds float64
	Value   float64 // what words tell
}

// Verdict is what is to be done.
type Verdict string

const (
	Wait       Verdict = "wait"       // too few readings
	Consistent Verdict = "consistent" // with what was declared
	Ask        Verdict = "ask"        // the customer what runs there
	InspectIt  Verdict = "inspect"
)

const (
	leastDays   = 14
	askFrom     = 1.0
	inspectFrom = 2.5
)

// A usual is what use of a kind looks like; zero fields say nothing.
type usual struct {
	loadFactor float64 // above it the load is flatter than such use
	nightDay   float64 // above it nights are busier
	weekend    bool    // days of rest differ
	flat       bool    // is flat by nature
}

var usuals = map[string]usual{
	"office": {.65, .75, true, false}, "shop": {.7, .8, false, false}, "commercial": {.75, .85, false, false},
	"restaurant": {.65, .8, false, false}, "hotel": {.75, .9, false, false}, "residential": {.6, .9, false, false},
	"works": {.8, 1, false, false}, "industrial": {.88, 1.05, false, false}, "farming": {.7, 1.1, false, false},
	"agricultural": {.7, 1.1, false, false}, "warehouse": {.7, .9, false, false}, "charging": {.6, 1.5, false, false},
	"storage": {.6, 1.3, false, false}, "cold_storage": {.92, 1.1, false, false}, "street_light": {.65, 0, false, false},
	"data_centre": {flat: true}, "datacentre": {flat: true}, "telecom": {flat: true}, "pump": {.9, 1.3, false, false},
}

// Uses lists the declared uses whose shape is known, sorted. Others are held against
// capacity and dates only.
func Uses() (names []string) {
	for name := range usuals {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Judge holds d against m. Reasons come with the heaviest first.
func Judge(d Declaration, m Measured) (sum float64, v Verdict, reasons []Reason) {
	add := func(term string, odds, value float64) {
		if odds == odds && odds != 0 {
			sum += odds
			reasons = append(reasons, Reason{term, odds, value})
		}
	}
	if m.First.IsZero() || m.Days < leastDays {
		return 0, Wait, []Reason{{"few_days", 0, float64(m.Days)}}
	}
	shape(d, m, add)
	capacity(d, m, add)
	if early := d.Energised.Sub(m.First).Hours() / 24; !d.Energised.IsZero() && early > 3 {
		add("early", .8, math.Floor(early))
	}
	if m.Farm == m.Farm {
		p := min(max(m.Farm, .05), .95)
		add("farm", math.Log(p/(1-p)), 100*m.Farm)
	}
	if m.Miner >= .05 {
		add("miner", min(3, 1+math.Log(m.Miner/.05)*.67), 100*m.Miner)
	}
	slices.SortStableFunc(reasons, func(a, b Reason) int {
		switch x, y := math.Abs(a.LogOdds), math.Abs(b.LogOdds); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	switch {
	case sum >= inspectFrom:
		return sum, InspectIt, reasons
	case sum >= askFrom:
		return sum, Ask, reasons
	}
	return sum, Consistent, reasons
}

// shape holds the form of the load against what is usual of the declared use.
func shape(d Declaration, m Measured, add func(string, float64, float64)) {
	u, known := usuals[d.Use]
	if !known || u.flat {
		return
	}
	if over := m.LoadFactor - u.loadFactor; over > 0 {
		add("flat", min(2.5, 1+15*over), m.LoadFactor)
	}
	if u.nightDay > 0 && m.NightDay > u.nightDay {
		add("night", min(1, .4+2*(m.NightDay-u.nightDay)), m.NightDay)
	}
	if d.Use == "street_light" && m.NightDay < 3 {
		add("by_day", 1.5, m.NightDay)
	}
	if u.weekend && math.Abs(m.WeekdayEnd-1) < .05 {
		add("weekend", .6, 100*(m.WeekdayEnd-1))
	}
}

// capacity holds size and growth against what was asked for.
func capacity(d Declaration, m Measured, add func(string, float64, float64)) {
	if d.KW <= 0 {
		return
	}
	share := m.Level / float64(d.KW)
	switch {
	case share > 1.1:
		add("beyond", min(1.5, .5+share-1.1), 100*share)
	case share >= .8 && m.FullAfter <= 14:
		add("at_once", 1, m.FullAfter)
	case share < .1 && m.Days > 180:
		add("unused", -.3, 100*share)
	}
}
