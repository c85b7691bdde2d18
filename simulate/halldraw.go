package simulate

import (
	"math"
	"math/rand/v2"
	"time"
)

// A cooled is how a data centre's cooling answers the weather: a constant share of the
// machines' power and, above a knee, a slope.
type cooled struct{ share, knee, slope float64 }

func (k cooled) at(tempC float64) float64 { return 1 + k.share + k.slope*max(0, tempC-k.knee) }

func chilled(r *rand.Rand) cooled {
	return cooled{uniform(r, .12, .4), uniform(r, 6, 16), uniform(r, .004, .012)}
}

// work is the machines' relative power: a day and week of some swing, slow wanderings and
// fast noise.
func (h *hall) work(c *canvas, r *rand.Rand, swing, weekend, slowCV, fastCV float64) {
	day := curve(normal(r, 0, 1.5), 0, .25, 4, 0, 8, .4, 11, .95, 15, 1, 18, .8, 21, .75)
	slow := newAR(r, slowCV, 60, c.cal.dt)
	for i := range c.buf {
		s := c.cal.slots[i]
		x := 1 - swing*(1-day[s.quarter])
		if c.cal.days[s.day].rest {
			x *= 1 - weekend
		}
		c.buf[i] = h.kW * max(0, x+slow.next(r)+fastCV*r.NormFloat64())
	}
}

// grow has racks filled over the months: in steps of 5 to 40 kW, or of halls at once.
func (h *hall) grow(c *canvas, r *rand.Rand, by float64) {
	level, rest := 1-by, by
	step := max(5/h.kW, by/float64(2+r.IntN(40)))
	for i := range c.buf {
		if rest > 0 && chance(r, by/step/float64(c.cal.n)) {
			d := min(rest, step*uniform(r, .5, 1.5))
			level, rest = level+d, rest-d
		}
		c.buf[i] *= level
	}
}

// cool multiplies what buf holds by what its cooling takes.
func (c *canvas) cool(k cooled, r *rand.Rand) {
	room := newAR(r, .006, 4, c.cal.dt)
	for i := range c.buf {
		c.buf[i] *= k.at(.7*c.temp[i]+.3*c.slow[i]) * (1 + room.next(r))
	}
}

// standby has the generator tested: monthly or quarterly in office hours the grid is left
// for half an hour to an hour and a half, by one of two feeds or by all; batteries are
// charged after it. Some sites test where the meter does not see it. Grid failures are taken
// over too, and the return waits until the grid has been steady.
func (h *hall) standby(c *canvas, r *rand.Rand) {
	every, left := 1, 0.0
	if chance(r, .35) {
		every = 3
	}
	if chance(r, .35) {
		left = uniform(r, .4, .6) // one of two feeds
	}
	seen, day := chance(r, .8), 1+r.IntN(24)
	for _, d := range c.cal.days {
		if test := d.date; seen && int(test.Month())%every == 0 && test.Day() == day {
			for wait := 0; wait < 3 && (test.Weekday() == time.Saturday || test.Weekday() == time.Sunday); wait++ {
				test = test.AddDate(0, 0, 1)
			}
			at := d.midnight + test.Sub(d.date).Hours() + 9 + float64(r.IntN(28))/4 + .02*r.NormFloat64()
			h.leave(c, at, at+uniform(r, .5, 1.5), left)
			h.charge(c, r, at)
		}
	}
	for t := r.ExpFloat64() * 365 * 24; t < c.cal.hours(); t += r.ExpFloat64() * 365 * 24 {
		h.leave(c, t, t+uniform(r, .3, 3), 0)
	}
}

// leave keeps only a share of what buf holds from t0 to t1.
func (h *hall) leave(c *canvas, t0, t1, share float64) {
	lo, hi := c.limits(span{t0, t1})
	for i := lo; i < hi; i++ {
		c.buf[i] *= 1 - (1-share)*span{t0, t1}.covers(i, c.cal.dt)
	}
}

// charge adds the batteries' tail after a test at hour t.
func (h *hall) charge(c *canvas, r *rand.Rand, t float64) {
	top, tau := uniform(r, .02, .08), uniform(r, 1, 4)
	for i := c.cal.index(t + 1.5); i < min(c.cal.n, c.cal.index(t+14)); i++ {
		c.buf[i] *= 1 + top*math.Exp(-(float64(i)*c.cal.dt-t-1.5)/tau)
	}
}

// finish puts buf into the demand.
func (c *canvas) finish(r *rand.Rand) {
	c.commit(leading(uniform(r, .95, .99)), 0, c.cal.n)
	clear(c.buf)
}

// cloud follows its users by day and week and grows.
func (h *hall) cloud(c *canvas, r *rand.Rand) {
	h.work(c, r, uniform(r, .03, .15), uniform(r, 0, .05), uniform(r, .004, .012), uniform(r, .001, .006))
	h.grow(c, r, uniform(r, 0, .5))
	c.cool(chilled(r), r)
	h.standby(c, r)
	c.finish(r)
}

// colocation is many tenants: hardly any day, little growth.
func (h *hall) colocation(c *canvas, r *rand.Rand) {
	h.work(c, r, uniform(r, .005, .04), uniform(r, 0, .015), uniform(r, .002, .008), uniform(r, .0007, .003))
	h.grow(c, r, uniform(r, 0, .15))
	c.cool(chilled(r), r)
	h.standby(c, r)
	c.finish(r)
}

// training runs jobs of days on all machines at once; between them, at failures and while
// state is saved the machines fall to a third or a half.
func (h *hall) training(c *canvas, r *rand.Rand) {
	h.work(c, r, uniform(r, 0, .01), 0, uniform(r, .003, .012), uniform(r, .003, .02))
	idle, fail := uniform(r, .3, .55), uniform(r, .3, 2) // failures a day
	for t := -r.Float64() * 96; t < c.cal.hours(); {
		t += (1 + r.ExpFloat64()*5) * 24
		pause := uniform(r, .5, 30)
		h.leave(c, t, t+pause, idle*uniform(r, .9, 1.1))
		t += pause
	}
	for t := r.ExpFloat64() * 24 / fail; t < c.cal.hours(); t += r.ExpFloat64() * 24 / fail {
		h.leave(c, t, t+uniform(r, .1, 1.2), idle)
	}
	c.cool(chilled(r), r)
	h.standby(c, r)
	c.finish(r)
}

// batch is a computing centre with a full queue: flat, water cooled, and shut for
// maintenance for a day every month or quarter.
func (h *hall) batch(c *canvas, r *rand.Rand) {
	h.work(c, r, uniform(r, 0, .01), uniform(r, 0, .01), uniform(r, .004, .02), uniform(r, .001, .006))
	jobs := newAR(r, uniform(r, .01, .05), uniform(r, 5, 40), c.cal.dt)
	for i := range c.buf {
		c.buf[i] *= 1 - math.Abs(jobs.next(r))
	}
	every := 30 + 60*float64(r.IntN(2))
	for t := r.Float64() * every * 24; t < c.cal.hours(); t += every * 24 {
		at := c.cal.days[c.cal.slots[min(c.cal.index(t), c.cal.n-1)].day].midnight + uniform(r, 7, 9)
		h.leave(c, at, at+uniform(r, 6, 14), uniform(r, .1, .3))
	}
	c.cool(cooled{uniform(r, .05, .15), uniform(r, 8, 20), uniform(r, .001, .006)}, r)
	h.standby(c, r)
	c.finish(r)
}

// exchange is a telecom hall: traffic of 3 to 10 %, air conditioning, batteries tested.
func (h *hall) exchange(c *canvas, r *rand.Rand) {
	rectifier(r, h.kW)(c, r)
	c.cool(cooled{uniform(r, .15, .4), uniform(r, 10, 18), uniform(r, .006, .014)}, r)
	h.standby(c, r)
	c.finish(r)
}

// mine is a farm. Its kind decides how it is cooled and when it stands still.
func (h *hall) mine(c *canvas, r *rand.Rand) {
	m := h.machines(r)
	switch h.kind.name {
	case "curtailing farm":
		h.curtail(c, r, m)
	case "immersion farm":
		m.beta, m.fans = m.beta*.1, uniform(r, .01, .03)
	case "wet-season farm":
		h.dry(c, r, m)
	}
	h.dig(c, r, m)
}

// mixed is a farm behind an honest hall of a seventh to a half of its size.
func (h *hall) mixed(c *canvas, r *rand.Rand) {
	whole := h.kW
	h.kW = whole * uniform(r, .15, .5)
	h.work(c, r, uniform(r, .02, .1), uniform(r, 0, .04), .006, .003)
	c.cool(chilled(r), r)
	c.finish(r)
	h.kW = whole - h.kW
	h.dig(c, r, h.machines(r))
	h.kW = whole
}

// machines equips a farm of h.kW.
func (h *hall) machines(r *rand.Rand) *miner {
	cfg := DefaultConfig().Miners
	cfg.DayZeroShare, cfg.StagedShare, cfg.ModeShare, cfg.VanishShare, cfg.ImmersedShare, cfg.BypassShare = 1, 0, .3, 0, 0, 0
	cfg.Schedules = ScheduleShares{AlwaysOn: 1}
	m := newMiner(r, &cfg, 1, h.cal.hours())
	m.machines = nil
	m.equip(r, max(4, int(h.kW/3.2)))
	total := 0.0
	for _, u := range m.machines {
		total += u.kW
	}
	for i := range m.machines {
		m.machines[i].kW *= h.kW / total
	}
	if h.first > 0 { // energised container by container within days
		m.onset = h.first
		for i := range m.machines {
			m.machines[i].start = float64(i*8/len(m.machines)) * uniform(r, 4, 40)
		}
	}
	return m
}

// curtail has the farm stand still at dear hours: every evening, or when the price or the
// dispatcher says so.
func (h *hall) curtail(c *canvas, r *rand.Rand, m *miner) {
	if chance(r, .5) {
		from, long := []float64{16, 17, 18}[r.IntN(3)], uniform(r, 2, 5)
		for _, d := range c.cal.days {
			if !d.rest || chance(r, .5) {
				m.pauses = append(m.pauses, span{d.midnight + from, d.midnight + from + long})
			}
		}
		return
	}
	for t := r.ExpFloat64() * 120; t < c.cal.hours(); t += r.ExpFloat64() * 120 {
		at := c.cal.days[c.cal.slots[c.cal.index(t)].day].midnight + uniform(r, 14, 20)
		m.pauses = append(m.pauses, span{at, at + uniform(r, 1, 6)})
	}
}

// dry has the farm stand still while water is low and power dear: November to April.
func (h *hall) dry(c *canvas, r *rand.Rand, m *miner) {
	from, to := uniform(r, 100, 140), uniform(r, 290, 330)
	for _, d := range c.cal.days {
		if y := float64(d.yearDay); y < from || y > to {
			m.pauses = append(m.pauses, span{d.midnight, d.midnight + 24})
		}
	}
}

// dig draws a farm. What no longer pays is switched off for good: the older machines after
// a halving, more when the revenue of a machine stays low.
func (h *hall) dig(c *canvas, r *rand.Rand, m *miner) {
	old := uniform(r, 0, .5) // share of machines that the halving makes unprofitable
	if chance(r, .4) {
		old = 0
	}
	b := m.draw(c, r, nil)
	halved := h.cal.hours() + 1
	if at, ok := h.halving(); ok {
		halved = at.Sub(h.cal.start).Hours() + uniform(r, 0, 20*24)
	}
	for i := range b.kW {
		if float64(i)*c.cal.dt > halved {
			b.kW[i] *= 1 - old
		}
		c.p[i] += b.kW[i]
		c.q[i] += b.kvar[i]
	}
}
