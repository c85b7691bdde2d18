package simulate

import (
	"math"
	"math/rand/v2"
)

// coldStore cools: duty rises with the temperature by 1–2 % a degree, doors open by
// day, and the coils are defrosted two to six times a day.
func coldStore(b *builder) {
	r := b.r
	size := around(r, 18, .8)
	count := 2 + r.IntN(3)
	slope := uniform(r, .012, .025)
	doors := openHours(6, 19, 0)
	for range count {
		kW := size / float64(count)
		base := uniform(r, .45, .7)
		b.add("compressor", motor(uniform(r, .8, .9), .4), kW, 1, compressor(kW, uniform(r, .3, 1.1), func(c *canvas, i int) float64 {
			return base * (1 + slope*(c.slow[i]-15) + .15*doors[c.cal.slots[i].quarter]*c.act[i])
		}))
	}
	perDay := 2 + r.IntN(5)
	for k := range count {
		kW := uniform(r, 2, 6) * math.Sqrt(size/18)
		b.add("defrost", resistive(), kW, .5, defrost(kW, perDay, float64(k)*.7+uniform(r, 0, 4)))
	}
	b.add("fans", motor(.75, .3), .1*size, 1, flat(.1*size, .01, .01))
	b.add("lights and doors", leading(.92), .05*size, 1, shaped(week{doors, doors}, .05*size, .3, 1)).tie()
}

// telecom is a base station: rectifiers that follow the traffic by 3–10 %, cooling
// that follows the weather, and a battery that is tested once in a while.
func telecom(b *builder) {
	r := b.r
	kW := uniform(r, 1.5, 6)
	b.add("rectifier", leading(.98), kW, 1, rectifier(r, kW))
	b.add("cooling", motor(.85, .4), .35*kW, 1, compressor(.4*kW, .2, warmer(.3, .06)))
}

func rectifier(r *rand.Rand, kW float64) func(*canvas, *rand.Rand) {
	swing, sleep := uniform(r, .03, .1), chance(r, .3)
	traffic := curve(normal(r, 0, .7), 0, .3, 3, 0, 6, .1, 9, .7, 12, .8, 15, .75, 18, .9, 21, 1, 23, .6)
	return func(c *canvas, r *rand.Rand) {
		busy := newAR(r, .01, 3, c.cal.dt)
		for i := range c.buf {
			s := c.cal.slots[i]
			x := 1 + swing*(traffic[s.quarter]-.5) + busy.next(r)
			if sleep && s.quarter < 24 {
				x -= .12
			}
			c.buf[i] = kW * x
		}
		for t := r.ExpFloat64() * 45 * 24; t < c.cal.hours(); t += (20 + 30*r.ExpFloat64()) * 24 {
			long := uniform(r, .5, 3)
			c.pulse(t, t+long, -kW*.98)
			c.pulse(t+long, t+long+3*long, .25*kW)
		}
		for i := range c.buf {
			c.buf[i] = max(0, c.buf[i])
		}
	}
}

// dataCentre ramps over the months, breathes by 3–15 % with the day and the week, has
// a chiller with a knee, and tests its generator once a month in office hours.
func dataCentre(b *builder) {
	r := b.r
	kW := around(r, 120, .9)
	swing, ramp, ai := uniform(r, .03, .15), uniform(r, 0, .5), chance(r, .15)
	knee, slope := uniform(r, 8, 15), uniform(r, .004, .012)
	day := curve(0, 0, .2, 4, 0, 8, .4, 11, 1, 15, 1, 18, .8, 21, .7)
	test := 1 + r.IntN(27)
	load := func(c *canvas, r *rand.Rand) {
		slow, job := newAR(r, .01, 50, c.cal.dt), newAR(r, .15, 5, c.cal.dt)
		for i := range c.buf {
			s := c.cal.slots[i]
			x := day[s.quarter]
			if c.cal.days[s.day].rest {
				x *= .6
			}
			grown := 1 - ramp*(1-float64(i)/float64(c.cal.n))
			c.buf[i] = kW * grown * (1 - swing*(1-x) + slow.next(r) + .003*r.NormFloat64())
			if j := job.next(r); ai && j > .05 {
				c.buf[i] *= .72
			}
			c.buf[i] *= 1 + .25 + slope*max(0, c.temp[i]-knee)
		}
		for _, d := range c.cal.days {
			if d.date.Day() == test {
				at := d.midnight + 10 + float64(r.IntN(20))/4
				c.blank(at, at+uniform(r, .5, 1.5))
			}
		}
	}
	b.add("servers and cooling", leading(uniform(r, .95, .99)), 1.3*kW, 1.6, load)
}

// blank removes what buf holds from t0 to t1.
func (c *canvas) blank(t0, t1 float64) {
	s := span{t0, t1}
	lo, hi := c.limits(s)
	for i := lo; i < hi; i++ {
		c.buf[i] *= 1 - s.covers(i, c.cal.dt)
	}
}

// streetLights follow the sun; some are dimmed after midnight, all come earlier under cloud.
func streetLights(b *builder) {
	r := b.r
	kW := around(r, 8, .8)
	e := leading(uniform(r, .93, .97))
	if chance(r, .4) {
		e = nature{tanOf(uniform(r, .85, .92)), 1.6, 1.6} // sodium lamps
	}
	b.add("lamps", e, kW, 1, nightly(kW, uniform(r, -.2, .3), 0, chance(r, .4)))
	b.add("controller", leading(.5), .02, 1, flat(.02, .05, .05))
}

// nightly burns from sunset to sunrise, offset hours later and earlier; until is a
// local hour at which it is switched off, 0 for sunrise; dim halves it after midnight.
func nightly(kW, offset, until float64, dim bool) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		for k, d := range c.cal.days {
			dark := .3 * c.cloud[min(c.cal.index(c.set[k]), c.cal.n-1)]
			on := c.set[k] + offset - dark + .03*r.NormFloat64()
			off := d.midnight + until
			if until == 0 {
				off = c.rise[k] + 24 - offset + .03*r.NormFloat64()
			}
			if k == 0 && until == 0 {
				c.pulse(on-24, off-24, kW)
			}
			c.pulse(on, off, kW)
			if dim {
				c.pulse(d.midnight+24, min(off, d.midnight+29.5), -.45*kW)
			}
		}
		for i := range c.buf {
			c.buf[i] = max(0, c.buf[i]) * (1 + .003*r.NormFloat64())
		}
	}
}

// wastewater blows air day and night, with the two humps of the town's water and the rain on top.
func wastewater(b *builder) {
	r := b.r
	kW := around(r, 60, .7)
	day := curve(normal(r, 1.5, .5), 0, .75, 4, .55, 8, 1.15, 11, 1, 14, .85, 19, 1.2, 22, 1)
	blowers := func(c *canvas, r *rand.Rand) {
		load, wet := newAR(r, .05, 6, c.cal.dt), 0.0
		keep := math.Exp(-c.cal.dt / 12)
		for i := range c.buf {
			wet = wet*keep + c.rain[i]*(1-keep)
			x := .65 + .35*day[c.cal.slots[i].quarter] + .8*wet + load.next(r)
			c.buf[i] = kW * (.3 + .7*math.Floor(x*6+.5)/6)
		}
	}
	b.add("blowers", motor(uniform(r, .82, .88), .2), 1.2*kW, 1, blowers)
	b.add("pumps", motor(.8, .2), .3*kW, 1, compressor(.3*kW, .2, func(c *canvas, i int) float64 {
		return .4*day[c.cal.slots[i].quarter] + .4*c.rain[i]
	}))
	b.compensate(.4 * kW)
}
