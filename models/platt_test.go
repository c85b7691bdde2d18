package models

import (
	"math"
	"math/rand/v2"
	"testing"
)

func plattCases(n int, truth Platt) (x []float64, y []bool) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range n {
		l := 4*rng.NormFloat64() - 4 // few miners, as in a fleet
		x, y = append(x, l), append(y, rng.Float64() < Sigmoid(truth.Intercept+truth.Slope*l))
	}
	return x, y
}

func TestPlattFindsTheTruth(t *testing.T) {
	for _, truth := range []Platt{{-1.5, 0.8}, {0, 1}, {2, 1.7}, {-4, 0.3}} {
		p, err := FitPlatt(plattCases(40_000, truth))
		if err != nil {
			t.Fatal(err)
		}
		// The standard errors of 40,000 cases are below 0.04 here; 4 of them.
		if math.Abs(p.Intercept-truth.Intercept) > 0.16 || math.Abs(p.Slope-truth.Slope) > 0.16 {
			t.Errorf("fitted %v, truth %v", p, truth)
		}
		c := p.Curve()
		for _, x := range []float64{-3, 0, 7} {
			if want := p.Intercept + p.Slope*x; math.Abs(c.At(x)-want) > 1e-9 {
				t.Errorf("the curve at %g is %g, not %g", x, c.At(x), want)
			}
		}
	}
}

// At the maximum the expected number of miners is the number of miners, up to the two
// half-counts that the targets add.
func TestPlattForetellsTheNumberOfMiners(t *testing.T) {
	x, y := plattCases(5000, Platt{-1, 0.5})
	p, err := FitPlatt(x, y)
	if err != nil {
		t.Fatal(err)
	}
	expected, actual := 0.0, 0.0
	for i := range x {
		expected += Sigmoid(p.Intercept + p.Slope*x[i])
		if y[i] {
			actual++
		}
	}
	if math.Abs(expected-actual) > 1.01 {
		t.Errorf("expects %.2f miners of %g", expected, actual)
	}
}

func TestPlattStaysFiniteWhereClassesSeparate(t *testing.T) {
	p, err := FitPlatt([]float64{-20, -3, -2, 2, 3, 20}, []bool{false, false, false, true, true, true})
	if err != nil {
		t.Fatal(err)
	}
	if !(p.Slope > 0 && p.Slope < 10) || math.Abs(p.Intercept) > 1e-6 { // symmetric cases
		t.Errorf("fitted %v", p)
	}
}

func TestPlattRefusesWhatItCannotLearnFrom(t *testing.T) {
	for name, c := range map[string]struct {
		x []float64
		y []bool
	}{
		"no miners": {[]float64{1, 2}, []bool{false, false}},
		"no others": {[]float64{1, 2}, []bool{true, true}},
		"nothing":   {nil, nil},
		"not known": {[]float64{1, math.NaN()}, []bool{true, false}},
		"infinite":  {[]float64{1, math.Inf(-1)}, []bool{true, false}},
		"constant":  {[]float64{1, 1}, []bool{true, false}},
		"lengths":   {[]float64{1}, []bool{true, false}},
	} {
		if p, err := FitPlatt(c.x, c.y); err == nil {
			t.Errorf("%s: fitted %v", name, p)
		}
	}
}
