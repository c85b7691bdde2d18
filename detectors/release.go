package detectors

import "github.com/flatwatt/flatwatt"

// releaseFrom is the reliability, in log-odds, from which an inspection that found no
// miner is the operator's word that what runs there is honest.
const releaseFrom = -1.0

// release makes today's load of j's meter the new normal where an operator's word for it
// came since the meter's last day: the block that runs is learned, and what was
// remembered of it is forgotten, so that a later block is judged on its own.
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
