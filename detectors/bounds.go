package detectors

import "github.com/flatwatt/flatwatt/models"

// A bound is what physics says of a measurement whatever was fitted: a contribution to the
// branch of its term on top of the fitted one, never positive. Simulated fleets have few of these
// loads, and what has few examples is fitted weakly.
type bound struct {
	term  string
	curve models.Curve
}

// bounds: a machine draws up to 0.5 % more per °C, heating 2–8 % less; what most peers do
// on the same days is weather or a holiday.
var bounds = [...]bound{
	{"thermal", curve(-6, -5, -2.5, 0)},
	{"peers", curve(0.35, 0, 0.75, -5)},
	{"floor_thermal", curve(-6, -5, -2.5, 0)},
}

// boundAt is the index of each bound's term.
var boundAt = func() (at [len(bounds)]int) {
	for k, b := range bounds {
		at[k] = -1
		for i := range terms {
			if terms[i].name == b.term {
				at[k] = i
			}
		}
	}
	return at
}()

// bound is what the bounds take from a branch.
func (f *Fleet) bound(of branch) (sum float64) {
	for k, i := range boundAt {
		if terms[i].branch == of {
			sum += bounds[k].curve.At(f.measure[i])
		}
	}
	return sum
}

// boundOf is the part of it that term i takes.
func (f *Fleet) boundOf(i int) (sum float64) {
	for k, at := range boundAt {
		if at == i {
			sum += bounds[k].curve.At(f.measure[i])
		}
	}
	return sum
}
