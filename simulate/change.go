package simulate

import (
	"math"
	"math/rand/v2"
)

// A change is a lasting change of honest use, from onset on.
type change struct {
	kind  string
	onset float64 // hours after the start
	// apps are new from onset; life, if set, changes how alive the place is.
	apps []appliance
	life func(c *canvas, r *rand.Rand, from int)
}

// newChange plans a change of the given kind for a place whose peak is about peakKW.
func newChange(r *rand.Rand, kind, use string, region *Region, peakKW, hours float64) *change {
	ch := &change{kind: kind, onset: math.Floor(r.Float64()*hours*4) / 4}
	b := &builder{r: r, region: region}
	if kind == "vacancy ends" && use != "vacant" {
		ch.life = emptyBefore
	} else if ch.life = b.changeLife(kind); ch.life == nil {
		b.changeLoad(kind, peakKW)
	}
	ch.apps = b.apps
	for i := range ch.apps {
		ch.apps[i].span = span{ch.onset, math.Inf(1)}
	}
	return ch
}

// emptyBefore leaves a furnished place without people until somebody moves in.
func emptyBefore(c *canvas, _ *rand.Rand, from int) {
	for i := range from {
		c.act[i] *= .02
	}
}

// changeLife is for the kinds that change what people do rather than what is plugged in.
func (b *builder) changeLife(kind string) func(*canvas, *rand.Rand, int) {
	scale := 0.0
	switch kind {
	case "new occupants":
		scale = uniform(b.r, 1.3, 2.2)
	case "vacancy begins":
		scale = .02
	case "longer hours":
		scale = uniform(b.r, 1.2, 1.6)
	case "closure":
		scale = .05
	default:
		return nil
	}
	days := math.Inf(1)
	if kind == "closure" && chance(b.r, .5) {
		days = uniform(b.r, 7, 40)
	}
	return func(c *canvas, r *rand.Rand, from int) {
		to := int(min(float64(c.cal.n), float64(from)+days*24/c.cal.dt))
		for i := from; i < to; i++ {
			c.act[i] *= scale
		}
	}
}

// changeLoad plugs something in. Sizes and natures are assumptions from nameplates.
func (b *builder) changeLoad(kind string, peakKW float64) {
	r := b.r
	big := clamp(peakKW/8, 1, 12) // businesses buy bigger things
	switch kind {
	case "freezer":
		for range 1 + r.IntN(int(math.Ceil(big/2))) {
			kW := uniform(r, .07, .3)
			b.add(kind, motor(uniform(r, .6, .88), .6), kW, 1, compressor(kW, uniform(r, .3, 1.5), warmer(uniform(r, .4, .9), .01)))
		}
	case "dehumidifier":
		b.add(kind, motor(.9, .6), .4, 1, dehumidifier(uniform(r, .2, .6)*math.Sqrt(big)))
	case "fish tank":
		b.add(kind, motor(.85, .5), .2, 1, flat(uniform(r, .1, .4), .02, .015))
	case "home server":
		b.add(kind, leading(.95), .3, 1, flat(uniform(r, .08, .6), .02, .015))
	case "server":
		kW := around(r, .9*math.Sqrt(big), .7)
		b.add(kind, leading(uniform(r, .93, .98)), kW, 1, flat(kW, .012, .008))
		b.add("its cooling", motor(.85, .4), .3*kW, 1, compressor(.4*kW, .2, warmer(.4, .03)))
	case "telecom rectifier":
		kW := uniform(r, 1.5, 5)
		b.add(kind, leading(.98), kW, 1, rectifier(r, kW))
		b.add("its cooling", motor(.85, .4), .3*kW, 1, compressor(.35*kW, .2, warmer(.3, .06)))
	case "cold room":
		kW := uniform(r, 1, 6) * math.Sqrt(big) / 1.5
		b.add(kind, motor(uniform(r, .78, .9), .4), kW, 1, compressor(kW, uniform(r, .2, .7), warmer(uniform(r, .5, .75), .02)))
		b.add("its defrost", resistive(), .5*kW, 1, defrost(.5*kW, 2+r.IntN(4), uniform(r, 0, 5)))
	case "ventilation":
		kW := uniform(r, .15, .7) * big
		b.add(kind, b.drive(), kW, 1, flat(kW, .008, .004))
	case "compressed air":
		kW := uniform(r, 4, 20)
		b.add(kind, motor(.85, .2), kW, 1, compressor(kW, .4, steady(uniform(r, .5, .95))))
	case "aerators":
		b.aerators(always(), around(r, 5, .7))
	case "pump":
		b.newPump()
	case "dryer":
		kW := uniform(r, 4, 20)
		b.add(kind, b.drive(), kW*.6, 1, flat(kW*.6, .01, .01))
		b.add("its heater", resistive(), kW*.4, 1, compressor(kW*.4, .3, steady(uniform(r, .4, .9))))
	default:
		b.changeHabit(kind, peakKW, big)
	}
}

// newPump runs through, or in long spells.
func (b *builder) newPump() {
	r := b.r
	kW, long := around(r, 4, .7), chance(r, .5)
	draw := pumping(kW, uniform(r, 20, 300), 2)
	if long {
		draw = flat(kW, .008, .004)
	}
	b.add("pump", b.drive(), kW, 1, draw)
}

// changeHabit is for the kinds that follow people, weather or sun.
func (b *builder) changeHabit(kind string, peakKW, big float64) {
	r := b.r
	w := week{curve(0, sleepTimes...), curve(0, sleepTimes...)}
	kW := uniform(r, 1, 3) * big
	switch kind {
	case "air conditioner":
		b.add(kind, motor(.94, .2), kW, 1, cooling(w, kW, normal(r, 24, 2), 8))
	case "heat pump":
		b.add(kind, motor(.95, .2), kW, 1, heating(w, kW, normal(r, 15, 2), 12))
		b.add("its cooling", motor(.95, .2), kW, 1, cooling(w, kW, normal(r, 25, 2), 8))
	case "floor heating":
		onset := normal(r, 15, 2)
		b.add(kind, resistive(), kW, 1, compressor(kW, .4, func(c *canvas, i int) float64 { return (onset - c.slow[i]) / 20 }))
	case "storage heater":
		b.add(kind, resistive(), kW, 1, storageHeater(kW, normal(r, 17, 2)))
	case "water heater":
		from := uniform(r, 20, 27)
		b.add(kind, resistive(), 2, 1, timed(uniform(r, 1.2, 2.5), from, from+5, 0, uniform(r, 1, 4)))
	case "car":
		b.add(kind, leading(.99), 7, 1, evCharging(r, []float64{3.3, 7, 11}[r.IntN(3)]))
	case "cars":
		for range 2 + r.IntN(5) {
			b.add(kind, leading(.99), 7, 1, evCharging(r, 7))
		}
	case "vacancy ends":
		home(b)
	case "new shift":
		b.machines(.5*peakKW, b.shiftHours(2))
	case "panels":
		kWp := uniform(r, .4, 1) * max(3, .6*peakKW)
		b.add(kind, nature{}, 0, 0, panels(kWp))
	default:
		panic("simulate: no such change: " + kind)
	}
}
