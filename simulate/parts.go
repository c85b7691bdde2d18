package simulate

import (
	"math"
	"math/rand/v2"
)

// A builder collects the appliances of one customer. Its random stream decides what
// is there; each appliance later has a stream of its own for how it is used.
type builder struct {
	r      *rand.Rand
	region *Region
	apps   []appliance
	peak   float64                       // kW, sum of ratings after diversity
	life   func(c *canvas, r *rand.Rand) // fills act; nil: always as usual
}

// add puts an appliance in place for good; share is the part of kW that counts
// towards the peak for which the supply was contracted.
func (b *builder) add(name string, e nature, kW, share float64, draw func(*canvas, *rand.Rand)) *appliance {
	b.apps = append(b.apps, appliance{name: name, nature: e, span: always(), draw: draw})
	b.peak += kW * share
	return &b.apps[len(b.apps)-1]
}

func (a *appliance) tie() *appliance { a.tied = true; return a }

// A week is a shape over the quarters of a working day and of a day of rest.
type week [2][96]float64

func (w *week) at(c *canvas, i int) float64 {
	s := c.cal.slots[i]
	if c.cal.days[s.day].rest {
		return w[1][s.quarter]
	}
	return w[0][s.quarter]
}

// curve interpolates (hour, value) pairs around the clock; shift moves them later.
func curve(shift float64, points ...float64) (y [96]float64) {
	n := len(points) / 2
	for q := range y {
		h := clock(float64(q)/4 + .125 - shift)
		k := n - 1
		for j := range n {
			if points[2*j] <= h {
				k = j
			}
		}
		next := (k + 1) % n
		a, b := points[2*k], points[2*next]
		span := clock(b - a)
		if span == 0 {
			span = 24
		}
		f := clock(h-a) / span
		y[q] = points[2*k+1]*(1-f) + points[2*next+1]*f
	}
	return y
}

// clock wraps hours into [0, 24).
func clock(h float64) float64 { return h - 24*math.Floor(h/24) }

// flat draws a constant load with slow and fast relative noise.
func flat(kW, slowCV, fastCV float64) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		slow := newAR(r, slowCV, 30, c.cal.dt)
		for i := range c.buf {
			c.buf[i] = kW * max(0, 1+slow.next(r)+fastCV*r.NormFloat64())
		}
	}
}

// shaped draws a weekly shape times log-normal noise that forgets within tauHours.
func shaped(w week, kW, cv, tauHours float64) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		a := newAR(r, cv, tauHours, c.cal.dt)
		mean := cv * cv / 2
		for i := range c.buf {
			c.buf[i] = kW * w.at(c, i) * math.Exp(a.next(r)-mean)
		}
	}
}

// compressor cycles between on and off. duty gives the share of time on at interval
// i; each run lasts onHours or so. A duty of 1 runs through.
func compressor(kW, onHours float64, duty func(c *canvas, i int) float64) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		end := c.cal.hours()
		for t := -r.Float64() * onHours * 3; t < end; {
			d := clamp(duty(c, min(c.cal.index(t), c.cal.n-1)), .02, 1)
			on := onHours * math.Exp(.15*r.NormFloat64())
			c.pulse(t, t+on, kW*(1+.03*r.NormFloat64()))
			t += on + on*(1-d)/d*math.Exp(.2*r.NormFloat64())
		}
	}
}

// warmer gives a duty that rises with the felt temperature: base at 15 °C, perC for each degree.
func warmer(base, perC float64) func(*canvas, int) float64 {
	return func(c *canvas, i int) float64 { return base * (1 + perC*(c.slow[i]-15)) }
}

// steady is a duty that nothing changes.
func steady(d float64) func(*canvas, int) float64 {
	return func(*canvas, int) float64 { return d }
}

// uses draws short uses: on average perDay of them, at hours weighted by when, each
// lasting about hours at kW. Nobody home, no use.
func uses(perDay, kW, hours, spread float64, when [96]float64) func(*canvas, *rand.Rand) {
	var cumulative [96]float64
	total := 0.0
	for q, w := range when {
		total += w
		cumulative[q] = total
	}
	return func(c *canvas, r *rand.Rand) {
		for _, d := range c.cal.days {
			for t := r.ExpFloat64() / perDay; t < 1; t += r.ExpFloat64() / perDay {
				x, q := r.Float64()*total, 0
				for q < 95 && cumulative[q] < x {
					q++
				}
				at := d.midnight + (float64(q)+r.Float64())/4
				if live := c.liveAt(at); live < 1 && r.Float64() > live {
					continue
				}
				c.pulse(at, at+hours*math.Exp(spread*r.NormFloat64()), kW)
			}
		}
	}
}

// cooling draws air conditioning that starts above onsetC felt inside and reaches
// full power spanC further up, when the shape says that somebody is there.
func cooling(w week, kW, onsetC, spanC float64) func(*canvas, *rand.Rand) {
	return thermal(w, kW, func(c *canvas, i int) float64 { return (.5*c.temp[i] + .5*c.slow[i] - onsetC) / spanC })
}

// heating is the same on the cold side.
func heating(w week, kW, onsetC, spanC float64) func(*canvas, *rand.Rand) {
	return thermal(w, kW, func(c *canvas, i int) float64 { return (onsetC - .3*c.temp[i] - .7*c.slow[i]) / spanC })
}

// thermal draws kW × need × presence. Presence is decided once an hour or so: rooms
// are used or not, thermostats are touched.
func thermal(w week, kW float64, need func(*canvas, int) float64) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		room := newAR(r, 1, 2.5, c.cal.dt)
		for i := range c.buf {
			x := room.next(r)
			load := need(c, i)
			if load <= 0 {
				continue
			}
			used := clamp(w.at(c, i)*1.6-.4+.5*x, 0, 1)
			c.buf[i] = kW * min(load, 1) * used * (1 + .06*r.NormFloat64())
		}
	}
}

// presence is a shape that is always 1.
func presence() week {
	var w week
	for q := range 96 {
		w[0][q], w[1][q] = 1, 1
	}
	return w
}

// timed draws kW between two local hours of every day; to may exceed 24. A timer is exact; a
// hand is off by handMinutes. thermostat is the time after which it is done, in hours; 0: runs to the end.
func timed(kW, from, to, handMinutes, thermostat float64) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		for _, d := range c.cal.days {
			a := d.midnight + from + handMinutes/60*r.NormFloat64()
			b := d.midnight + to + handMinutes/60*r.NormFloat64()
			if thermostat > 0 {
				b = min(b, a+thermostat*math.Exp(.35*r.NormFloat64()))
			}
			if c.liveAt(a) > .3 {
				c.pulse(a, b, kW)
			}
		}
	}
}

// panels draws generation, as negative load, of a plant of kWp.
func panels(kWp float64) func(*canvas, *rand.Rand) {
	return func(c *canvas, r *rand.Rand) {
		gust := newAR(r, 1, .6, c.cal.dt)
		sinPhi, cosPhi := math.Sincos(c.lat * math.Pi / 180)
		for i := range c.buf {
			k := c.cal.slots[i].day
			h := (float64(i) + .5) * c.cal.dt
			x := gust.next(r)
			if h < c.rise[k] || h > c.set[k] {
				continue
			}
			sd, cd := math.Sincos(declination(c.cal.days[k].yearDay))
			up := sinPhi*sd + cosPhi*cd*math.Cos((h-c.noon[k])*math.Pi/12)
			sky := 1 - .75*clamp(c.cloud[i]+.12*x*c.cloud[i]*(1-c.cloud[i])*4, 0, 1)
			c.buf[i] = -kWp * .9 * math.Pow(max(up, 0), 1.15) * sky * (1 - .004*(c.temp[i]+20*up-25))
		}
	}
}
