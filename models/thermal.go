package models

import "math"

// Thermal is a recursive ridge regression of a daily quantity y (kW) on outdoor
// temperature, with a heating and a cooling branch:
//
//	y = θ₀ + θ₁·H + θ₂·C,  H = max(0, 15 − T)/10,  C = max(0, T − 22)/10   (T in °C)
//
// kept as exponentially weighted normal equations; θ₁ and θ₂ are shrunk towards 0 by
// RidgeDays pseudo-days, so that a meter that has seen little weather corrects little.
// Base temperatures are those of European and Chinese degree-day practice. Cost: 40
// bytes, one 3×3 solve (about 30 ns) a day. Days without temperature are ignored.
type Thermal struct {
	N, H, C, HH, HC, CC float32 // weighted sums of 1 and products of regressors
	Y, HY, CY           float32
}

// RidgeDays is the weight, in days of unit regressors, of the prior that θ₁ = θ₂ = 0.
const RidgeDays = 3

// Regressors are the heating and cooling regressors of a temperature.
func Regressors(celsius float64) (h, c float64) {
	return max(0, 15-celsius) / 10, max(0, celsius-22) / 10
}

// Add takes one day into t.
func (t *Thermal) Add(y, celsius, decay float64) {
	if math.IsNaN(y) || math.IsNaN(celsius) {
		return
	}
	h, c := Regressors(celsius)
	d := float32(decay)
	t.N, t.H, t.C = t.N*d+1, t.H*d+float32(h), t.C*d+float32(c)
	t.HH, t.HC, t.CC = t.HH*d+float32(h*h), t.HC*d+float32(h*c), t.CC*d+float32(c*c)
	t.Y, t.HY, t.CY = t.Y*d+float32(y), t.HY*d+float32(h*y), t.CY*d+float32(c*y)
}

// Slopes are θ₁ and θ₂, in kW per 10 °C of heating and cooling need.
func (t *Thermal) Slopes() (heating, cooling float64) {
	if t.N < 5 {
		return 0, 0
	}
	n, mh, mc, my := float64(t.N), float64(t.H/t.N), float64(t.C/t.N), float64(t.Y/t.N)
	hh := float64(t.HH) - n*mh*mh + RidgeDays
	cc := float64(t.CC) - n*mc*mc + RidgeDays
	hc := float64(t.HC) - n*mh*mc
	hy := float64(t.HY) - n*mh*my
	cy := float64(t.CY) - n*mc*my
	det := hh*cc - hc*hc // > 0: both diagonals carry the ridge
	return (hy*cc - cy*hc) / det, (cy*hh - hy*hc) / det
}

// Correction is what the temperature adds to y compared with the mean conditions that
// t has seen, in kW; 0 where either is unknown.
func (t *Thermal) Correction(celsius float64) float64 {
	if math.IsNaN(celsius) || t.N < 5 {
		return 0
	}
	h, c := Regressors(celsius)
	heating, cooling := t.Slopes()
	return heating*(h-float64(t.H/t.N)) + cooling*(c-float64(t.C/t.N))
}

// Line is a plain least-squares line of y on x, as sums; for the temperature slope of
// a block since its onset. Cost: 24 bytes.
type Line struct{ N, X, Y, XX, XY, YY float32 }

// Add takes one pair into l; NaN pairs are ignored. Give x and y centred near 0, so
// that single precision suffices.
func (l *Line) Add(x, y float64) {
	if math.IsNaN(x) || math.IsNaN(y) {
		return
	}
	l.N++
	l.X += float32(x)
	l.Y += float32(y)
	l.XX += float32(x * x)
	l.XY += float32(x * y)
	l.YY += float32(y * y)
}

// Slope is the least-squares slope and its standard error; ok is false with fewer
// than four pairs or no spread in x.
func (l *Line) Slope() (slope, se float64, ok bool) {
	n := float64(l.N)
	if n < 4 {
		return 0, 0, false
	}
	sxx := float64(l.XX) - float64(l.X)*float64(l.X)/n
	if sxx < 1e-6*n {
		return 0, 0, false
	}
	sxy := float64(l.XY) - float64(l.X)*float64(l.Y)/n
	syy := float64(l.YY) - float64(l.Y)*float64(l.Y)/n
	slope = sxy / sxx
	rss := max(0, syy-slope*sxy)
	return slope, math.Sqrt(rss / (n - 2) / sxx), true
}
