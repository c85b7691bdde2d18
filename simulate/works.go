package simulate

import (
	"math"
	"math/rand/v2"
)

// shifts is a works of one, two or three shifts.
func shifts(count int) func(*builder) {
	return func(b *builder) {
		r := b.r
		size := around(r, 45*float64(count), .9)
		saturday := chance(r, .6)
		b.life = working(saturday, count == 3 && chance(r, .6))
		b.add("standby", motor(.8, .3), .05*size, 1, flat(around(r, .04*size, .5), .05, .03))
		b.machines(size, b.shiftHours(count))
		b.compensate(size * uniform(r, .25, .55))
		if chance(r, .4) {
			w := week{openHours(7, 19, .05), openHours(7, 19, .05)}
			b.add("hall ventilation", motor(.82, .2), .1*size, 1, cooling(w, .1*size, 18, 12)).tie()
		}
		if chance(r, .25) {
			b.add("compressed air", motor(.85, .2), .08*size, 1, compressor(.1*size, .2, steady(uniform(r, .3, .8)))).tie()
		}
	}
}

// shiftHours is the shape of a working day: dips at the meal breaks and at the change of shift.
func (b *builder) shiftHours(count int) week {
	from := uniform(b.r, 6.5, 8.5)
	var y [96]float64
	for q := range y {
		h := clock(float64(q)/4 + .125 - from)
		if h < 8.8*float64(count) || count == 3 {
			y[q] = 1
		}
		shift := math.Mod(h, 8)
		if shift > 4 && shift < 4.8 {
			y[q] *= .45
		}
		if count > 1 && shift > 7.75 {
			y[q] *= .6
		}
	}
	return week{y, y}
}

// machines are a handful of drives that start and stop through the shift, each with
// its own power factor, and a furnace in one works out of five.
func (b *builder) machines(size float64, w week) {
	r := b.r
	count := 3 + r.IntN(6)
	for range count {
		kW := around(r, size/float64(count), .5)
		on, cv := uniform(r, .4, .95), uniform(r, .05, .25)
		b.add("machine", motor(uniform(r, .68, .88), uniform(r, .05, .4)), kW, .8, telegraph(w, kW, on, uniform(r, .3, 3), cv)).tie()
	}
	if chance(r, .2) {
		kW := .4 * size
		b.add("furnace", resistive(), kW, .7, uses(3, kW, uniform(r, .5, 2.5), .3, w[0]))
	}
}

// telegraph switches a load on and off at random while the shape allows, with noise while it runs.
func telegraph(w week, kW, on, meanHours, cv float64) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		load := newAR(r, cv, .7, c.cal.dt)
		running, left := r.Float64() < on, 0.0
		for i := range c.buf {
			x := load.next(r)
			if left -= c.cal.dt; left <= 0 {
				running = r.Float64() < on
				left = meanHours * r.ExpFloat64()
			}
			if running {
				c.buf[i] = kW * w.at(c, i) * max(0, 1+x)
			}
		}
	}
}

// compensate is a bank of capacitors switched in steps against the reactive power so
// far drawn; it keeps the meter's own power factor high and hides the block's.
func (b *builder) compensate(kvar float64) {
	if chance(b.r, .3) {
		return
	}
	steps := float64(4 + b.r.IntN(5))
	b.add("capacitors", nature{}, 0, 0, func(c *canvas, r *rand.Rand) {
		for i := range c.q {
			want := clamp(math.Floor((c.q[i]-.25*c.p[i])/(kvar/steps)), 0, steps)
			c.q[i] -= want * kvar / steps * (1 + 2*c.dv[i])
		}
	})
}

// working closes a works on Sundays, perhaps Saturdays, and for weeks at Spring Festival.
func working(saturday, sunday bool) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		orders := newAR(r, .1, 200, c.cal.dt)
		early := uniform(r, .3, .9)
		for i := range c.act {
			d := c.cal.days[c.cal.slots[i].day]
			c.act[i] *= max(.4, 1+orders.next(r))
			weekend := d.weekday == 0 && !sunday || d.weekday == 6 && !saturday
			holiday := d.rest && d.weekday != 0 && d.weekday != 6 && !sunday
			if weekend || holiday || d.festival > early {
				c.act[i] *= .05
			}
		}
	}
}

// continuous is industry that never stops: load factor .8–.95, but noisy, with days
// of maintenance and a reactive power that swings with the process.
func continuous(b *builder) {
	r := b.r
	size := around(r, 150, .9)
	cv := uniform(r, .05, .18)
	b.life = func(c *canvas, r *rand.Rand) {
		for t := r.ExpFloat64() * 35 * 24; t < c.cal.hours(); t += (10 + 35*r.ExpFloat64()) * 24 {
			for i, hi := c.cal.index(t), c.cal.index(t+uniform(r, 6, 40)); i < hi; i++ {
				c.act[i] *= .25
			}
		}
	}
	for _, part := range []float64{.45, .3, .25} {
		kW := part * size
		draw := func(c *canvas, r *rand.Rand) {
			slow, fast := newAR(r, .7*cv/math.Sqrt(3*part), 20, c.cal.dt), newAR(r, cv, .6, c.cal.dt)
			for i := range c.buf {
				c.buf[i] = kW * max(.05, 1+slow.next(r)+fast.next(r))
			}
		}
		b.add("process", motor(uniform(r, .75, .9), .2), kW, 1.1, draw).tie()
	}
	day := week{openHours(8, 18, .2), openHours(8, 18, .1)}
	b.add("day staff", leading(.95), .05*size, 1, shaped(day, .05*size, .1, 3))
	b.compensate(size * uniform(r, .3, .5))
}

// evDepot charges a fleet of cars at night: variable ends, bounded by energy.
func evDepot(b *builder) {
	r := b.r
	cars := 6 + r.IntN(40)
	kW := []float64{7, 11, 22}[r.IntN(3)]
	limit := kW * float64(cars) * uniform(r, .5, 1)
	b.add("cars", leading(.985), limit, 1, func(c *canvas, r *rand.Rand) {
		for _, d := range c.cal.days {
			busy := .9
			if d.rest {
				busy = .55
			}
			for range cars {
				at, energy := d.midnight+normal(r, 19.3, 1.6), around(r, 28, .5)
				if r.Float64() < busy {
					c.charge(at, kW, energy)
				}
			}
		}
		for i := range c.buf {
			c.buf[i] = min(c.buf[i], limit)
		}
	})
	b.add("site", leading(.9), 1.5, 1, flat(uniform(r, .5, 2), .03, .02))
}
