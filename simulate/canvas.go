package simulate

import (
	"math"
	"math/rand/v2"
)

// A canvas is one customer's demand while it is being drawn: appliance by appliance
// into buf, and from there with their electrical nature into p and q.
type canvas struct {
	cal   *calendar
	temp  []float64 // outdoor, °C
	slow  []float64 // outdoor as felt inside a building: lagged by about ten hours
	cloud []float64 // 0–1
	rain  []float64 // 0–1
	rise  []float64 // sunrise of each day, hours after the start
	set   []float64 // sunset of each day
	noon  []float64 // solar noon of each day
	lat   float64
	dv    []float64 // relative deviation of the supply voltage from nominal

	act  []float64 // how alive the place is: 0 closed, 1 as usual
	buf  []float64 // kW of the appliance being drawn, at nominal voltage
	p, q []float64 // kW and kvar so far
}

func newCanvas(n int) *canvas {
	return &canvas{
		slow: make([]float64, n), dv: make([]float64, n), act: make([]float64, n),
		buf: make([]float64, n), p: make([]float64, n), q: make([]float64, n),
	}
}

// reset makes c ready for another customer.
func (c *canvas) reset() {
	clear(c.buf)
	clear(c.p)
	clear(c.q)
	for i := range c.act {
		c.act[i] = 1
	}
}

// A nature is how a load meets the grid: reactive power per active power (positive
// when inductive) and the exponents of P and Q in the relative voltage.
// Exponents: 2 for resistance, 0 for constant power, motors between (textbook load
// modelling, e.g. Kundur 1994 §7.1; the exact values are assumptions).
type nature struct{ tan, np, nq float64 }

func tanOf(pf float64) float64 { return math.Sqrt(1-pf*pf) / pf }

func resistive() nature               { return nature{0, 2, 0} }
func motor(pf, np float64) nature     { return nature{tanOf(pf), np, 2.2} }
func constantPower(pf float64) nature { return nature{tanOf(pf), 0, 0} }

// leading is constant power behind filter capacitors: reactive power is delivered.
func leading(pf float64) nature { return nature{-tanOf(pf), 0, 2} }

// A span is a time window in hours after the start of the grid.
type span struct{ from, to float64 }

func always() span { return span{math.Inf(-1), math.Inf(1)} }

// covers is the part of interval i that lies in s, 0–1.
func (s span) covers(i int, dt float64) float64 {
	a, b := float64(i)*dt, float64(i+1)*dt
	return clamp((min(b, s.to)-max(a, s.from))/dt, 0, 1)
}

// An appliance draws itself into a canvas's buf with its own random stream.
type appliance struct {
	name   string
	nature nature
	tied   bool // scaled by how alive the place is
	span   span
	draw   func(c *canvas, r *rand.Rand)
}

// add draws a and adds it to p and q.
func (c *canvas) add(a *appliance, r *rand.Rand) {
	lo, hi := c.limits(a.span)
	if lo >= hi {
		return
	}
	a.draw(c, r)
	if a.tied {
		for i := lo; i < hi; i++ {
			c.buf[i] *= c.act[i]
		}
	}
	c.trim(a.span)
	c.commit(a.nature, lo, hi)
	clear(c.buf)
}

// limits are the intervals that s touches.
func (c *canvas) limits(s span) (lo, hi int) {
	return c.cal.index(s.from), int(clamp(math.Ceil(s.to/c.cal.dt), 0, float64(c.cal.n)))
}

// trim scales the first and last interval of s by the part that s covers.
func (c *canvas) trim(s span) {
	lo, hi := c.limits(s)
	if lo >= hi {
		return
	}
	c.buf[lo] *= s.covers(lo, c.cal.dt)
	if hi-1 > lo {
		c.buf[hi-1] *= s.covers(hi-1, c.cal.dt)
	}
}

// commit adds buf with nature e. (1+d)^n is taken to second order in d: voltage
// stays within ±10 %, where the error is below 0.1 %.
func (c *canvas) commit(e nature, lo, hi int) {
	if e.np == 0 && e.nq == 0 {
		for i := lo; i < hi; i++ {
			c.p[i] += c.buf[i]
			c.q[i] += c.buf[i] * e.tan
		}
		return
	}
	a, b := e.np, e.np*(e.np-1)/2
	g, h := e.nq, e.nq*(e.nq-1)/2
	for i := lo; i < hi; i++ {
		d := c.dv[i]
		c.p[i] += c.buf[i] * (1 + d*(a+d*b))
		c.q[i] += c.buf[i] * e.tan * (1 + d*(g+d*h))
	}
}

// pulse adds kW to buf from t0 to t1, hours after the start.
func (c *canvas) pulse(t0, t1, kW float64) {
	dt := c.cal.dt
	t0, t1 = max(t0, 0), min(t1, c.cal.hours())
	if t0 >= t1 {
		return
	}
	lo, hi := int(t0/dt), min(int(t1/dt), c.cal.n-1)
	if lo == hi {
		c.buf[lo] += kW * (t1 - t0) / dt
		return
	}
	c.buf[lo] += kW * (float64(lo+1) - t0/dt)
	for i := lo + 1; i < hi; i++ {
		c.buf[i] += kW
	}
	c.buf[hi] += kW * (t1/dt - float64(hi))
}

// liveAt is how alive the place is h hours after the start.
func (c *canvas) liveAt(h float64) float64 {
	return c.act[min(c.cal.index(h), c.cal.n-1)]
}

// tempAt is the outdoor temperature h hours after the start.
func (c *canvas) tempAt(h float64) float64 { return c.temp[min(c.cal.index(h), c.cal.n-1)] }

// lag fills slow from temp with an exponential memory of tauHours.
func (c *canvas) lag(tauHours float64) {
	keep := math.Exp(-c.cal.dt / tauHours)
	x := c.temp[0]
	for i, t := range c.temp {
		x = x*keep + t*(1-keep)
		c.slow[i] = x
	}
}
