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
	c := j.c
	if x := float32(j.day.floor[maskAll]); x < c.cleared && c.lowDays == endAfterDays { // what the word was for has ended
		c.cleared = x
	}
	word, given := f.word(j)
	if !given {
		return
	}
	if word > 0 {
		c.cleared = 0
	}
	if word > releaseFrom {
		return
	}
	if c.prev == j.today-1 && c.floor.N >= minStaticDays { // of a word in a gap nobody knows what it saw
		c.cleared = float32(math.Exp(float64(c.floor.Mu)))
		if x := float32(j.day.floor[maskAll]); x > c.cleared && c.ep.days >= endAfterDays {
			c.cleared = x // what is learned lags behind
		}
	}
	if c.ep.phase == open && c.ep.days >= endAfterDays { // a day's spike is no new normal
		c.absorb()
	}
	c.ep, c.cusum, c.hist = episode{}, cusum{}, history{}
	c.memory = memory{}
}

// clearedShare is how far a floor may rise above the one that was said to be honest.
const clearedShare = 1.25

// explained is the log-odds of a static story of st after an operator's word for the floor:
// no more than what is known of any meter of its class.
func (f *Fleet) explained(j *judgement, st float64) float64 {
	if c := j.c; !(c.cleared > 0 && math.Exp(float64(c.floor.Mu)) <= clearedShare*float64(c.cleared)) {
		return st
	}
	return min(st, f.params.prior(j.meter, staticBranch))
}

// word is the reliability of the latest inspection that was entered after the meter's day
// before this one and by the end of this one.
func (f *Fleet) word(j *judgement) (odds float64, given bool) {
	if f.book == nil {
		return 0, false
	}
	after, by := (j.c.prev + 1).Start(j.meter.Zone), (j.today + 1).Start(j.meter.Zone)
	for _, o := range f.book.Outside(j.meter.ID) {
		if o.Kind == flatwatt.Inspection && !o.Entered.Before(after) && o.Entered.Before(by) {
			after, odds, given = o.Entered, o.LogOdds, true
		}
	}
	return odds, given
}
