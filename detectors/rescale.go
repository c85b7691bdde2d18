package detectors

import "math"

// A wrong or corrected ratio of current or voltage transformers multiplies everything a
// meter says: its floor, its mean, its peaks and its noise, all by one factor. An added
// block adds to the floor and leaves spread and noise as they were. Where the first
// explains the rise, it is no block.
const (
	rescaleMin       = 1.15 // smallest factor that is looked at
	rescaleTolerance = 0.12 // of the logarithm of the factor, for mean and peaks …
	rescaleSpread    = 0.30 // … and for the spread within a day, which is noisier
)

// rescaled reports whether the open rise is everything multiplied by one factor.
//
// Null hypothesis: y = y₀ + block. Alternative: y = g·y₀. With g = (floor + block)/floor,
// the mean, the 95 % quantile and the spread within a day must all have grown by g. For
// an always-on block the spread stays, for one on fixed hours the floor of the others
// does: such blocks are never taken for a factor. What it gets wrong: nothing else is
// told of meters whose load hardly varies, since there both explanations agree; those
// are left to the terms. Cost: four logarithms a day while a rise is open.
func (j *judgement) rescaled() bool {
	c, e := j.c, &j.c.ep
	floor, mean, top, sd := float64(c.base.Mu), float64(c.mean.Mu), float64(c.top.Mu), c.sd.Value()
	if !j.hasBlock() || j.hours < 23 || floor <= 0 || !(sd > 0.1*mean) {
		return false
	}
	log := math.Log((floor + float64(e.block[maskAll].Mu)) / floor)
	if !(log > math.Log(rescaleMin)) {
		return false
	}
	near := func(before, after, tolerance float64) bool {
		return math.Abs(math.Log(after/before)/log-1) < tolerance
	}
	return near(mean, mean+e.mean.Value(), rescaleTolerance) && near(top, top+e.top.Value(), rescaleTolerance) &&
		near(sd, e.sd.Value(), rescaleSpread)
}
