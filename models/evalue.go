package models

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// An EValue turns a calibrated log-odds x into evidence with a promise:
//
//	e(x) = exp(eSteepness·min(x, Cap) − LogMean)
//
// Null hypothesis: the meter is honest, drawn like the honest meters of the fleets that
// LogMean was fitted on. LogMean is an upper confidence bound of the logarithm of the
// honest mean of exp(eSteepness·min(x, Cap)), so E[e] ≤ 1: by Markov's inequality an
// honest meter has e ≥ 1/α with a chance of at most α, and EBH may use e however meters
// depend on each other. The cap keeps the mean from hanging on a few meters. The zero
// EValue promises nothing and gives NaN.
type EValue struct {
	Cap     float64 `json:"cap"`      // calibrated log-odds from which e no longer grows
	LogMean float64 `json:"log_mean"` // natural logarithm
}

// eSteepness is above 1, which the likelihood ratio would have, because a list of a few
// in a hundred needs e in the hundreds or nothing: evidence that cannot reach that should
// take little from the mean. Steeper still is all or nothing; on the fleets that the
// shipped model counts on 1, 2, 4, 6 and 50 find 0, 51, 59, 59 and 62 % of the miners'
// days where a list drawn with full knowledge would find 63 %.
const eSteepness = 4

// Log is ln e(x). NaN if x is NaN, or for the zero EValue.
func (e EValue) Log(x float64) float64 {
	if e == (EValue{}) {
		return math.NaN()
	}
	return eSteepness*min(x, e.Cap) - e.LogMean
}

// Validate reports numbers that no fit gives.
func (e EValue) Validate() error {
	if math.IsNaN(e.Cap) || math.IsInf(e.Cap, 0) || math.IsNaN(e.LogMean) || math.IsInf(e.LogMean, 0) {
		return fmt.Errorf("cap %g and log_mean %g: want finite numbers", e.Cap, e.LogMean)
	}
	return nil
}

// An ESample is one day of one meter for FitEValue.
type ESample struct {
	Stratum string  // kind of fleet: the promise holds in each
	Meter   int     // its days are not independent: the bootstrap draws meters
	LogOdds float64 // calibrated
	Miner   bool
}

// EOptions say for which list an EValue is made powerful. Its validity does not depend
// on them.
type EOptions struct {
	FDR        float64 // promised false-discovery rate, in (0, 1)
	Share      float64 // expected share of miners among meters, in (0, 1)
	Confidence float64 // that E[e] ≤ 1, of each stratum, in (0.5, 1)
	Replicates int     // of the bootstrap
	Seed       uint64
}

// DefaultEOptions suit fleets with a miner in about seventy meters.
func DefaultEOptions() EOptions {
	return EOptions{FDR: 0.1, Share: 0.015, Confidence: 0.95, Replicates: 500, Seed: 1}
}

// eCaps are the caps that FitEValue chooses from, in calibrated log-odds.
var eCaps = []float64{-2, -1.5, -1, -0.5, 0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6}

// FitEValue chooses the cap with which EBH would find most of the samples' miners, and the
// least LogMean that every stratum's honest samples allow. It fails without honest samples
// or without miners. Cost: caps × replicates × meters.
func FitEValue(samples []ESample, opt EOptions) (EValue, error) {
	strata := honestByStratum(samples)
	if len(strata) == 0 {
		return EValue{}, errors.New("e-values need days of honest meters")
	}
	var miners []float64
	for _, s := range samples {
		if s.Miner {
			miners = append(miners, s.LogOdds)
		}
	}
	if len(miners) == 0 {
		return EValue{}, errors.New("e-values need miners to be fitted to")
	}
	var best EValue
	power := -1.0
	for _, c := range eCaps {
		e := EValue{Cap: c, LogMean: math.Inf(-1)}
		for _, s := range strata {
			e.LogMean = max(e.LogMean, math.Log(upperMean(s, c, opt)))
		}
		if p := e.expectedPower(miners, opt); p > power {
			best, power = e, p
		}
	}
	return best, nil
}

// honestByStratum are the honest samples' log-odds by stratum and meter, in sorted order.
func honestByStratum(samples []ESample) [][][]float64 {
	sorted := slices.DeleteFunc(slices.Clone(samples), func(s ESample) bool { return s.Miner || math.IsNaN(s.LogOdds) })
	slices.SortStableFunc(sorted, func(a, b ESample) int {
		return cmp.Or(cmp.Compare(a.Stratum, b.Stratum), cmp.Compare(a.Meter, b.Meter))
	})
	var out [][][]float64
	for i, s := range sorted {
		if i == 0 || s.Stratum != sorted[i-1].Stratum {
			out = append(out, nil)
		}
		last := &out[len(out)-1]
		if i == 0 || s.Stratum != sorted[i-1].Stratum || s.Meter != sorted[i-1].Meter {
			*last = append(*last, nil)
		}
		days := &(*last)[len(*last)-1]
		*days = append(*days, s.LogOdds)
	}
	return out
}

// upperMean is the bootstrap's upper confidence bound of the mean of e without LogMean over
// days; whole meters are drawn. Source: Efron and Tibshirani 1993, section 13.3.
func upperMean(meters [][]float64, limit float64, opt EOptions) float64 {
	sum := make([]float64, len(meters))
	for i, days := range meters {
		for _, x := range days {
			sum[i] += math.Exp(eSteepness * min(x, limit))
		}
	}
	rng := rand.New(rand.NewPCG(opt.Seed, 0xe))
	means := make([]float64, opt.Replicates)
	for r := range means {
		total, days := 0.0, 0
		for range meters {
			i := rng.IntN(len(meters))
			total += sum[i]
			days += len(meters[i])
		}
		means[r] = total / float64(days)
	}
	slices.Sort(means)
	return means[min(int(math.Ceil(opt.Confidence*float64(len(means)))), len(means)-1)]
}

// expectedPower is the share of miners that EBH finds in a large fleet with opt.Share of
// them, honest meters aside: the largest r with e of the r-th share ≥ 1/(FDR·Share·r).
func (e EValue) expectedPower(miners []float64, opt EOptions) float64 {
	logE := make([]float64, len(miners))
	for i, x := range miners {
		logE[i] = e.Log(x)
	}
	slices.SortFunc(logE, func(a, b float64) int { return cmp.Compare(b, a) })
	for k := len(logE); k > 0; k-- {
		r := float64(k) / float64(len(logE))
		if logE[k-1] >= -math.Log(opt.FDR*opt.Share*r) {
			return r
		}
	}
	return 0
}

// EBH is the e-BH procedure: the indices, ascending, of the discoveries among hypotheses
// whose e-values have these logarithms. It finds the largest k such that k of them are
// ≥ n/(alpha·k). The expected share of true nulls among the discoveries is at most alpha
// times the share of nulls, however the e-values depend on each other, as long as each
// null's has a mean ≤ 1. A NaN is e = 0, no evidence, but counts in n.
// Source: Wang and Ramdas, JRSS B 84 (2022), theorem 5.1. Cost: sorting.
func EBH(logE []float64, alpha float64) []int {
	order := make([]int, 0, len(logE))
	for i, e := range logE {
		if e == e {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(logE[b], logE[a]) })
	n := math.Log(float64(len(logE)) / alpha)
	for k := len(order); k > 0; k-- {
		if logE[order[k-1]] >= n-math.Log(float64(k)) {
			found := order[:k]
			slices.Sort(found)
			return found
		}
	}
	return nil
}

// AlarmRates says how often honest meters reach a probability: what an operator's budget
// is turned into a threshold by. Both have the same length; probabilities rise while
// rates fall.
type AlarmRates struct {
	Probability   []float64 `json:"probability"`
	Per1000Months []float64 `json:"false_alarms_per_1000_meter_months"`
}

// Validate reports tables that are not monotone.
func (a AlarmRates) Validate() error {
	if len(a.Probability) != len(a.Per1000Months) {
		return fmt.Errorf("%d probabilities but %d rates", len(a.Probability), len(a.Per1000Months))
	}
	for i := range a.Probability {
		if !(a.Probability[i] >= 0) || !(a.Per1000Months[i] > 0) || math.IsInf(a.Per1000Months[i], 0) {
			return fmt.Errorf("entry %d: probability %g, rate %g: want ≥ 0 and > 0", i+1, a.Probability[i], a.Per1000Months[i])
		}
		if i > 0 && (a.Probability[i] < a.Probability[i-1] || a.Per1000Months[i] >= a.Per1000Months[i-1]) {
			return fmt.Errorf("entry %d: probabilities must rise and rates fall", i+1)
		}
	}
	return nil
}

// Threshold is the lowest probability of the table whose rate of false alarms is at most
// budget, per 1,000 meter-months; ok is false where the table has none so strict. It does
// not interpolate: what is promised was counted.
func (a AlarmRates) Threshold(budget float64) (probability float64, ok bool) {
	for i, r := range a.Per1000Months {
		if r <= budget {
			return a.Probability[i], true
		}
	}
	return math.NaN(), false
}

// RunLengthMonths is the average run length to a false alarm of one honest meter at a
// budget in false alarms per 1,000 meter-months: the reciprocal of its rate.
func RunLengthMonths(budget float64) float64 { return 1000 / budget }
