package cluster

import (
	"math"

	"github.com/flatwatt/flatwatt"
)

// stepShare is the share of meters with a block that stepped in the same hours by the same share.
func stepShare(st step, all []suspectStep, meters int) float64 {
	n := 0.0
	for _, o := range all {
		if d := o.Hour - st.Hour; d >= -hourSlack && d <= hourSlack && math.Abs(float64(o.Ratio-st.Ratio)) <= 2.5*ratioSpread {
			n++
		}
	}
	return n / float64(max(meters, commonLeast))
}

// stepRate is the share of meters with a block that stepped within the same hours, by
// whatever share, at least what usual use does in that time.
func stepRate(st step, all []suspectStep, meters int) float64 {
	n := 0.0
	for _, o := range all {
		if d := o.Hour - st.Hour; d >= -hourSlack && d <= hourSlack && math.Abs(float64(o.Ratio-st.Ratio)) > 2.5*ratioSpread {
			n++
		}
	}
	return (n + .5) / (float64(meters) + 25)
}

// belongs is the log odds that meter i has the operator of seed.
func (s *Scorer) belongs(day flatwatt.Day, seed, i int32, own []step, rates []float64) belonging {
	a, m := &s.members[seed], &s.members[i]
	odds := distantPrior + min(ownBase+math.Log(float64(m.Odds)), 6)
	x := math.Log(float64(m.KW)) - math.Log(float64(a.KW))
	odds += math.Log(.1 + .9*density(x, 0, sizeSpread)/density(math.Log(float64(m.KW)), math.Log(2), 1.1))
	b := belonging{i: i}
	from := max(s.since(i), s.since(seed))
	usual := s.usualSteps(day, i, from)
	for k, st := range own {
		if st.Hour < from {
			continue
		}
		hit, rate := false, max(rates[k], usual)
		s.tracks[i].steps(int32(day), from, func(o step) {
			d, r := o.Hour-st.Hour, float64(o.Ratio-st.Ratio)
			hit = hit || d >= -hourSlack && d <= hourSlack && math.Abs(r) < 2.5*ratioSpread
		})
		if hit {
			b.shared++
			odds += math.Log(1 - realShare + realShare*hitShare/rate*usualSpread)
		} else {
			odds += math.Log(1 - realShare + realShare*(1-hitShare)/(1-rate))
		}
	}
	b.odds = odds
	return b
}

// usualSteps is how likely meter i steps within hourSlack of any moment by chance, at the rate
// at which it has stepped since an hour, as far back as its steps are kept; ½ at most.
func (s *Scorer) usualSteps(day flatwatt.Day, i, from int32) float64 {
	n, first := 0, from
	s.tracks[i].steps(int32(day), from, func(st step) {
		if n++; n == 1 {
			first = st.Hour
		}
	})
	if n == stepsMost { // older ones are forgotten
		from = first
	}
	hours := max((int32(day)+1)*trackHours-from, trackDays*trackHours)
	return min(float64(n*(2*hourSlack+1))/float64(hours), .5)
}

// usualSpread is how much likelier the same share is for machines of one operator than for
// steps of use, which are spread over ±0.6: 1.2 over the width of 5 spreads that counts as
// the same.
const usualSpread = 1.2 / (5 * ratioSpread)
