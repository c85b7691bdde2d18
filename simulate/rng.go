package simulate

import (
	"math"
	"math/rand/v2"
)

// Purposes keep the random streams of one meter apart, so that adding a miner to a
// meter, or a fault, leaves every other draw of that meter as it was.
const (
	forPlan uint64 = iota + 1
	forMiner
	forMinerDraw
	forChange
	forChangeDraw
	forFaults
	forMeasure
	forVoltage
	forGrid
	forWeather
	forCuts
	forAppliance // and all above: one stream for each appliance
)

// mix is the splitmix64 finaliser: neighbouring inputs give unrelated outputs.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// stream is the random stream for one purpose of one thing (a meter, a transformer,
// a region). It depends on nothing else, so neither order nor parallelism matters.
func stream(seed, thing, purpose uint64) *rand.Rand {
	k := mix(mix(seed)^thing) ^ mix(purpose<<32)
	return rand.New(rand.NewPCG(mix(k), mix(k+1)))
}

func uniform(r *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

func normal(r *rand.Rand, mean, sd float64) float64 { return mean + sd*r.NormFloat64() }

// around is log-normal with the given median; sigma is the standard deviation of the logarithm.
func around(r *rand.Rand, median, sigma float64) float64 {
	return median * math.Exp(sigma*r.NormFloat64())
}

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

func clamp(x, lo, hi float64) float64 { return min(max(x, lo), hi) }

// weighted draws an index with probability proportional to its weight. It uses one
// draw, and weights that are all zero give 0.
func weighted(r *rand.Rand, weights []float64) int {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	x := r.Float64() * total
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	for i := len(weights) - 1; i > 0; i-- { // rounding: the last that can be drawn
		if weights[i] > 0 {
			return i
		}
	}
	return 0
}

// geometric draws 1, 2, 3 … with the given mean.
func geometric(r *rand.Rand, mean float64) int {
	if mean <= 1 {
		return 1
	}
	return 1 + int(math.Log(1-r.Float64())/math.Log1p(-1/mean))
}

// An ar is stationary first-order autoregressive noise of mean 0.
type ar struct{ x, keep, kick float64 }

// newAR has standard deviation sd and forgets half of its value in ln 2 × tauHours.
func newAR(r *rand.Rand, sd, tauHours, stepHours float64) ar {
	keep := math.Exp(-stepHours / tauHours)
	return ar{x: sd * r.NormFloat64(), keep: keep, kick: sd * math.Sqrt(1-keep*keep)}
}

func (a *ar) next(r *rand.Rand) float64 {
	a.x = a.x*a.keep + a.kick*r.NormFloat64()
	return a.x
}
