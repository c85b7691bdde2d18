package models

import (
	"fmt"
	"math"
	"slices"
)

// A Curve turns one measurement into a contribution to the log-odds: piecewise linear
// through (Knots[i], Values[i]), constant outside. A missing measurement (NaN)
// contributes nothing.
type Curve struct {
	Knots  []float64 `json:"knots"`
	Values []float64 `json:"values"`
}

// At is the contribution of measurement x.
func (c Curve) At(x float64) float64 {
	n := len(c.Knots)
	if n == 0 || math.IsNaN(x) {
		return 0
	}
	if x <= c.Knots[0] {
		return c.Values[0]
	}
	if x >= c.Knots[n-1] {
		return c.Values[n-1]
	}
	i, _ := slices.BinarySearch(c.Knots, x) // Knots[i-1] < x ≤ Knots[i]
	f := (x - c.Knots[i-1]) / (c.Knots[i] - c.Knots[i-1])
	return c.Values[i-1] + f*(c.Values[i]-c.Values[i-1])
}

// Validate reports what is wrong with c.
func (c Curve) Validate() error {
	if len(c.Knots) != len(c.Values) {
		return fmt.Errorf("%d knots but %d values", len(c.Knots), len(c.Values))
	}
	for i := range c.Knots {
		if math.IsNaN(c.Knots[i]+c.Values[i]) || math.IsInf(c.Knots[i]+c.Values[i], 0) {
			return fmt.Errorf("knot %d is not a finite number", i)
		}
		if i > 0 && c.Knots[i] <= c.Knots[i-1] {
			return fmt.Errorf("knots must rise: knot %d is %g after %g", i, c.Knots[i], c.Knots[i-1])
		}
	}
	return nil
}

// Weights makes the curve's contribution at x linear in its values: x lies between
// knots i and i+1 with weight f on the latter. ok is false for NaN.
func (c Curve) Weights(x float64) (i int, f float64, ok bool) {
	n := len(c.Knots)
	if n == 0 || math.IsNaN(x) {
		return 0, 0, false
	}
	if n == 1 || x <= c.Knots[0] {
		return 0, 0, true
	}
	if x >= c.Knots[n-1] {
		return n - 2, 1, true
	}
	k, _ := slices.BinarySearch(c.Knots, x)
	return k - 1, (x - c.Knots[k-1]) / (c.Knots[k] - c.Knots[k-1]), true
}

// Sigmoid is the logistic function, stable on both sides.
func Sigmoid(x float64) float64 {
	if x >= 0 {
		return 1 / (1 + math.Exp(-x))
	}
	e := math.Exp(x)
	return e / (1 + e)
}

// LogAddExp is log(eᵃ + eᵇ) without overflow.
func LogAddExp(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}
