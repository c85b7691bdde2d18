package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt/models"
)

const (
	unitDipLeast = 3  // intervals of a dip: the inner ones are wholly in it
	unitDipMost  = 16 // longer ones are pauses, not a machine that restarts
	unitDipReach = 0.6
)

// unitDips measures whether the day's dips are machines: of every dip of 3 to 16 intervals
// with a level bottom, back to where it came from, the log Bayes factor that its depth is a
// whole number of machines (models.CombLogBayes). d.unit is their mean, NaN without any.
// Depths under 1 kW or above 12 say nothing. Cost: under 1 µs where nothing dips.
func (s *scratch) unitDips(d *day) {
	d.unit = math.NaN()
	noise := max(d.noise, 0.01*d.q50, 0.02)
	drop := max(6*noise, 1)
	var all models.Mean
	for i := 1; i+unitDipLeast < len(s.kw); i++ {
		before := s.kw[i-1]
		if !(s.kw[i] < before-unitDipReach*drop) {
			continue
		}
		end := i
		for end < len(s.kw) && s.kw[end] < before-unitDipReach*drop {
			end++
		}
		if n := end - i; n >= unitDipLeast && n <= unitDipMost && end < len(s.kw) && math.Abs(s.kw[end]-before) < 3*noise {
			inner := s.kw[i+1 : end-1]
			lo, hi := extent(inner)
			depth := (before+s.kw[end])/2 - (lo+hi)/2
			if hi-lo < 4*noise && depth >= drop && depth < 12 {
				all.Add(models.CombLogBayes(depth, noise), 1)
			}
		}
		i = end
	}
	if all.N > 0 {
		d.unit = all.Value()
	}
}

// measureUnitDips is the mean log Bayes factor of the dips since the block began.
func measureUnitDips(j *judgement) float64 {
	if j.c.ep.unit.N < 2 {
		return math.NaN()
	}
	return j.has(j.c.ep.unit.Value())
}

// measureFloorUnitDips is the same of the place as it was learned: for blocks that are older
// than the data.
func measureFloorUnitDips(j *judgement) float64 {
	if j.c.unit.N < 4 {
		return math.NaN()
	}
	return j.static(j.c.unit.Value())
}
