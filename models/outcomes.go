package models

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// An Outcome is what an inspection came to, beside what the model had said.
type Outcome struct {
	LogOdds   float64 // calibrated, as the model said it before
	Group     [2]int  // class and region, by index; -1: none
	Confirmed bool
}

// OutcomeOptions are how strongly FitOutcomes is held back where outcomes are few, as the
// standard deviations of normal priors around "the model is right as it is".
type OutcomeOptions struct {
	Intercept float64 // log-odds
	Slope     float64 // around 1
	Group     float64 // of a class or region around the others, log-odds
}

// DefaultOutcomeOptions let a hundred outcomes move the intercept freely, and a class or
// region with ten of them by some tenths.
func DefaultOutcomeOptions() OutcomeOptions {
	return OutcomeOptions{Intercept: 2, Slope: 0.5, Group: 0.7}
}

// An OutcomeFit corrects log-odds: Intercept + Slope·x + the offsets of class and region.
type OutcomeFit struct {
	Intercept, Slope float64
	Class, Region    []float64
	N, Confirmed     int
}

// At is the corrected log-odds of an outcome's case.
func (f *OutcomeFit) At(o Outcome) float64 {
	v := f.Intercept + f.Slope*o.LogOdds
	for k, offsets := range [][]float64{f.Class, f.Region} {
		if i := o.Group[k]; i >= 0 {
			v += offsets[i]
		}
	}
	return v
}

// FitOutcomes fits a correction to outcomes by maximum a posteriori: logistic regression
// with normal priors that hold it to the model as it is. classes and regions count the
// groups. What inspections were chosen for must be known to the model: those drawn at
// random always are; those chosen by rank are, as the rank is the log-odds; those that a
// person chose for other reasons bias it. Fails where a kind of outcome is missing or a
// number is not finite. Cost: O(n·p²) a step, some ten steps. Source: Gelman et al.,
// Bayesian Data Analysis, 3rd ed., ch. 16.
func FitOutcomes(list []Outcome, classes, regions int, opt OutcomeOptions) (OutcomeFit, error) {
	p := 2 + classes + regions
	g := outcomeFitter{list: list, classes: classes, prior: make([]float64, p), mean: make([]float64, p)}
	g.mean[1] = 1
	for i := range p {
		sd := opt.Group
		switch i {
		case 0:
			sd = opt.Intercept
		case 1:
			sd = opt.Slope
		}
		if !(sd > 0) {
			return OutcomeFit{}, fmt.Errorf("fit outcomes: a prior's standard deviation is %g: give more than 0", sd)
		}
		g.prior[i] = 1 / (sd * sd)
	}
	confirmed := 0
	for i, o := range list {
		if o.LogOdds-o.LogOdds != 0 {
			return OutcomeFit{}, fmt.Errorf("fit outcomes: log-odds %d are %g: leave such cases out", i, o.LogOdds)
		}
		if o.Group[0] >= classes || o.Group[1] >= regions {
			return OutcomeFit{}, fmt.Errorf("fit outcomes: case %d is of group %v of %d and %d", i, o.Group, classes, regions)
		}
		if o.Confirmed {
			confirmed++
		}
	}
	if confirmed == 0 || confirmed == len(list) {
		return OutcomeFit{}, fmt.Errorf("fit outcomes: %d of %d are confirmed: both kinds are needed", confirmed, len(list))
	}
	w, err := g.fit()
	if err != nil {
		return OutcomeFit{}, err
	}
	if w[1] <= 0 {
		return OutcomeFit{}, fmt.Errorf("fit outcomes: higher scores were confirmed less often (slope %.3g): the model does not fit this fleet, fit it anew", w[1])
	}
	return OutcomeFit{Intercept: w[0], Slope: w[1], Class: w[2 : 2+classes], Region: w[2+classes:], N: len(list), Confirmed: confirmed}, nil
}

type outcomeFitter struct {
	list        []Outcome
	classes     int
	prior, mean []float64 // precision and mean of each coefficient
}

// columns are the coefficients that a case uses, and what each is multiplied by.
func (g *outcomeFitter) columns(o *Outcome) (at [4]int, x [4]float64, n int) {
	at[0], x[0] = 0, 1
	at[1], x[1] = 1, min(max(o.LogOdds, -plattRange), plattRange)
	n = 2
	if o.Group[0] >= 0 {
		at[n], x[n] = 2+o.Group[0], 1
		n++
	}
	if o.Group[1] >= 0 {
		at[n], x[n] = 2+g.classes+o.Group[1], 1
		n++
	}
	return at, x, n
}

// loss is the negative log posterior at w, up to a constant.
func (g *outcomeFitter) loss(w []float64) (sum float64) {
	for i := range w {
		sum += g.prior[i] * (w[i] - g.mean[i]) * (w[i] - g.mean[i]) / 2
	}
	for i := range g.list {
		at, x, n := g.columns(&g.list[i])
		v := 0.0
		for k := range n {
			v += w[at[k]] * x[k]
		}
		if g.list[i].Confirmed {
			v = -v
		}
		sum += softplus(v)
	}
	return sum
}

// softplus is log(1+eᵛ) without overflow.
func softplus(v float64) float64 { return max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))) }

func (g *outcomeFitter) fit() ([]float64, error) {
	p := len(g.prior)
	w := append([]float64(nil), g.mean...)
	now := g.loss(w)
	for range plattRounds {
		step, err := g.step(w)
		if err != nil {
			return nil, err
		}
		next, scale := make([]float64, p), 1.0
		better := now
		for ; scale > 1e-6; scale /= 2 {
			for i := range w {
				next[i] = w[i] - scale*step.AtVec(i)
			}
			if better = g.loss(next); better < now {
				break
			}
		}
		if !(now-better > plattDone*float64(len(g.list))) {
			return w, nil
		}
		w, now = next, better
	}
	return w, nil
}

// step is Newton's: the inverse of the Hessian times the gradient.
func (g *outcomeFitter) step(w []float64) (*mat.VecDense, error) {
	p := len(w)
	grad, hess := mat.NewVecDense(p, nil), mat.NewSymDense(p, nil)
	for i := range w {
		grad.SetVec(i, g.prior[i]*(w[i]-g.mean[i]))
		hess.SetSym(i, i, g.prior[i])
	}
	for i := range g.list {
		at, x, n := g.columns(&g.list[i])
		v := 0.0
		for k := range n {
			v += w[at[k]] * x[k]
		}
		q := Sigmoid(v)
		off := q
		if g.list[i].Confirmed {
			off = q - 1
		}
		for k := range n {
			grad.SetVec(at[k], grad.AtVec(at[k])+off*x[k])
			for l := range k + 1 {
				hess.SetSym(at[k], at[l], hess.At(at[k], at[l])+q*(1-q)*x[k]*x[l])
			}
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(hess) { // priors make it positive definite
		return nil, errors.New("fit outcomes: the numbers do not settle")
	}
	step := mat.NewVecDense(p, nil)
	return step, chol.SolveVecTo(step, grad)
}

// LogLoss is the mean negative log-likelihood of outcomes under log-odds as at gives them.
func LogLoss(list []Outcome, at func(Outcome) float64) float64 {
	sum := 0.0
	for _, o := range list {
		v := at(o)
		if o.Confirmed {
			v = -v
		}
		sum += softplus(v)
	}
	return sum / float64(len(list))
}
