package simulate

import (
	"math"
	"math/rand/v2"
)

// Hours at which people do things at home, as weights.
var (
	mealTimes    = []float64{0, .05, 5.5, .1, 7, 1, 8.5, .4, 11, .9, 12.5, .9, 14, .2, 17, .8, 18.5, 1.4, 20.5, .6, 23, .15}
	eveningTimes = []float64{0, .45, 2, .08, 6, .1, 7.2, .6, 9, .3, 12, .45, 14, .3, 17, .55, 19, 1.2, 21.5, 1.5, 23, .9}
	sleepTimes   = []float64{0, .95, 6, .9, 7.5, .5, 9, .3, 12.5, .6, 15, .4, 18, .7, 20, .95, 22, 1}
)

// home is a dwelling with people in it.
func home(b *builder) {
	r := b.r
	size := around(r, 1, .35)
	shift := normal(r, 0, .8)
	b.life = household(uniform(r, .3, 2.2), r.Float64(), chance(r, .35))
	b.dwelling(size)
	rest := normal(r, .7, .4)
	lights := week{curve(shift, eveningTimes...), curve(shift+rest, eveningTimes...)}
	b.add("lights and screens", leading(.93), .9*size, .6, shaped(lights, .25*size, .45, 1.5)).tie()
	meals := curve(shift, mealTimes...)
	b.add("kettle", resistive(), 1.8, .3, uses(uniform(r, 2, 7), 1.8, .06, .3, meals))
	b.add("cooker", resistive(), 1.2, .4, uses(uniform(r, 1, 3), around(r, 1.1, .4), .45, .4, meals))
	b.add("washing", motor(.75, .3), 1.9, .1, uses(.6, uniform(r, .4, 1.9), .8, .4, curve(shift, eveningTimes...)))
	if chance(r, .72) {
		b.homeCooling(shift, size)
	}
	b.homeHeating(shift, size)
	b.hotWater(shift)
	if chance(r, .07) {
		b.evHome()
	}
}

// dwelling is what runs in a home whether anybody is there or not.
func (b *builder) dwelling(size float64) {
	r := b.r
	b.add("standby", leading(.55), .1, 1, flat(around(r, .045*size, .5), .06, .03))
	for range 1 + r.IntN(2) {
		b.add("fridge", motor(uniform(r, .6, .85), .7), .13, .8, compressor(uniform(r, .07, .15), uniform(r, .2, .5), warmer(uniform(r, .25, .45), .02)))
	}
	if chance(r, .07) {
		b.add("fish tank", motor(.85, .5), .2, 1, flat(uniform(r, .04, .25), .02, .02))
	}
	if chance(r, .05) {
		b.add("nas or server", leading(.94), .3, 1, flat(uniform(r, .05, .45), .03, .02))
	}
	if chance(r, .04) {
		b.add("dehumidifier", motor(.9, .6), .4, .7, dehumidifier(uniform(r, .2, .6)))
	}
}

// dehumidifier cycles, longer when it rains.
func dehumidifier(kW float64) func(*canvas, *rand.Rand) {
	return compressor(kW, .5, func(c *canvas, i int) float64 { return .25 + .5*c.cloud[i] + .4*c.rain[i] })
}

func (b *builder) homeCooling(shift, size float64) {
	r := b.r
	w := week{curve(shift, sleepTimes...), curve(shift+.5, sleepTimes...)}
	for range 1 + r.IntN(3) {
		kW, onset := uniform(r, .6, 1.4)*size, normal(r, 26, 1.5)
		b.add("air conditioner", motor(uniform(r, .9, .98), .2), kW, .5, cooling(w, kW, onset, uniform(r, 5, 10))).tie()
	}
}

// homeHeating gives a home electric heating with a probability that falls with the
// cold of the region: where winters are hard there is district heating.
func (b *builder) homeHeating(shift, size float64) {
	r := b.r
	w := week{curve(shift, sleepTimes...), curve(shift+.5, sleepTimes...)}
	share := []float64{.5, .28, .12, .07, .03} // none, heat pump, resistive, floor, night storage
	if b.region.MeanC < 12 {
		share = []float64{.78, .08, .06, .04, .04}
	}
	onset := normal(r, 14, 2)
	switch kW := around(r, 1.8*size, .4); weighted(r, share) {
	case 1:
		b.add("heat pump", motor(.95, .1), kW, .6, heating(w, kW, onset, uniform(r, 10, 18))).tie()
	case 2:
		b.add("radiators", resistive(), kW, .6, heating(w, kW, onset-2, uniform(r, 6, 14))).tie()
	case 3:
		b.add("floor heating", resistive(), 2*kW, .7, compressor(2*kW, .4, func(c *canvas, i int) float64 {
			return (onset - c.slow[i]) / 22
		})).tie()
	case 4:
		b.add("storage heater", resistive(), 2*kW, 1, storageHeater(2*kW, onset))
	}
}

// storageHeater charges at night for as long as the cold asks for.
func storageHeater(kW, onset float64) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		for _, d := range c.cal.days {
			from := d.midnight + 22 + 5./60
			hours := 8 * clamp((onset-c.tempAt(from))/15, 0, 1)
			c.pulse(from, from+hours, kW*c.liveAt(from))
		}
	}
}

// hotWater is a tank on a timer, a tank on its thermostat, an instant heater, or gas.
func (b *builder) hotWater(shift float64) {
	r := b.r
	kW := uniform(r, 1.2, 2.2)
	switch weighted(r, []float64{.2, .3, .1, .4}) {
	case 0:
		from := math.Floor(uniform(r, 17, 30)*2) / 2
		b.add("water heater on a timer", resistive(), kW, .6, timed(kW, from, from+4, 0, uniform(r, .8, 2.5)))
	case 1:
		b.add("water heater", resistive(), kW, .5, uses(uniform(r, 1.5, 4), kW, .5, .6, curve(shift, eveningTimes...)))
	case 2:
		b.add("instant heater", resistive(), 6.5, .4, uses(uniform(r, 1, 3), 6.5, .12, .4, curve(shift, eveningTimes...)))
	}
}

// evHome charges one car: some evenings, on arrival or on a timer at the cheap hour.
func (b *builder) evHome() {
	kW := []float64{3.3, 6.6, 7, 11}[weighted(b.r, []float64{.25, .2, .5, .05})]
	b.add("car", leading(.99), kW, .5, evCharging(b.r, kW))
}

func evCharging(r *rand.Rand, kW float64) func(*canvas, *rand.Rand) {
	timer, often := chance(r, .45), uniform(r, .25, .8)
	hour := []float64{22, 23, 24}[r.IntN(3)]
	need := uniform(r, 6, 20)
	return func(c *canvas, r *rand.Rand) {
		for _, d := range c.cal.days {
			plug := d.midnight + normal(r, 19, 1.8)
			skip, energy := r.Float64() > often, around(r, need, .5)
			if timer {
				plug = max(plug, d.midnight+hour)
			}
			if skip || c.liveAt(plug) < .3 {
				continue
			}
			c.charge(plug, kW, energy)
		}
	}
}

// charge draws one session: full power, then a tail over the last fifth.
func (c *canvas) charge(t, kW, energyKWh float64) {
	full := .85 * energyKWh / kW
	c.pulse(t, t+full, kW)
	for k := range 4 {
		step := full * .09
		c.pulse(t+full+float64(k)*step, t+full+float64(k+1)*step, kW*(.8-.2*float64(k)))
	}
}

// household makes people leave for days: about tripsPerMonth times, and at Spring
// Festival either the house fills or it stands empty.
func household(tripsPerMonth, migrates float64, full bool) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		away := newAway(c, r, tripsPerMonth)
		mood := newAR(r, .12, 40, c.cal.dt)
		for i := range c.act {
			c.act[i] *= max(.3, 1+mood.next(r))
			f := c.cal.days[c.cal.slots[i].day].festival
			switch {
			case away(i):
				c.act[i] *= .03
			case f > .6 && migrates < .3:
				c.act[i] *= .05
			case f > .6 && full:
				c.act[i] *= 1.5
			}
		}
	}
}

// newAway tells the intervals in which the house is empty for a day or longer.
func newAway(c *canvas, r *rand.Rand, tripsPerMonth float64) func(i int) bool {
	type trip struct{ from, to int }
	var trips []trip
	for t := r.ExpFloat64() * 720 / tripsPerMonth; t < c.cal.hours(); t += r.ExpFloat64() * 720 / tripsPerMonth {
		long := (.6 + 2.2*r.ExpFloat64()) * 24
		trips = append(trips, trip{c.cal.index(t), c.cal.index(t + long)})
		t += long
	}
	k := 0
	return func(i int) bool {
		for k < len(trips) && trips[k].to <= i {
			k++
		}
		return k < len(trips) && trips[k].from <= i
	}
}

// holidayHome stands empty most of the time.
func holidayHome(b *builder) {
	r := b.r
	stays, frost := uniform(r, .5, 2.5), chance(r, .4)
	b.dwelling(.7)
	b.life = func(c *canvas, r *rand.Rand) {
		here := newAway(c, r, stays) // the same process the other way round
		for i := range c.act {
			if !here(i) && c.cal.days[c.cal.slots[i].day].festival < .6 {
				c.act[i] = .01
			}
		}
	}
	w := week{curve(0, eveningTimes...), curve(.5, eveningTimes...)}
	b.add("lights and screens", leading(.93), .8, .6, shaped(w, .3, .4, 1.5)).tie()
	b.add("cooker", resistive(), 1.5, .4, uses(2.5, 1.5, .4, .4, curve(0, mealTimes...)))
	b.hotWater(0)
	b.homeCooling(0, 1)
	if frost {
		kW := uniform(r, .5, 2)
		b.add("frost guard", resistive(), kW, .7, compressor(kW, .3, func(c *canvas, i int) float64 { return (4 - c.slow[i]) / 15 }))
	}
}

// vacant is an empty dwelling or shop: a standby, perhaps a fridge left on.
func vacant(b *builder) {
	b.add("standby", leading(.5), .05, 1, flat(around(b.r, .015, .7), .05, .05))
	if chance(b.r, .35) {
		b.add("fridge", motor(.7, .7), .12, 1, compressor(.1, .3, warmer(.3, .02)))
	}
	b.peak += 3
}
