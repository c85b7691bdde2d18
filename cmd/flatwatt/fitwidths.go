package main

import (
	"math"
	"slices"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/detectors"
)

// leastWidths is how many miners a stratum needs before its own errors say how wide its
// intervals are.
const leastWidths = 20

// A widthCounter gathers how far the last estimates of known miners were off: blocks in
// standard errors, onsets in hours after the estimate. Strata are those of detectors.Widths.
type widthCounter struct {
	block [2][]float64
	onset [3][]float64
}

// add takes the last scores of a fleet's meters, made by a model without widths.
func (w *widthCounter) add(fleet *knownFleet, last map[flatwatt.MeterID]flatwatt.Score) {
	for _, m := range fleet.meters { // in order: sums must not depend on a map's
		s, t := last[m.ID], fleet.truth[m.ID]
		if t.Label != flatwatt.Miner || hidden(t) || !(t.Block > 0) || !(s.Block.Value > 0) {
			continue
		}
		stratum := 0
		if s.Onset.At.IsZero() {
			stratum = 1
		}
		if se := (s.Block.High - s.Block.Value) / detectors.DefaultWidths().Block[stratum]; se > 0 {
			w.block[stratum] = append(w.block[stratum], math.Abs(s.Block.Value-float64(t.Block))/se)
		}
		if stratum == 1 || t.Onset.IsZero() {
			continue
		}
		off := t.Onset.Sub(s.Onset.At).Hours()
		if k := detectors.OnsetStratum(s.Onset.High.Sub(s.Onset.Low), m.Interval); k >= 0 {
			w.onset[k] = append(w.onset[k], off)
		}
	}
}

// widths are those that would have covered 90 % of what was added, by the conformal rule
// (n + 1)·0.9 for blocks; a stratum with too few keeps its default.
func (w *widthCounter) widths() detectors.Widths {
	out := detectors.DefaultWidths()
	for i, x := range w.block {
		if len(x) >= leastWidths {
			slices.Sort(x)
			out.Block[i] = x[min(len(x)-1, int(math.Ceil(0.9*float64(len(x)+1)))-1)]
		}
	}
	for i, x := range w.onset {
		if len(x) >= leastWidths {
			slices.Sort(x)
			n := float64(len(x) + 1)
			low, high := x[max(0, int(math.Floor(0.05*n))-1)], x[min(len(x)-1, int(math.Ceil(0.95*n))-1)]
			out.OnsetHours[i] = [2]float64{min(low, 0), max(high, 0)}
		}
	}
	return out
}
