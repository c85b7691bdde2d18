package simulate

import (
	"math"
	"math/rand/v2"
)

// irrigation pumps water in spells: hours to weeks of one or two motors at constant
// power. One in five runs day and night for as long as the crop needs it.
func irrigation(b *builder) {
	r := b.r
	pumps := 1 + r.IntN(2)
	b.add("hut", leading(.6), .02, 1, flat(uniform(r, .005, .03), .1, .1))
	for range pumps {
		kW := around(r, 9, .7)
		long := 9.0
		if chance(r, .2) {
			long = uniform(r, 60, 400)
		}
		b.add("pump", b.drive(), kW, 1, pumping(kW, long, uniform(r, .4, 2)))
	}
}

// drive is an agricultural motor: mostly bare, some with a capacitor, some with an
// inverter, which then looks like a miner's power supply.
func (b *builder) drive() nature {
	r := b.r
	switch weighted(r, []float64{.75, .13, .12}) {
	case 1:
		return motor(uniform(r, .92, .97), uniform(r, .1, .5))
	case 2:
		return constantPower(uniform(r, .95, .985))
	}
	return motor(uniform(r, .75, .88), uniform(r, .1, .6))
}

// pumping runs spells of about hours, perWeek of them in high season (April to
// September), hardly any in the cold or when it rains.
func pumping(kW, hours, perWeek float64) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		for t := -hours * r.Float64(); t < c.cal.hours(); {
			i := min(c.cal.index(t), c.cal.n-1)
			yd := c.cal.days[c.cal.slots[i].day].yearDay
			season := clamp(.5+.9*math.Cos(2*math.Pi*float64(yd-190)/365), .03, 1) * (1 - .7*c.rain[i])
			if r.Float64() < season {
				long := around(r, hours, .5)
				c.motorRun(t, t+long, kW, r)
				t += long
			}
			t += r.ExpFloat64() * 168 / perWeek
		}
	}
}

// motorRun is constant power with the small drift of a water level, 0.3–1.5 %.
func (c *canvas) motorRun(t0, t1, kW float64, r *rand.Rand) {
	level := newAR(r, uniform(r, .003, .015), 10, 1)
	for t := t0; t < t1; t++ {
		c.pulse(t, min(t+1, t1), kW*(1+level.next(r)))
	}
}

// aquaculture is ponds with aerators. The pond's stock decides; see stocked.
func aquaculture(b *builder) {
	r := b.r
	b.add("shed", leading(.7), .3, 1, flat(uniform(r, .05, .4), .05, .05))
	b.add("feeder", motor(.7, .3), .5, .5, uses(4, uniform(r, .2, .8), .5, .3, openHours(6, 18, .02)))
	b.aerators(always(), around(r, 6, .6))
	if chance(r, .5) {
		kW := around(r, 3, .4)
		b.add("water pump", b.drive(), kW, .7, pumping(kW, 6, 3))
	}
}

// aerators are several motors of one size: around the clock, at night, or as the
// oxygen needs, which grows with warmth.
func (b *builder) aerators(s span, kW float64) {
	r := b.r
	mode := weighted(r, []float64{.35, .4, .25})
	count := 1 + r.IntN(4)
	e := b.drive()
	for k := range count {
		from, to := uniform(r, 20, 23), uniform(r, 29.5, 32)
		a := b.add("aerator", e, kW/float64(count), 1, aerator(kW/float64(count), mode, from, to, k))
		a.span = s
	}
}

func aerator(kW float64, mode int, from, to float64, k int) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		level := newAR(r, uniform(r, .004, .02), 8, c.cal.dt)
		hand := uniform(r, 5, 25) / 60
		switch mode {
		case 0: // blowers: around the clock but for an hour of cleaning now and then
			c.pulse(0, c.cal.hours(), kW)
			for t := r.ExpFloat64() * 200; t < c.cal.hours(); t += r.ExpFloat64() * 200 {
				c.pulse(t, t+uniform(r, .2, 1.2), -kW)
			}
		case 1: // night, and two hours after noon in the heat
			for _, d := range c.cal.days {
				c.pulse(d.midnight+from+hand*r.NormFloat64(), d.midnight+to+hand*r.NormFloat64(), kW)
				if c.tempAt(d.midnight+13) > 26 {
					c.pulse(d.midnight+12.8+hand*r.NormFloat64(), d.midnight+15+hand*r.NormFloat64(), kW)
				}
			}
		default: // oxygen control: longer nights the warmer it is, the first motor longest
			for _, d := range c.cal.days {
				need := clamp((c.tempAt(d.midnight+20)-4)/22, .1, 1) * 14 / (1 + .4*float64(k))
				end := d.midnight + 30.5 + hand*r.NormFloat64()
				c.pulse(end-need, end, kW)
			}
		}
		for i := range c.buf {
			c.buf[i] = max(0, c.buf[i]) * (1 + level.next(r))
		}
	}
}

// livestock is fans that step up with the warmth, heat lamps, lights by timer.
func livestock(b *builder) {
	r := b.r
	size := around(r, 8, .6)
	for k := range 4 {
		kW, onset := size/4, 8+6*float64(k)
		b.add("fan stage", motor(uniform(r, .72, .85), .3), kW, 1, compressor(kW, .3, func(c *canvas, i int) float64 {
			return .05 + (.6*c.temp[i]+.4*c.slow[i]-onset)/6
		}))
	}
	b.add("heat lamps", resistive(), .4*size, .8, heating(presence(), .4*size, 12, 20))
	b.add("lights", leading(.93), .12*size, 1, timed(.12*size, 5, 21, 0, 0))
	b.add("feed", motor(.75, .2), .3*size, .5, uses(5, .3*size, .3, .3, openHours(5, 20, 0)))
}

// growHouse is lamps on an exact timer, 12 or 18 hours, often through the cheap night,
// with dehumidifiers and ventilation that tail off after the lamps.
func growHouse(b *builder) {
	r := b.r
	kW := .6 * float64(6+r.IntN(60))
	hours := []float64{12, 18}[r.IntN(2)]
	from := []float64{6, 18, 20, 22}[r.IntN(4)] + float64(r.IntN(4))/4
	e := nature{tanOf(.9), 1.6, 1.6} // HPS
	if chance(r, .5) {
		e = leading(uniform(r, .95, .98))
	}
	flower := uniform(r, 20, 70) * 24 // vegetative growth at 18 h ends, flowering at 12 h begins
	lamp := func(c *canvas, r *rand.Rand) {
		for _, d := range c.cal.days {
			long := hours
			if hours == 18 && math.Mod(d.midnight+48+flower, 110*24) > 45*24 {
				long = 12
			}
			c.pulse(d.midnight+from, d.midnight+from+long, kW)
			c.pulse(d.midnight+from-24, d.midnight+from-24+long, 0)
		}
		for i := range c.buf {
			c.buf[i] *= 1 + .004*r.NormFloat64()
		}
	}
	b.add("lamps", e, kW, 1, lamp)
	b.add("air handling", motor(.85, .4), .3*kW, 1, compressor(.35*kW, .25, warmer(.55, .015)))
	b.add("dehumidifier", motor(.88, .5), .15*kW, 1, func(c *canvas, r *rand.Rand) {
		for _, d := range c.cal.days {
			t := d.midnight + from
			c.pulse(t+.5, t+hours*1.2, .15*kW*(1+.1*r.NormFloat64()))
		}
	})
}
