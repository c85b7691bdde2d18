package models

import (
	"errors"
	"fmt"
	"math"
)

// A Platt maps log-odds to calibrated log-odds: Intercept + Slope·x.
type Platt struct{ Intercept, Slope float64 }

const (
	plattRounds = 100
	plattDone   = 1e-10 // gain of the mean log-likelihood, below which a step is the last
	plattRange  = 30.0  // log-odds beyond ±30 all mean the same
)

// FitPlatt fits a Platt to the log-odds x of cases that are miners where y is true, by
// maximum likelihood: Newton steps, halved while they do not improve it. The targets are
// (n₊+1)/(n₊+2) and 1/(n₋+2) instead of 1 and 0, so that the maximum is finite where x
// separates the classes. Fails where a class is missing, an x is not finite or all x are
// equal. Cost: O(n) a step, some ten steps. Source: Platt, Advances in Large Margin
// Classifiers, 2000; the steps as in Lin, Lin and Weng, Machine Learning 68, 2007.
func FitPlatt(x []float64, y []bool) (Platt, error) {
	if len(x) != len(y) {
		return Platt{}, fmt.Errorf("calibrate: %d log-odds but %d labels", len(x), len(y))
	}
	miners, low, high := 0, math.Inf(1), math.Inf(-1)
	for i := range x {
		if math.IsNaN(x[i]) || math.IsInf(x[i], 0) {
			return Platt{}, fmt.Errorf("calibrate: log-odds %d are %g: leave such cases out", i, x[i])
		}
		if y[i] {
			miners++
		}
		low, high = min(low, x[i]), max(high, x[i])
	}
	if miners == 0 || miners == len(x) {
		return Platt{}, fmt.Errorf("calibrate: %d of %d cases are miners: give both kinds", miners, len(x))
	}
	if low == high {
		return Platt{}, errors.New("calibrate: all log-odds are equal: there is nothing to learn from them")
	}
	f := plattFitter{x: x, y: y, yes: float64(miners+1) / float64(miners+2), no: 1 / float64(len(x)-miners+2)}
	return f.fit(), nil
}

type plattFitter struct {
	x       []float64
	y       []bool
	yes, no float64 // targets
}

func (f *plattFitter) target(i int) float64 {
	if f.y[i] {
		return f.yes
	}
	return f.no
}

func (f *plattFitter) fit() Platt {
	p := Platt{Intercept: 0, Slope: 1} // as they are
	loss := f.loss(p)
	for range plattRounds {
		da, db := f.step(p)
		before := loss
		for scale := 1.0; scale > 1e-6; scale /= 2 {
			next := Platt{p.Intercept - scale*da, p.Slope - scale*db}
			if l := f.loss(next); l < loss {
				p, loss = next, l
				break
			}
		}
		if before-loss < plattDone {
			break
		}
	}
	return p
}

// loss is the mean negative log-likelihood.
func (f *plattFitter) loss(p Platt) (sum float64) {
	for i, x := range f.x {
		z := p.Intercept + p.Slope*x
		sum += LogAddExp(0, z) - f.target(i)*z
	}
	return sum / float64(len(f.x))
}

// step solves the two normal equations.
func (f *plattFitter) step(p Platt) (da, db float64) {
	var ga, gb, haa, hab, hbb float64
	for i, x := range f.x {
		q := Sigmoid(p.Intercept + p.Slope*x)
		g, w := q-f.target(i), q*(1-q)+1e-9 // never singular, however sure
		ga, gb = ga+g, gb+g*x
		haa, hab, hbb = haa+w, hab+w*x, hbb+w*x*x
	}
	det := haa*hbb - hab*hab
	return (ga*hbb - gb*hab) / det, (gb*haa - ga*hab) / det
}

// Curve is p as a curve over log-odds of ±30, constant outside.
func (p Platt) Curve() Curve {
	return Curve{
		Knots:  []float64{-plattRange, plattRange},
		Values: []float64{p.Intercept - plattRange*p.Slope, p.Intercept + plattRange*p.Slope},
	}
}
