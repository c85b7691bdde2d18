package evaluate

import (
	"cmp"
	"math"
	"slices"
)

// A Bin is a group of meters of similar probability.
type Bin struct {
	Mean     float64 // mean probability
	Observed float64 // share of miners
	Count    int
}

// Reliability sorts list by probability and cuts it into bins groups of equal size
// (equal mass): group i is the elements from ⌊i·n/bins⌋ to ⌊(i+1)·n/bins⌋. With few
// miners bins of equal width would leave all but the first nearly empty. Where there
// are fewer elements than bins, empty bins are left out. Equal scores may fall on both
// sides of a cut: they are ordered so that the miners are spread evenly among them.
func Reliability(list []Ranked, bins int) []Bin {
	sorted := spreadTies(list)
	var out []Bin
	n := len(sorted)
	for i := range bins {
		group := sorted[i*n/bins : (i+1)*n/bins]
		if len(group) == 0 {
			continue
		}
		b := Bin{Count: len(group)}
		for _, r := range group {
			b.Mean += r.Score / float64(len(group))
			if r.Miner {
				b.Observed += 1 / float64(len(group))
			}
		}
		out = append(out, b)
	}
	return out
}

// spreadTies sorts by rising score and, within equal scores, puts the j-th of m miners
// at the place (j+½)/m of its group: without that, sorting by label would look like
// miscalibration wherever a method gives many meters the same probability.
func spreadTies(list []Ranked) []Ranked {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b Ranked) int { return cmp.Compare(a.Score, b.Score) })
	for from := 0; from < len(sorted); {
		to := from + 1
		for to < len(sorted) && sorted[to].Score == sorted[from].Score {
			to++
		}
		group := sorted[from:to]
		miners := 0
		for i := range group {
			if group[i].Miner {
				miners++
			}
			group[i].Miner = false
		}
		for j := range miners {
			group[(2*j+1)*len(group)/(2*miners)].Miner = true
		}
		from = to
	}
	return sorted
}

// ECE is the expected calibration error Σ nᵢ/n·|meanᵢ − observedᵢ| over the bins of
// Reliability. NaN if list is empty. Source: Naeini et al., AAAI 2015; equal mass as
// in Nixon et al., CVPR workshops 2019. It is biased upwards in small samples.
func ECE(list []Ranked, bins int) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	var sum float64
	for _, b := range Reliability(list, bins) {
		sum += float64(b.Count) * math.Abs(b.Mean-b.Observed)
	}
	return sum / float64(len(list))
}

// Brier is the mean of (probability − outcome)², 0 best. NaN if list is empty.
// Source: Brier, Monthly Weather Review 78 (1950), the form for one event.
func Brier(list []Ranked) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	var sum float64
	for _, r := range list {
		d := r.Score
		if r.Miner {
			d--
		}
		sum += d * d
	}
	return sum / float64(len(list))
}

// ExpectedOverActual is Σ probability / number of miners: 1 where the probabilities
// foretell the number of miners, above 1 where they exaggerate. NaN without miners.
func ExpectedOverActual(list []Ranked) float64 {
	var expected, actual float64
	for _, r := range list {
		expected += r.Score
		if r.Miner {
			actual++
		}
	}
	if actual == 0 {
		return math.NaN()
	}
	return expected / actual
}

// BayesList is the share of false entries, and the length, of the longest list from
// the top whose mean of 1 − probability is at most fdr: what a user gets who asks for
// that false discovery rate. The share is NaN where the list is empty. Ties are taken
// whole or not at all. Source: Newton et al., Biostatistics 5 (2004), section 3.
func BayesList(list []Ranked, fdr float64) (falseShare float64, length int) {
	var doubt float64
	var before, best step
	for _, at := range steps(list) {
		n := at.miners + at.other
		doubt += (1 - at.score) * float64(n-before.miners-before.other)
		if doubt <= fdr*float64(n) {
			best = at
		}
		before = at
	}
	length = best.miners + best.other
	if length == 0 {
		return math.NaN(), 0
	}
	return float64(best.other) / float64(length), length
}
