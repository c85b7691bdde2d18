package simulate

import (
	"math"
	"math/rand/v2"
)

// open is a shape that is idle outside [from, to) local hours and 1 inside, with ramps of half an hour.
func openHours(from, to, idle float64) [96]float64 {
	var y [96]float64
	for q := range y {
		h := float64(q)/4 + .125
		in := clamp((h-from)/.5, 0, 1) * clamp((to-h)/.5, 0, 1)
		if to > 24 {
			in = max(in, clamp((to-24-h)/.5, 0, 1))
		}
		y[q] = idle + (1-idle)*in
	}
	return y
}

// trading closes a place on some weekdays and over Spring Festival.
func trading(closedDay int, festivalCloses bool) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		mood := newAR(r, .08, 60, c.cal.dt)
		for i := range c.act {
			d := c.cal.days[c.cal.slots[i].day]
			c.act[i] *= max(.4, 1+mood.next(r))
			if int(d.weekday) == closedDay || festivalCloses && d.festival > .75 {
				c.act[i] *= .06
			}
		}
	}
}

// trade is what shops share: lights, fridges, air conditioning, a sign.
func (b *builder) trade(w week, size float64, fridges int, closedDay int) {
	r := b.r
	b.life = trading(closedDay, chance(r, .7))
	b.add("lights and tills", leading(.94), .9*size, .9, shaped(w, .8*size, .12, 3)).tie()
	b.add("standby", leading(.6), .1*size, 1, flat(.06*size, .05, .04))
	for range fridges {
		kW := uniform(r, .25, .8)
		b.add("display fridge", motor(uniform(r, .7, .88), .5), kW, .8, compressor(kW, uniform(r, .15, .4), warmer(uniform(r, .35, .6), .02)))
	}
	kW := around(r, 1.8*size, .4)
	b.add("air conditioning", motor(.93, .2), kW, .7, cooling(w, kW, normal(r, 23.5, 1.5), uniform(r, 6, 11))).tie()
	if chance(r, .5) {
		b.add("heating", motor(.95, .4), kW, .6, heating(w, kW*.9, normal(r, 13, 2), 14)).tie()
	}
	if chance(r, .5) {
		b.add("sign", leading(.92), .15*size, 1, nightly(.15*size, 0, uniform(r, 22, 24), false))
	}
}

func shop(b *builder) {
	r := b.r
	size := around(r, 1.6, .7)
	from, to := uniform(r, 7, 10), uniform(r, 18, 23)
	w := week{openHours(from, to, .06), openHours(from+.5, to, .06)}
	closed := -1
	if chance(r, .25) {
		closed = r.IntN(7)
	}
	b.trade(w, size, r.IntN(6), closed)
	if chance(r, .12) {
		b.add("server", leading(.95), .6, 1, flat(uniform(r, .15, 1.2), .02, .015))
	}
}

func office(b *builder) {
	r := b.r
	size := around(r, 6, .9)
	from, to := uniform(r, 7.5, 9.5), uniform(r, 17.5, 21)
	w := week{openHours(from, to, .12), openHours(from+1, to-1, .14)}
	for q := range 96 {
		w[1][q] = .12 + (w[1][q]-.12)*.25
	}
	b.trade(w, size, 0, int(uniform(r, 0, 1.9)))
	b.add("lift", motor(.6, .3), .3*size, .3, uses(30, .8*size, .02, .4, openHours(from, to, .05)))
	if chance(r, .5) {
		kW := around(r, .12*size, .8)
		b.add("server room", leading(.96), kW, 1, flat(kW, .02, .01))
		b.add("server room cooling", motor(.85, .4), .4*kW, 1, compressor(.6*kW, .15, warmer(.5, .025)))
	}
}

func restaurant(b *builder) {
	r := b.r
	size := around(r, 2.2, .5)
	meals := curve(normal(r, 0, .5), 0, .12, 5, .1, 9, .3, 11.5, 1, 13.5, .9, 14.5, .4, 16.5, .5, 18, 1.1, 20.5, 1, 22, .4, 23.5, .15)
	w := week{meals, meals}
	closed := -1
	if chance(r, .2) {
		closed = 1
	}
	b.trade(w, size, 2+r.IntN(4), closed)
	b.add("kitchen", resistive(), 4*size, .6, shaped(w, 2*size, .5, .6)).tie()
	b.add("exhaust", motor(.78, .2), .8*size, .8, shaped(w, .7*size, .1, 1)).tie()
}

// internetCafe is full in the evening, half full at night, and never quite empty.
func internetCafe(b *builder) {
	r := b.r
	seats := uniform(r, 25, 110)
	kW := seats * uniform(r, .14, .3)
	day := curve(normal(r, 0, .7), 0, .75, 3, .5, 7, .28, 10, .3, 13, .6, 17, .7, 20, 1, 23, .95)
	w := week{day, day}
	for q := range 96 {
		w[1][q] = min(1, 1.15*day[q])
	}
	b.life = trading(-1, chance(r, .2))
	b.add("computers", leading(uniform(r, .93, .98)), kW, .9, shaped(w, kW*.8, .08, 3)).tie()
	b.add("servers and switches", leading(.95), .03*kW, 1, flat(.03*kW, .02, .01))
	b.add("air conditioning", motor(.9, .3), .35*kW, .8, cooling(w, .35*kW, 14, 16)).tie()
}

func hotel(b *builder) {
	r := b.r
	rooms := around(r, 40, .6)
	day := curve(0, 0, .55, 3, .35, 6, .6, 8, .9, 11, .6, 15, .55, 18, .9, 21, 1, 23, .8)
	w := week{day, day}
	b.life = trading(-1, false)
	b.add("rooms", leading(.93), .35*rooms, .8, shaped(w, .2*rooms, .15, 5)).tie()
	b.add("corridors and standby", leading(.9), .06*rooms, 1, flat(.06*rooms, .03, .02))
	b.add("hot water", resistive(), .3*rooms, .6, shaped(w, .12*rooms, .4, 1)).tie()
	b.add("air conditioning", motor(.88, .3), .5*rooms, .7, cooling(w, .5*rooms, 23, 10)).tie()
	b.add("heating", motor(.92, .3), .4*rooms, .7, heating(w, .4*rooms, 14, 15)).tie()
}

// supermarket has a rack of compressors that never rests and lights that do.
func supermarket(b *builder) {
	r := b.r
	size := around(r, 25, .6)
	from, to := uniform(r, 6.5, 8.5), uniform(r, 21, 23.5)
	w := week{openHours(from, to, .1), openHours(from, to, .1)}
	b.life = trading(-1, false)
	b.add("lights", leading(.95), size, 1, shaped(w, .8*size, .04, 6)).tie()
	b.add("refrigeration rack", motor(.85, .4), 1.2*size, 1, rack(.8*size, .018, w))
	for range 3 {
		kW := .1 * size
		b.add("defrost", resistive(), kW, .3, defrost(kW, 2+r.IntN(3), r.Float64()*6))
	}
	b.add("air conditioning", motor(.9, .2), size, .7, cooling(w, size, 22, 9)).tie()
	b.add("bakery", resistive(), .3*size, .5, shaped(week{openHours(5, 11, 0), openHours(5, 11, 0)}, .25*size, .6, .5)).tie()
}

// rack is several compressors switched in steps by demand; perC is the slope with temperature.
func rack(kW, perC float64, w week) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		load, step := newAR(r, .12, .8, c.cal.dt), newAR(r, .08, .2, c.cal.dt)
		for i := range c.buf {
			x := 1 + perC*(c.slow[i]-15) + .12*(w.at(c, i)-.5) + load.next(r)
			c.buf[i] = kW * max(.15, (math.Floor(x*8+.5)/8+step.next(r)))
		}
	}
}

// defrost heats perDay times at fixed hours for about 25 minutes.
func defrost(kW float64, perDay int, first float64) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		for _, d := range c.cal.days {
			for k := range perDay {
				t := d.midnight + first + 24*float64(k)/float64(perDay)
				c.pulse(t, t+.42*math.Exp(.2*r.NormFloat64()), kW)
			}
		}
	}
}
