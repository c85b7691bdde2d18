package detectors

import "math"

// A block that keeps its nature may change its size: all machines go to another power
// mode on one day (steps of −45 … +15 %), or a few more arrive. The robust level of an
// episode would take weeks to follow, so a lasting change is followed at once, and the
// onset and everything known of the block's shape is kept.
const (
	relevelDays   = 3    // in a row on one side before it is believed
	relevelShare  = 0.04 // of the block; smaller changes the level follows by itself
	relevelSigmas = 4.0  // beyond its usual spread from day to day …
	relevelAlways = 0.08 // … or this share: a young block's spread is not known
)

// relevel moves the episode to today's size where that has differed, on one side and by
// more than the block's own spread, for relevelDays days. Source of the sizes of steps:
// power profiles of mining firmware (docs/simulate.md). Cost: a few comparisons a day.
// It follows what a slow trend does in jumps; terms on the spread judge that.
func (c *customer) relevel(p *part) {
	e := &c.ep
	lead := &e.block[e.lead]
	x := p.excess(mask(e.lead))
	if x != x || lead.N < relevelDays {
		return
	}
	over := x - float64(lead.Mu)
	limit := min(relevelSigmas*float64(lead.Sigma), relevelAlways*float64(lead.Mu))
	limit = max(limit, relevelShare*float64(lead.Mu), 2*p.sigma[e.lead])
	switch {
	case math.Abs(over) < limit:
		e.shifted = 0
	case over > 0:
		e.shifted = max(e.shifted, 0) + 1
	default:
		e.shifted = min(e.shifted, 0) - 1
	}
	if e.shifted < relevelDays && e.shifted > -relevelDays {
		return
	}
	e.shifted = 0
	half := float32(0.5 * lead.Mu)
	for m := range numMasks {
		if l := &e.block[m]; l.Mu > half {
			l.Mu += float32(over)
			l.N = min(l.N, 2)
		}
	}
	for h := range e.delta {
		if e.delta[h] > half {
			e.delta[h] += float32(over)
			e.hourN[h] = min(e.hourN[h], 3)
		}
	}
	e.mean.N, e.top.N, e.active.N, e.react.N = min(e.mean.N, 2), min(e.top.N, 2), min(e.active.N, 2), min(e.react.N, 2)
	// The days so far ran at the old size.
	e.energy -= float32(over) * float32(e.told.hours) * float32(e.days)
}
