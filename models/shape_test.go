package models

import (
	"math"
	"math/rand/v2"
	"testing"
)

// shiftOf makes a Shift with the given hourly change, noise and variance.
func shiftOf(sd float64, rng *rand.Rand, change func(h int) float64) *Shift {
	var s Shift
	for h := range Hours {
		s.Delta[h] = change(h) + sd*rng.NormFloat64()
		s.Var[h] = sd * sd
	}
	return &s
}

func TestFitShiftFindsWindowAndBlock(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, want := range []Window{{0, 24}, {22, 10}, {9, 7}, {21, 19}} {
		fit, ok := FitShift(shiftOf(0.1, rng, func(h int) float64 {
			if want.Contains(h) {
				return 3.3
			}
			return 0
		}))
		if !ok || fit.Window != want {
			t.Errorf("window %v was found as %v", want, fit.Window)
		}
		// 0.1 kW over at least 7 hours: standard error below 0.04.
		near(t, "block", fit.BlockKW, 3.3, 0.12)
		if fit.LogBayes < 2 {
			t.Errorf("window %v: log Bayes factor %.2f does not speak for a block", want, fit.LogBayes)
		}
	}
}

func TestFitShiftDoubtsWhatDependsOnTheHour(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	fit, ok := FitShift(shiftOf(0.1, rng, func(h int) float64 {
		return 3 + 2*math.Cos(2*math.Pi*float64(h-15)/Hours) // an air conditioner
	}))
	if !ok || fit.LogBayes > 0 {
		t.Errorf("a wave of two thirds is taken for a block: log Bayes factor %.2f", fit.LogBayes)
	}
}

func TestFitShiftNeedsSomethingToGoBy(t *testing.T) {
	var s Shift
	for h := range Hours {
		s.Var[h] = math.Inf(1)
	}
	if _, ok := FitShift(&s); ok {
		t.Error("a fit without a known hour")
	}
	for h := range Hours {
		s.Delta[h], s.Var[h] = -1, 0.01
	}
	if fit, ok := FitShift(&s); ok {
		t.Errorf("a fall was taken for a block of %.2f kW", fit.BlockKW)
	}
}

func TestUnitCount(t *testing.T) {
	for _, c := range []struct{ kw, low, high float64 }{
		{3.3, 1, 1},    // one S19
		{0.3, 0, 0},    // less than any machine
		{9.8, 3, 7},    // three of 3.27 kW, or seven S9 of 1.36 and a little
		{330, 90, 114}, // 330/3.65 … 330/2.9
	} {
		low, high := UnitCount(c.kw, 0.02*c.kw)
		if low != c.low || high != c.high {
			t.Errorf("%g kW: %g to %g machines, want %g to %g", c.kw, low, high, c.low, c.high)
		}
	}
}

func TestCombPrefersWholeMachines(t *testing.T) {
	if on, off := CombLogBayes(3.3, 0.03), CombLogBayes(2.0, 0.03); on < 0.5 || off > -0.5 {
		t.Errorf("3.3 kW scores %.2f and 2.0 kW %.2f", on, off)
	}
}

func TestHashrate(t *testing.T) {
	low, high := HashrateTHs(34, 35)
	near(t, "34 kW at 34 J/TH", low, 1000, 1e-9)
	near(t, "35 kW at 17.5 J/TH", high, 2000, 1e-9)
}
