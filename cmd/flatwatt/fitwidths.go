package main

import (
	"context"
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/models"
)

// leastWidths is how many miners a stratum needs before its own errors say how wide its
// intervals are.
const leastWidths = 20

// A widthCounter gathers how far the last estimates of known miners were off.
type widthCounter struct{ misses []miss }

// A miss is how far an estimate was off: a block in standard errors, an onset in hours
// after the estimate, NaN where there is none. Its score says in which strata it belongs.
type miss struct {
	score        flatwatt.Score
	block, onset float64
}

// score adds the miners of a fleet. model is one with detectors.MarkedWidths.
func (w *widthCounter) score(ctx context.Context, model *detectors.Params, fleet *knownFleet) error {
	last := map[flatwatt.MeterID]flatwatt.Score{}
	err := fleet.score(ctx, model, nil, func(s *flatwatt.Score) {
		l := *s
		l.Evidence = nil // lives only until the next day
		last[s.Meter] = l
	})
	w.add(fleet, last)
	return err
}

// add takes the last scores of a fleet's meters, made with detectors.MarkedWidths.
func (w *widthCounter) add(fleet *knownFleet, last map[flatwatt.MeterID]flatwatt.Score) {
	for _, m := range fleet.meters { // in order: sums must not depend on a map's
		s, t := last[m.ID], fleet.truth[m.ID]
		if t.Label != flatwatt.Miner || hidden(t) || !(t.Block > 0) || !(s.Block.Value > 0) {
			continue
		}
		x := miss{score: s, block: math.NaN(), onset: math.NaN()}
		if se := (s.Block.High - s.Block.Value) / detectors.DefaultWidths().Block[0]; se > 0 {
			x.block = math.Abs(s.Block.Value-float64(t.Block)) / se
		}
		if !s.Onset.At.IsZero() && !t.Onset.IsZero() {
			x.onset = t.Onset.Sub(s.Onset.At).Hours()
			if s.Schedule != flatwatt.AlwaysOn && x.onset < 0 {
				x.onset = min(0, x.onset+restHours(&s)) // the detector adds the rest of the day itself
			}
		}
		w.misses = append(w.misses, x)
	}
}

// restHours are those of a day outside a block's own, from the marked interval.
func restHours(s *flatwatt.Score) float64 {
	return math.Mod(s.Onset.At.Sub(s.Onset.Low).Hours(), detectors.MarkedHours)
}

// widths are those that would have covered 90 % of what was added, by the conformal rule
// (n + 1)·0.9. model has its calibration: it says which scores are doubted. A stratum with
// too few shares those of its neighbours, or keeps its default.
func (w *widthCounter) widths(model *detectors.Params) detectors.Widths {
	out := detectors.DefaultWidths()
	blocks := make([][]float64, len(out.Block))
	onsets := make([][]float64, len(out.OnsetHours))
	for i := range w.misses {
		x := &w.misses[i]
		x.score.Probability = models.Sigmoid(model.Calibrated(x.score.LogOdds))
		if k := detectors.BlockStratum(&x.score); x.block == x.block {
			blocks[k] = append(blocks[k], x.block)
		}
		if k := detectors.OnsetStratum(&x.score); k >= 0 && x.onset == x.onset {
			onsets[k] = append(onsets[k], x.onset)
		}
	}
	for i := range blocks {
		for _, same := range []int{7, 6, 4, 0} { // bits that a stratum shares with those it is pooled with
			if x := pool(blocks, func(k int) bool { return k&same == i&same }); len(x) >= leastWidths {
				out.Block[i] = x[rankOf(0.9, len(x))]
				break
			}
		}
	}
	for i, x := range onsets {
		if slices.Sort(x); len(x) >= leastWidths {
			out.OnsetHours[i] = [2]float64{min(x[len(x)-1-rankOf(0.95, len(x))], 0), max(x[rankOf(0.95, len(x))], 0)}
		}
	}
	return out
}

// pool is what the strata that belong have, in order.
func pool(strata [][]float64, belongs func(int) bool) (x []float64) {
	for k := range strata {
		if belongs(k) {
			x = append(x, strata[k]...)
		}
	}
	slices.Sort(x)
	return x
}

// rankOf is the index of the conformal quantile q among n sorted values.
func rankOf(q float64, n int) int { return min(n-1, int(math.Ceil(q*float64(n+1)))-1) }
