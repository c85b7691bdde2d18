// Package models says, as pure numbers, what is normal for a meter and what a miner
// looks like. It knows no meters, clocks or files; every type is a plain value
// without pointers, so that a fleet's memory is one flat array.
package models

import (
	"math"
	"slices"
)

// Decay is the weight that one step of a memory with the given half-life keeps:
// 2^(−1/halfLife). Half-lives are what a person can reason about; after one half-life
// an old value weighs one half.
func Decay(halfLife float64) float64 { return math.Exp2(-1 / halfLife) }

// MADToSigma makes the median absolute deviation estimate the standard deviation of a
// normal distribution: 1/Φ⁻¹(¾).
const MADToSigma = 1.4826

// MeanAbsToSigma makes the mean absolute deviation do the same: √(π/2).
const MeanAbsToSigma = 1.2533

// Level follows the location and scale of a slowly changing quantity whose samples
// are sometimes wild: a Huber M-estimator in exponential memory.
//
//	e  = clip(x − μ, ±k·σ)         k = 2.5
//	μ += g·e                       g = max(1/n, 1 − decay)
//	σ += g·(√(π/2)·|e| − σ)
//
// The gain starts as the plain mean's 1/n, so young levels are unbiased. An outlier
// moves μ by at most g·k·σ. Source: Huber, Robust Statistics (1981), §3; the same
// update in exponential memory is Gelper, Fried & Croux (2010), J. Forecasting 29.
// NaN samples are ignored. The zero value is ready. Cost: 12 bytes, 5 ns.
type Level struct {
	Mu, Sigma float32
	N         float32 // samples, saturating at MaxLevelSamples
}

// MaxLevelSamples bounds Level.N; beyond it the gain is the memory's own.
const MaxLevelSamples = 4096

const huberK = 2.5

// Add takes x into l, with the given memory (see Decay) and the smallest scale that
// is believed (meter resolution, for example).
func (l *Level) Add(x, decay, sigmaMin float64) {
	if math.IsNaN(x) {
		return
	}
	if l.N < 1 {
		*l = Level{Mu: float32(x), Sigma: float32(sigmaMin), N: 1}
		return
	}
	l.N = min(l.N+1, MaxLevelSamples)
	gain := max(1/float64(l.N), 1-decay)
	e := x - float64(l.Mu)
	if l.N > 4 { // before that σ is no judge of what is wild
		limit := huberK * max(float64(l.Sigma), sigmaMin)
		e = min(max(e, -limit), limit)
	}
	l.Mu += float32(gain * e)
	l.Sigma += float32(gain * (MeanAbsToSigma*math.Abs(e) - float64(l.Sigma)))
	l.Sigma = max(l.Sigma, float32(sigmaMin))
}

// Mean is a plain exponentially weighted mean with the same young-age gain as Level.
// NaN samples are ignored.
type Mean struct{ Mu, N float32 }

// Add takes x into m.
func (m *Mean) Add(x, decay float64) {
	if math.IsNaN(x) {
		return
	}
	m.N = min(m.N+1, MaxLevelSamples)
	m.Mu += float32(max(1/float64(m.N), 1-decay) * (x - float64(m.Mu)))
}

// Value is the mean, NaN before the first sample.
func (m Mean) Value() float64 {
	if m.N == 0 {
		return math.NaN()
	}
	return float64(m.Mu)
}

// Quantile is the p-quantile of sorted by linear interpolation (type 7 of Hyndman &
// Fan 1996). NaN for an empty slice.
func Quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	pos := p * float64(len(sorted)-1)
	i := int(pos)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	frac := pos - float64(i)
	return sorted[i] + frac*(sorted[i+1]-sorted[i])
}

// Median is Quantile(sorted x, 0.5), found by selection (Hoare, CACM 4, 1961) without
// sorting: x is reordered. It must hold no NaN; NaN for an empty slice. Cost: some 3n
// comparisons.
func Median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	pos := 0.5 * float64(len(x)-1)
	k := int(pos)
	lo, hi := 0, len(x)-1
	for hi-lo > 6 {
		p := middle(x[lo], x[(lo+hi)/2], x[hi])
		i, j := lo, hi
		for i <= j {
			for x[i] < p {
				i++
			}
			for x[j] > p {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i, j = i+1, j-1
			}
		}
		switch { // up to j not above p, from i on not below it
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			lo, hi = k, k
		}
	}
	for i := lo + 1; i <= hi; i++ {
		for j := i; j > lo && x[j] < x[j-1]; j-- {
			x[j], x[j-1] = x[j-1], x[j]
		}
	}
	if k+1 >= len(x) {
		return x[len(x)-1]
	}
	next := slices.Min(x[k+1:])
	frac := pos - float64(k)
	return x[k] + frac*(next-x[k])
}

func middle(a, b, c float64) float64 { return max(min(a, b), min(max(a, b), c)) }

// MedianMAD sorts x in place and returns its median and its scaled median absolute
// deviation. Both NaN for an empty slice.
func MedianMAD(x []float64) (median, sigma float64) {
	slices.Sort(x)
	median = Quantile(x, 0.5)
	// The deviations of a sorted slice are two sorted runs; merging them from the
	// middle outwards finds their median without a second buffer.
	i, j := len(x), len(x)
	for k, v := range x {
		if v >= median {
			i, j = k-1, k
			break
		}
	}
	dev := math.NaN()
	for range len(x)/2 + len(x)%2 {
		switch {
		case i < 0 || (j < len(x) && x[j]-median <= median-x[i]):
			dev, j = x[j]-median, j+1
		default:
			dev, i = median-x[i], i-1
		}
	}
	return median, MADToSigma * dev
}

// LogT3 is the logarithm of Student's t density with 3 degrees of freedom at x, up to
// its constant: −2·log(1 + x²/3). Its tails forgive what a normal density would not.
func LogT3(x float64) float64 { return -2 * math.Log1p(x*x/3) }
