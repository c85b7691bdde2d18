package evaluate

import (
	"cmp"
	"math"
	"slices"
)

// A Ranked is a score and whether what was scored is a miner. The higher the score,
// the earlier in the list. Scores may be −Inf (unknown) but not NaN.
type Ranked struct {
	Score float64
	Miner bool
}

// A step is the list cut after a group of equal scores: how many miners and others
// are in it down to there.
type step struct {
	score         float64
	miners, other int
}

// steps sorts list by falling score and cuts it after every group of ties. A threshold
// can only fall between groups, so every curve is made of these points.
func steps(list []Ranked) []step {
	sorted := slices.Clone(list)
	slices.SortFunc(sorted, func(a, b Ranked) int { return cmp.Compare(b.Score, a.Score) })
	var out []step
	var now step
	for i, r := range sorted {
		if i > 0 && r.Score != sorted[i-1].Score {
			out = append(out, now)
		}
		now.score = r.Score
		if r.Miner {
			now.miners++
		} else {
			now.other++
		}
	}
	if len(sorted) > 0 {
		out = append(out, now)
	}
	return out
}

func last(s []step) step {
	if len(s) == 0 {
		return step{}
	}
	return s[len(s)-1]
}

// AUROC is the chance that a miner drawn at random is ranked before a meter that is
// none, ties counting half: the area under the receiver operating characteristic.
// NaN unless there are both. Source: Hanley and McNeil, Radiology 143 (1982).
func AUROC(list []Ranked) float64 {
	s := steps(list)
	all := last(s)
	if all.miners == 0 || all.other == 0 {
		return math.NaN()
	}
	var wins float64
	var before step
	for _, at := range s {
		miners, other := at.miners-before.miners, at.other-before.other
		wins += float64(miners) * (float64(all.other-at.other) + float64(other)/2)
		before = at
	}
	return wins / (float64(all.miners) * float64(all.other))
}

// AveragePrecision is Σ (Rᵢ − Rᵢ₋₁)·Pᵢ over the groups of equal scores, R recall and P
// precision of the list cut after group i. It does not interpolate, and a tied group
// earns no more than its own precision, so a constant score gets the share of miners.
// NaN without miners. Source: Manning et al., Introduction to Information Retrieval,
// section 8.4; for ties as scikit-learn's average_precision_score.
func AveragePrecision(list []Ranked) float64 {
	s := steps(list)
	all := last(s)
	if all.miners == 0 {
		return math.NaN()
	}
	var sum float64
	var before step
	for _, at := range s {
		precision := float64(at.miners) / float64(at.miners+at.other)
		sum += float64(at.miners-before.miners) * precision
		before = at
	}
	return sum / float64(all.miners)
}

// PrecisionAt is the share of miners among the first k. Where a tie straddles k it is
// the mean over all orders of the tie. NaN if k < 1 or the list is shorter than k.
func PrecisionAt(list []Ranked, k int) float64 {
	if k < 1 || k > len(list) {
		return math.NaN()
	}
	var before step
	for _, at := range steps(list) {
		n, taken := at.miners+at.other, before.miners+before.other
		if n >= k {
			share := float64(k-taken) / float64(n-taken)
			return (float64(before.miners) + share*float64(at.miners-before.miners)) / float64(k)
		}
		before = at
	}
	return math.NaN()
}

// RecallAt is the largest share of miners found by a threshold that flags at most the
// share fpr of the others. No interpolation: the threshold is one that can be set.
// NaN unless there are both.
func RecallAt(list []Ranked, fpr float64) float64 {
	s := steps(list)
	all := last(s)
	if all.miners == 0 || all.other == 0 {
		return math.NaN()
	}
	best := 0
	for _, at := range s {
		if float64(at.other) > fpr*float64(all.other) {
			break
		}
		best = at.miners
	}
	return float64(best) / float64(all.miners)
}
