package evaluate

import (
	"math"
	"slices"
	"time"
)

// Quantile is the q-quantile of x by linear interpolation between order statistics
// (type 7 of Hyndman and Fan, The American Statistician 50 (1996)). NaN if x is empty.
// Between a number and +Inf it is +Inf. x is not changed.
func Quantile(x []float64, q float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	s := slices.Clone(x)
	slices.Sort(s)
	at := q * float64(len(s)-1)
	low := int(at)
	if low+1 >= len(s) || at == float64(low) || s[low] == s[low+1] { // ∞−∞ is no number
		return s[low]
	}
	return s[low] + (at-float64(low))*(s[low+1]-s[low])
}

// kwError is |estimated − true| / true of a miner's block; ok is false without either.
func (c *meterCase) kwError() (e float64, ok bool) {
	block, truth := c.finding.Block.Value, float64(c.truth.Block)
	if !c.miner() || !(truth > 0) || math.IsNaN(block) {
		return 0, false
	}
	return math.Abs(block-truth) / truth, true
}

// kwCovered reports whether the interval of the block contains the truth.
func (c *meterCase) kwCovered() (covered, ok bool) {
	b, truth := c.finding.Block, float64(c.truth.Block)
	if !c.miner() || !(truth > 0) || math.IsNaN(b.Low) || math.IsNaN(b.High) {
		return false, false
	}
	return b.Low <= truth && truth <= b.High, true
}

// onsetErrorDays is |estimated − true| onset in days of 24 hours.
func (c *meterCase) onsetErrorDays() (days float64, ok bool) {
	if !c.onsetCase() || c.finding.Onset.At.IsZero() {
		return 0, false
	}
	return math.Abs(c.finding.Onset.At.Sub(c.truth.Onset).Hours()) / 24, true
}

// onsetCovered reports whether the interval of the onset contains the true one.
func (c *meterCase) onsetCovered() (covered, ok bool) {
	o := c.finding.Onset
	if !c.onsetCase() || o.Low.IsZero() || o.High.IsZero() {
		return false, false
	}
	return within(c.truth.Onset, o.Low, o.High), true
}

func within(t, low, high time.Time) bool { return !t.Before(low) && !t.After(high) }

// share is the mean of yes/no answers; NaN without any.
type share struct{ yes, n int }

func (s *share) add(yes bool) {
	s.n++
	if yes {
		s.yes++
	}
}

func (s share) value() float64 {
	if s.n == 0 {
		return math.NaN()
	}
	return float64(s.yes) / float64(s.n)
}
