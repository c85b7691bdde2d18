package plant

import "math"

const (
	partShare   = 0.35 // of the deficit of its hours that the others of a block on fixed hours lack at most
	leastHours  = 5
	mostHours   = 15
	moreByFar   = 1.6  // times the days' deficit that hours of enough output may tell by themselves …
	profileNear = 0.25 // … or as near as this to the mean of the hours' own deficits
	leastError  = 0.1  // of a block, half of its 90 % interval at least: measured on development seeds 801–819, checked on 820–840
	sizeErrors  = 2.4  // times the standard error of the step, likewise
)

// size tells how large the block of f is. The days' mean deficit, by which it was found, is
// less than the block where it runs by night only but was found over whole days, and where
// there were days on which the plant could not give as much as the block takes. Hours of
// the same output of the peers before and since tell it where there was enough to take.
// Where the water through the turbines is told, the days' deficit stands. l is what these
// hours tell in f's window.
func (s *Scorer) size(i int32, z *zone, f *finding, l leveled) {
	defer f.widen()
	if s.columns(i, z, int(min(z.count, History)), f.window)[3] {
		return // the plant's own water tells more than peers, who may have got other water since
	}
	if f.window.name == "24x7" && f.partOfDay() {
		l = s.atLevels(i, z, f, func(h int) bool { return f.hours[h] })
	}
	if l.flat != l.flat || !(l.deficit > f.block.Value) {
		return
	}
	if mean := f.meanProfile(f.hours[:], true); l.deficit < moreByFar*f.block.Value || math.Abs(l.deficit/mean-1) < profileNear {
		f.block.Value = l.deficit
	}
}

// widen gives the block the interval that its errors have had: the standard error of the step is of
// one model, whose shape errs as well, in proportion to the block and with what a day errs.
func (f *finding) widen() {
	b := &f.block
	half := math.Hypot(leastError*b.Value, sizeErrors*1.64*f.se*max(1, b.Value/f.deficit))
	b.Low, b.High = max(0, b.Value-half), b.Value+half
}

// partOfDay takes the hours in a row that lack something, where the others lack little: the
// night of a plant whose days were told as a whole. Its block is the mean of these hours;
// false where there are none.
func (f *finding) partOfDay() bool {
	best, in, gain := f.hours, 0.0, 0.0
	whole := f.meanProfile(f.hours[:], true)
	for from := range hoursPer {
		for n := leastHours; n <= mostHours; n++ {
			var on [hoursPer]bool
			for k := range n {
				on[(from+k)%hoursPer] = true
			}
			a, b := f.meanProfile(on[:], true), f.meanProfile(on[:], false)
			if g := float64(n)*(a-whole)*(a-whole) + float64(hoursPer-n)*(b-whole)*(b-whole); b < partShare*a && g > gain {
				best, in, gain = on, a, g
			}
		}
	}
	if gain == 0 {
		return false
	}
	f.hours, f.block.Value = best, in
	return true
}

// meanProfile is the mean deficit of the hours that are on, or of the others; NaN where an
// hour is not known.
func (f *finding) meanProfile(on []bool, want bool) float64 {
	var m mean
	for h, d := range f.profile {
		if on[h] == want {
			m.add(d)
		}
	}
	return m.value()
}
