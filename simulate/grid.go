package simulate

import (
	"math"

	"github.com/flatwatt/flatwatt"
)

// Areas: 0 town, 1 village, 2 industrial estate.

func (g *Generator) areaOf(transformer int) int {
	return weighted(stream(g.cfg.Seed, uint64(transformer), forGrid), g.areaShare)
}

func (g *Generator) regionOf(transformer int) *Region {
	var weights []float64
	for _, r := range g.cfg.Regions {
		weights = append(weights, r.Weight)
	}
	feeder := transformer / g.cfg.Grid.TransformersPerFeeder
	return &g.cfg.Regions[weighted(stream(g.cfg.Seed, uint64(feeder)|1<<40, forGrid), weights)]
}

// Daily load of a transformer in each area, for the sag of its voltage.
var areaCurves = [3][96]float64{
	curve(0, 0, .45, 3, .3, 7, .7, 11, .9, 14, .75, 18, 1, 20, 1.05, 23, .65),
	curve(0, 0, .4, 3, .3, 6, .7, 11, .8, 15, .5, 19, 1.1, 22, .6),
	curve(0, 0, .35, 5, .35, 8, 1, 12, .75, 14, 1, 18, .8, 22, .4),
}

// voltage fills c.dv with the relative deviation at the transformer's busbar: a tap
// setting, steps of the tap changer upstream, regulation noise, sag with the usual
// load of the area and with the heat or cold, and with the miners among its customers.
func (g *Generator) voltage(transformer int, c *canvas) {
	r := stream(g.cfg.Seed, uint64(transformer), forVoltage)
	day := &areaCurves[g.areaOf(transformer)]
	tap, sag := uniform(r, -.005, .035), uniform(r, .01, .045)
	slow, fast := newAR(r, .006, 7, g.cal.dt), newAR(r, .0025, .4, g.cal.dt)
	step := 0.0
	for i := range c.dv {
		load := day[g.cal.slots[i].quarter] * (1 + .02*max(0, c.temp[i]-26) + .015*max(0, 8-c.temp[i]))
		v := tap + slow.next(r) + fast.next(r) - sag*(load-.6)
		if v+step > .04 { // the tap changer moves by 1.25 % when the band of ±4 % is left
			step -= .0125
		} else if v+step < -.04 {
			step += .0125
		}
		c.dv[i] = v + step
	}
	first := transformer * g.cfg.Grid.CustomersPerTransformer
	for i := first; i < min(first+g.cfg.Grid.CustomersPerTransformer, g.cfg.Meters); i++ {
		if g.miners[i] {
			g.sag(i, c)
		}
	}
}

// sag lowers c.dv by the nominal block of customer i: 0.03 % a kW, a 250 kVA
// transformer of 4 % impedance with its share of cable.
func (g *Generator) sag(i int, c *canvas) {
	p := g.planOf(i)
	m := p.miner
	kW := 0.0
	for _, u := range m.machines {
		kW += u.kW
	}
	life := span{m.onset, m.end}
	for k := range c.dv {
		h := clock(float64(g.cal.slots[k].quarter)/4 - m.on)
		if m.schedule == flatwatt.AlwaysOn || h < m.off-m.on {
			c.dv[k] -= min(.02, .0003*kW) * life.covers(k, g.cal.dt)
		}
	}
}

// cutPower darkens the transformer a few times a year for minutes to hours.
func (g *Generator) cutPower(transformer int, c *canvas, drawn flow) {
	for _, s := range g.cuts(transformer) {
		lo, hi := c.limits(s)
		for i := lo; i < hi; i++ {
			left := 1 - s.covers(i, g.cal.dt)
			c.p[i], c.q[i] = c.p[i]*left, c.q[i]*left
			drawn.p[i], drawn.q[i] = drawn.p[i]*left, drawn.q[i]*left
			if left == 0 {
				c.dv[i] = -1
			}
		}
	}
}

func (g *Generator) cuts(transformer int) (cuts []span) {
	if g.cfg.Faults.PowerCutsPerYear == 0 {
		return nil
	}
	r := stream(g.cfg.Seed, uint64(transformer), forCuts)
	gap := 8766 / g.cfg.Faults.PowerCutsPerYear
	for t := r.ExpFloat64() * gap; t < g.cal.hours(); t += r.ExpFloat64() * gap {
		end := t + math.Exp(uniform(r, math.Log(.1), math.Log(6)))
		cuts = append(cuts, span{t, end})
		t = end
	}
	return cuts
}

// transformerFlow sums the true demand of a transformer's customers in their order.
func (g *Generator) transformerFlow(k int) flow {
	f := newFlow(g.cal.n)
	first := k * g.cfg.Grid.CustomersPerTransformer
	for i := first; i < min(first+g.cfg.Grid.CustomersPerTransformer, g.cfg.Meters); i++ {
		_, _, d := g.customer(i)
		f.add(d)
	}
	return f
}

// losses turns the sum of demand into input: no-load loss and copper loss as the
// square of apparent power. Rated at 1.3 times the peak; 0.2 % and 1.2 % at rating,
// the order of a modern oil-filled transformer (assumption).
func losses(f flow, noLoad, copper float64) flow {
	rated := 1.0
	for i := range f.p {
		rated = max(rated, 1.3*math.Hypot(f.p[i], f.q[i]))
	}
	in := newFlow(len(f.p))
	for i := range f.p {
		s := math.Hypot(f.p[i], f.q[i]) / rated
		in.p[i] = f.p[i] + rated*(noLoad+copper*s*s)
		in.q[i] = f.q[i] + rated*(.01+.04*s*s)
	}
	return in
}

func (g *Generator) transformerSeries(k int, f flow) (flatwatt.Series, flatwatt.Truth) {
	in := g.input(k, f)
	t := flatwatt.Truth{Meter: transformerID(k), Label: flatwatt.NoneLabel, Note: "transformer"}
	t = g.bypassTruth(k, t)
	return g.measureGrid(uint64(k)|1<<41, transformerID(k), in), t
}

// blackout removes what a transformer takes during a cut, no-load loss included.
func (g *Generator) blackout(f flow, s span) {
	for i := g.cal.index(s.from); i < min(g.cal.n, g.cal.index(s.to)+1); i++ {
		left := 1 - s.covers(i, g.cal.dt)
		if left == 0 {
			f.p[i], f.q[i] = 0, 0
		}
	}
}

// bypassTruth labels the transformer when a miner hangs on it past the customer's meter.
// Where there are several, the largest is told.
func (g *Generator) bypassTruth(k int, t flatwatt.Truth) flatwatt.Truth {
	first := k * g.cfg.Grid.CustomersPerTransformer
	for i := first; i < min(first+g.cfg.Grid.CustomersPerTransformer, g.cfg.Meters); i++ {
		if !g.miners[i] {
			continue
		}
		p := g.planOf(i)
		if !p.miner.bypass || len(p.miner.machines) < t.Units {
			continue
		}
		c := g.pool.Get().(*canvas)
		c.reset()
		c.under(g, p.region)
		blk := p.miner.draw(c, stream(g.cfg.Seed, uint64(i), forMinerDraw), g.cuts(k))
		g.pool.Put(c)
		t = minerTruth(flatwatt.Truth{Meter: t.Meter, Note: "bypass at " + string(customerID(i))}, p.miner, blk, g.cal)
	}
	return t
}

// feederSeries sums its transformers and adds the line: 1.5 % at the peak.
func (g *Generator) feederSeries(k int) (flatwatt.Series, flatwatt.Truth) {
	f := newFlow(g.cal.n)
	for j := range g.cfg.Grid.TransformersPerFeeder {
		if t := k*g.cfg.Grid.TransformersPerFeeder + j; t < g.transformers {
			f.add(g.input(t, g.transformerFlow(t)))
		}
	}
	return g.feederOf(k, f)
}

// input is what transformer t takes from its feeder.
func (g *Generator) input(t int, f flow) flow {
	in := losses(f, .002, .012)
	for _, s := range g.cuts(t) {
		g.blackout(in, s)
	}
	return in
}

func (g *Generator) feederOf(k int, f flow) (flatwatt.Series, flatwatt.Truth) {
	t := flatwatt.Truth{Meter: feederID(k), Label: flatwatt.NoneLabel, Note: "feeder"}
	return g.measureGrid(uint64(k)|1<<42, feederID(k), losses(f, 0, .015)), t
}
