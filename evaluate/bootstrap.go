package evaluate

import (
	"math"
	"math/rand/v2"
	"slices"
)

// bootstrap measures Replicates samples of the fleet, each drawn with replacement and
// by stratum, so that every sample has as many miners with an onset, older miners and
// other meters as the fleet. It says how much the figures owe to which meters happened
// to be in the fleet; not how they would change with another kind of fleet.
// Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
func (m *measurer) bootstrap() []Figures {
	strata := m.strata()
	rng := rand.New(rand.NewPCG(m.opt.Seed, 0x666c617477617474))
	out := make([]Figures, m.opt.Replicates)
	for i := range out {
		s := make(sample, len(m.fleet.cases))
		for _, stratum := range strata {
			for range stratum {
				s[stratum[rng.IntN(len(stratum))]]++
			}
		}
		out[i] = m.measure(s)
	}
	return out
}

func (m *measurer) strata() [3][]int {
	var out [3][]int
	for i, c := range m.fleet.cases {
		k := 0
		switch {
		case c.onsetCase():
			k = 1
		case c.miner():
			k = 2
		}
		out[k] = append(out[k], i)
	}
	return out
}

// addIntervals gives every figure the 5 % and 95 % quantiles of its replicates. Where
// a figure is unknown in more than a tenth of them, so is its interval.
func (f *Figures) addIntervals(replicates []Figures) {
	columns := make([][]float64, len(f.all()))
	for i := range replicates {
		for j, v := range replicates[i].all() {
			if x := float64(v.figure.Value); !math.IsNaN(x) {
				columns[j] = append(columns[j], x)
			}
		}
	}
	for j, v := range f.all() {
		if math.IsNaN(float64(v.figure.Value)) || 10*len(columns[j]) < 9*len(replicates) || len(columns[j]) == 0 {
			continue
		}
		slices.Sort(columns[j])
		v.figure.Low = Number(Quantile(columns[j], 0.05))
		v.figure.High = Number(Quantile(columns[j], 0.95))
	}
}
