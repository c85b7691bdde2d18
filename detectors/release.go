package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt"
)

// releaseFrom is the reliability, in log-odds, from which an inspection that found no
// miner is the operator's word that what runs there is honest.
const releaseFrom = -1.0

// release makes today's load of j's meter the new normal where an operator's word for it
// came since the meter's last day: the block that runs is learned, and what was
// remembered of it is forgotten, so that a later block is judged on its own. While the floor
// is no higher than it was then, there is nothing that could be older than the data.
//
// The word counts from the day on which it was entered, so scoring again later gives the
// same. It costs a look-up a meter and day where there is a book, else nothing.
func (f *Fleet) release(j *judgement) {
	if f.book == nil || !f.cleared(j) {
		return
	}
	c := j.c
	if c.ep.phase == open && c.ep.days > 0 {
		c.absorb()
	}
	c.ep, c.cusum, c.hist = episode{}, cusum{}, history{}
	c.memory = memory{}
	c.cleared = float32(math.Exp(float64(c.floor.Mu)))
	if x := j.day.floor[maskAll]; x > float64(c.cleared) { // what is learned lags behind
		c.cleared = float32(x)
	}
}

// clearedShare is how far a floor may rise above the one that was said to be honest.
const clearedShare = 1.25

// known reports whether an operator's word explains the meter's floor.
func (c *customer) known() bool {
	return c.cleared > 0 && math.Exp(float64(c.floor.Mu)) <= clearedShare*float64(c.cleared)
}

// cleared reports whether an inspection without a finding was entered after the meter's
// day before this one and by the end of this one.
func (f *Fleet) cleared(j *judgement) bool {
	after, by := (j.c.prev + 1).Start(j.meter.Zone), (j.today + 1).Start(j.meter.Zone)
	for _, o := range f.book.Outside(j.meter.ID) {
		if o.Kind == flatwatt.Inspection && o.LogOdds <= releaseFrom && !o.Entered.Before(after) && o.Entered.Before(by) {
			return true
		}
	}
	return false
}
