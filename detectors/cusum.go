package detectors

import (
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
// ½ tempers the dependence of neighbouring days. An episode begins on the
// day on which some R leaves 0. Cost: 48 bytes, 24 logarithms a day.
type cusum struct {
	r [numMasks][cusumSizes]float32
}

const cusumSizes = 3

var (
	cusumRise  = [cusumSizes]float64{2, 4, 10} // sigmas
	cusumBonus = [cusumSizes]float64{1.5, 1.5, 3}
)

// step takes one day's standardised excess on each mask; NaN leaves a mask as it was.
// It returns the strongest R.
func (q *cusum) step(p *part) (strongest float64) {
	for m := range numMasks {
		r := p.excess(m) / p.sigma[m]
		if r != r {
			continue
		}
		for j, k := range cusumRise {
			l := 0.5 * (models.LogT3(min(r-k, 0)) - models.LogT3(max(r, 0)))
			l = min(max(l, -3), cusumBonus[j])
			q.r[m][j] = min(max(q.r[m][j], 0)+float32(l), 30)
		}
	}
	best := float32(0)
	for m := range numMasks {
		for j := range cusumSizes {
			best = max(best, q.r[m][j])
		}
	}
	return float64(best)
}
