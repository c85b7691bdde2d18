package simulate

import (
	"math"
	"math/rand/v2"

	"github.com/flatwatt/flatwatt"
)

// nominalVolt is the phase voltage of Chinese low-voltage networks.
const nominalVolt = 220

// measure turns the demand on c into what the head-end delivers for customer i:
// energy through a register of finite resolution, with everything that goes wrong.
func (g *Generator) measure(i int, p *plan, c *canvas) flatwatt.Series {
	s := flatwatt.Series{Meter: customerID(i), Start: g.cal.start, Interval: g.cal.step}
	f := g.faultsOf(i, p)
	kW, kvar := c.p, c.q
	if !p.netMetered {
		for k, x := range kW {
			kW[k] = max(0, x)
		}
	}
	if p.voltage {
		s.Voltage = volts(c, math.Abs(p.ohm), stream(g.cfg.Seed, uint64(i), forMeasure))
	}
	f.distort(g, kW)
	s.Energy = register(kW, g.cal.dt, g.cfg.Metering.ResolutionKWh*p.ct)
	if p.reactive {
		f.distort(g, kvar)
		s.Reactive = register(kvar, g.cal.dt, g.cfg.Metering.ResolutionKWh*p.ct)
	}
	f.spoil(g, &s)
	g.lose(i, p.transformer, &s, f.zeroFilled)
	return s
}

// volts is the voltage at the meter: the busbar less the drop in the customer's own
// line, to 0.1 V.
func volts(c *canvas, ohm float64, r *rand.Rand) []float64 {
	v := make([]float64, len(c.p))
	for i := range v {
		if c.dv[i] <= -1 {
			continue // dark; the meter's battery stamps 0 V
		}
		x := nominalVolt * (1 + c.dv[i] - ohm*c.p[i] + .0004*r.NormFloat64())
		v[i] = max(0, math.Round(x*10)/10)
	}
	return v
}

// register counts energy and shows it in whole multiples of resolution: what an
// interval leaves over is carried into the next, so no energy is lost.
func register(kW []float64, dt, resolution float64) []float64 {
	e := make([]float64, len(kW))
	if resolution <= 0 {
		for i, x := range kW {
			e[i] = x * dt
		}
		return e
	}
	rest, per := resolution/2, 1/resolution
	decimals := decimalsOf(resolution)
	for i, x := range kW {
		rest += x * dt
		n := math.Floor(rest * per)
		rest -= n * resolution
		e[i] = math.Round(n*resolution*decimals) / decimals
	}
	return e
}

// decimalsOf is the power of ten that rounds multiples of resolution to what a person
// would write: 0.07, not 0.07000000000000001.
func decimalsOf(resolution float64) float64 {
	if resolution <= 0 {
		return 1e12
	}
	return math.Pow(10, math.Ceil(max(0, -math.Log10(resolution)))+2)
}

// measureGrid is the meter of a transformer or feeder: fine resolution, its own losses of data.
func (g *Generator) measureGrid(thing uint64, id flatwatt.MeterID, f flow) flatwatt.Series {
	s := flatwatt.Series{Meter: id, Start: g.cal.start, Interval: g.cal.step}
	resolution := g.cfg.Metering.ResolutionKWh
	s.Energy, s.Reactive = register(f.p, g.cal.dt, resolution), register(f.q, g.cal.dt, resolution)
	g.drop(stream(g.cfg.Seed, thing, forFaults), &s, g.cfg.Faults.Missing/3)
	return s
}
