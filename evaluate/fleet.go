package evaluate

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A meterCase is one customer's meter with everything that is known and said of it.
type meterCase struct {
	meter   flatwatt.Meter
	truth   flatwatt.Truth
	finding Finding
	daily   []DayScore // by day, without those of unknown probability
	scored  int        // days that were scored, known or not
}

func (c *meterCase) miner() bool { return c.truth.Label == flatwatt.Miner }

// onsetCase reports whether c is a miner that began within the data.
func (c *meterCase) onsetCase() bool { return c.miner() && !c.truth.Onset.IsZero() }

// rank is the final probability as something to sort by: unknown comes after all.
func (c *meterCase) rank() float64 {
	if math.IsNaN(c.finding.Probability) {
		return math.Inf(-1)
	}
	return c.finding.Probability
}

// close is the end of day in c's zone, the moment at which its score is known.
func (c *meterCase) close(d flatwatt.Day) time.Time {
	zone := c.meter.Zone
	if zone == nil {
		zone = time.UTC
	}
	return (d + 1).Start(zone)
}

// A fleet is the cases to be ranked, by meter ID, and what was left out of them.
type fleet struct {
	name   string // of the method
	cases  []*meterCase
	counts Counts
}

func newFleet(in Input) (*fleet, error) {
	byID := make(map[flatwatt.MeterID]*meterCase, len(in.Meters))
	for _, m := range in.Meters {
		if byID[m.ID] != nil {
			return nil, fmt.Errorf("meter %q is registered twice: keep one entry", m.ID)
		}
		byID[m.ID] = &meterCase{
			meter:   m,
			truth:   flatwatt.Truth{Meter: m.ID},
			finding: Finding{Meter: m.ID, Probability: math.NaN(), Block: unknownEstimate()},
		}
	}
	if err := addTruth(byID, in.Truth); err != nil {
		return nil, err
	}
	if err := addFindings(byID, in.Findings); err != nil {
		return nil, err
	}
	if err := addDaily(byID, in.Daily); err != nil {
		return nil, err
	}
	f := choose(byID)
	f.name = in.Method
	return f, nil
}

// addTruth keeps one truth a meter: a miner before anything else, the earliest first.
func addTruth(byID map[flatwatt.MeterID]*meterCase, truth []flatwatt.Truth) error {
	weight := map[flatwatt.Label]int{flatwatt.Miner: 3, flatwatt.LegitChange: 2, flatwatt.NoneLabel: 1}
	for _, t := range truth {
		c := byID[t.Meter]
		if c == nil {
			return fmt.Errorf("truth of meter %q: not in the register", t.Meter)
		}
		if weight[t.Label] == 0 {
			return fmt.Errorf("truth of meter %q: label %q: want miner, legit_change or none", t.Meter, t.Label)
		}
		stronger := weight[t.Label] - weight[c.truth.Label]
		if stronger > 0 || stronger == 0 && t.Onset.Before(c.truth.Onset) {
			c.truth = t
		}
	}
	return nil
}

func addFindings(byID map[flatwatt.MeterID]*meterCase, findings []Finding) error {
	seen := make(map[flatwatt.MeterID]bool, len(findings))
	for _, f := range findings {
		c := byID[f.Meter]
		switch {
		case c == nil:
			return fmt.Errorf("finding on meter %q: not in the register", f.Meter)
		case seen[f.Meter]:
			return fmt.Errorf("meter %q has two findings: keep the last day's", f.Meter)
		case f.Probability < 0 || f.Probability > 1:
			return fmt.Errorf("finding on meter %q: probability %v: want 0 to 1", f.Meter, f.Probability)
		}
		seen[f.Meter] = true
		if f.State == flatwatt.NotEnoughData {
			f.Probability, f.Block = math.NaN(), unknownEstimate()
		}
		c.finding = f
	}
	return nil
}

func addDaily(byID map[flatwatt.MeterID]*meterCase, daily []DayScore) error {
	type key struct {
		meter flatwatt.MeterID
		day   flatwatt.Day
	}
	seen := make(map[key]bool, len(daily)) // days without a judgement too
	for _, s := range daily {
		c := byID[s.Meter]
		k := key{s.Meter, s.Day}
		switch {
		case c == nil:
			return fmt.Errorf("score of meter %q on %v: not in the register", s.Meter, s.Day)
		case s.Probability < 0 || s.Probability > 1:
			return fmt.Errorf("score of meter %q on %v: probability %v: want 0 to 1", s.Meter, s.Day, s.Probability)
		case seen[k]:
			return fmt.Errorf("meter %q is scored twice on %v: keep one detector's scores", s.Meter, s.Day)
		}
		seen[k] = true
		c.scored++
		if !math.IsNaN(s.Probability) {
			c.daily = append(c.daily, s)
		}
	}
	for _, c := range byID {
		slices.SortFunc(c.daily, func(a, b DayScore) int { return cmp.Compare(a.Day, b.Day) })
	}
	return nil
}

// choose keeps customers that can be seen from their meters, and counts the rest.
func choose(byID map[flatwatt.MeterID]*meterCase) *fleet {
	f := &fleet{}
	for _, c := range byID {
		if c.meter.Kind != flatwatt.Customer && c.meter.Kind != "" {
			f.counts.NotCustomers++
			continue
		}
		// Whatever the label: with the miner gone past the meter its readings are honest,
		// yet whoever flagged it would be right.
		if strings.Contains(strings.ToLower(c.truth.Note), "bypass") {
			f.counts.Bypass++
			continue
		}
		f.counts.add(c)
		f.cases = append(f.cases, c)
	}
	slices.SortFunc(f.cases, func(a, b *meterCase) int { return cmp.Compare(a.meter.ID, b.meter.ID) })
	return f
}

func (n *Counts) add(c *meterCase) {
	n.Meters++
	if c.truth.Label == "" {
		n.WithoutTruth++
	}
	if c.truth.Label == flatwatt.LegitChange {
		n.LegitChanges++
	}
	if c.miner() {
		n.Miners++
	}
	if c.onsetCase() {
		n.OnsetMiners++
	}
	if math.IsNaN(c.finding.Probability) {
		n.NotEnoughData++
		if c.miner() {
			n.NotEnoughDataMiners++
		}
	}
	if len(c.daily) > 0 {
		n.MetersWithDailyScores++
	}
}

func unknownEstimate() flatwatt.Estimate {
	return flatwatt.Estimate{Value: math.NaN(), Low: math.NaN(), High: math.NaN()}
}
