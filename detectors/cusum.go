package detectors

import (
	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// A cusum looks for the day on which a floor rose for good: Page's test (Biometrika
// 41, 1954) with Student-t likelihoods, for three sizes of rise on each mask.
//
// Null hypothesis: the standardised floor r is t₃ about 0. Alternative j: it is at
// least k_j sigmas higher, so that anything above counts as a perfect fit:
//
//	ℓ = clip(½·[log t₃(min(r − k, 0)) − log t₃(max(r, 0))], −3, +1.5 or +3)
//	R ← max(R, 0) + ℓ
//
// ½ tempers the dependence of neighbouring days. Where R was 0, the rise may have
// begun today: that is the onset pointer. Cost: 96 bytes, 12 logarithms a day.
type cusum struct {
	r     [numMasks][cusumSizes]float32
	since [numMasks][cusumSizes]flatwatt.Day
}

const cusumSizes = 3

var (
	cusumRise  = [cusumSizes]float64{2, 4, 10} // sigmas
	cusumBonus = [cusumSizes]float64{1.5, 1.5, 3}
)

// step takes one day's standardised excess on each mask; NaN leaves a mask as it was.
// It returns the strongest R and since when it has been positive.
func (q *cusum) step(p *part, today flatwatt.Day) (strongest float64, since flatwatt.Day) {
	for m := range numMasks {
		r := p.excess(m) / p.sigma[m]
		if r != r {
			continue
		}
		for j, k := range cusumRise {
			l := 0.5 * (models.LogT3(min(r-k, 0)) - models.LogT3(max(r, 0)))
			l = min(max(l, -3), cusumBonus[j])
			if q.r[m][j] <= 0 {
				q.r[m][j], q.since[m][j] = 0, today
			}
			q.r[m][j] = min(q.r[m][j]+float32(l), 30)
		}
	}
	return q.strongest(today)
}

func (q *cusum) strongest(today flatwatt.Day) (float64, flatwatt.Day) {
	best, since := float32(0), today
	for m := range numMasks {
		for j := range cusumSizes {
			if q.r[m][j] > best {
				best, since = q.r[m][j], q.since[m][j]
			}
		}
	}
	return float64(best), since
}
