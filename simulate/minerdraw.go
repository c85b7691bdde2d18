package simulate

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/flatwatt/flatwatt"
)

// A block is what draw made: its demand and the share of each interval in which it ran.
type block struct {
	kW   []float64
	kvar []float64
	mask []float64
}

// mean is the block's mean power while it runs, over the intervals it runs through whole.
func (b *block) mean() float64 {
	sum, n := 0.0, 0
	for i, m := range b.mask {
		if m > .999 && b.kW[i] > 0 {
			sum += b.kW[i]
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// draw makes the block's demand on c's grid: machines, their failures and reboots, the
// hours, outages with a staircase restart, warmth, power modes, noise and fans.
// Power cuts are outages like its own. c's buf must be clear and is left so.
func (m *miner) draw(c *canvas, r *rand.Rand, cuts []span) *block {
	n := c.cal.n
	b := &block{kW: make([]float64, n), kvar: make([]float64, n), mask: make([]float64, n)}
	for _, u := range m.machines {
		m.runMachine(c, r, u)
	}
	copy(b.kW, c.buf)
	clear(c.buf)
	runs := m.runs(c, r, cuts)
	for _, s := range runs {
		c.pulse(s.from, s.to, 1)
	}
	for i, x := range c.buf {
		b.mask[i] = clamp(x, 0, 1)
	}
	clear(c.buf)
	m.restarts(c, r, runs)
	m.compose(c, r, b)
	clear(c.buf)
	return b
}

// runMachine adds one machine from its start on, less its reboots (0.15–0.4 a day,
// 5–15 minutes) and its failures (0.3–1 % a week, for 1–20 days).
func (m *miner) runMachine(c *canvas, r *rand.Rand, u machine) {
	from, to := 0.0, c.cal.hours() // the runs cut it to the life of the block
	if u.start > 0 {
		from = max(m.onset, 0) + u.start
	}
	c.pulse(from, to, u.kW)
	down := func(meanGap float64, long func() float64) {
		for t := from + r.ExpFloat64()*meanGap; t < to; t += r.ExpFloat64() * meanGap {
			end := min(t+long(), to)
			c.pulse(t, end, -u.kW)
			t = end
		}
	}
	down(24/uniform(r, .15, .4), func() float64 { return uniform(r, 5, 15) / 60 })
	down(168/uniform(r, .003, .01), func() float64 { return uniform(r, 1, 20) * 24 })
}

// runs are the spans in which the site has power and wants to mine.
func (m *miner) runs(c *canvas, r *rand.Rand, cuts []span) []span {
	from, to := max(m.onset, 0), min(m.end, c.cal.hours())
	var want []span
	if m.schedule == flatwatt.AlwaysOn || m.schedule == flatwatt.NoneKnown {
		want = []span{{from, to}}
	} else {
		want = m.daily(c, r, from, to)
	}
	gaps := slices.Concat(m.pauses, cuts)
	perMonth := uniform(r, .5, 4)
	for t := from + r.ExpFloat64()*720/perMonth; t < to; t += r.ExpFloat64() * 720 / perMonth {
		gaps = append(gaps, span{t, t + math.Exp(uniform(r, math.Log(5./60), math.Log(6)))})
	}
	for _, g := range gaps {
		want = cut(want, g)
	}
	return want
}

// daily lays the schedule's hours over the days.
func (m *miner) daily(c *canvas, r *rand.Rand, from, to float64) (want []span) {
	first := c.cal.days[0]
	for k := -1; k < len(c.cal.days); k++ {
		d := first
		if k >= 0 {
			d = c.cal.days[k]
		} else {
			d.midnight -= 24
		}
		on, off := d.midnight+m.on+m.hand*r.NormFloat64(), d.midnight+m.off+m.hand*r.NormFloat64()
		if m.weekends && d.rest && m.schedule != flatwatt.Daytime {
			off = max(off, on+24)
		}
		s := span{max(on, from), min(off, to)}
		if n := len(want); n > 0 && s.from <= want[n-1].to { // runs into one another
			want[n-1].to = max(want[n-1].to, s.to)
		} else if s.from < s.to {
			want = append(want, s)
		}
	}
	return want
}

// cut takes g out of the spans.
func cut(spans []span, g span) (left []span) {
	for _, s := range spans {
		if g.to <= s.from || g.from >= s.to {
			left = append(left, s)
			continue
		}
		if s.from < g.from {
			left = append(left, span{s.from, g.from})
		}
		if g.to < s.to {
			left = append(left, span{g.to, s.to})
		}
	}
	return left
}

// restarts leaves in buf the share of power still missing after each start: a staircase
// over 5–20 minutes, and for self-tuning firmware a search of 10 minutes to 6 hours at 60–100 %.
func (m *miner) restarts(c *canvas, r *rand.Rand, runs []span) {
	for _, s := range runs {
		if s.from <= 0 {
			continue // was running before the data
		}
		ramp := uniform(r, 5, 20) / 60
		for k := range 4 {
			a := s.from + ramp*float64(k)/4
			c.pulse(a, min(a+ramp/4, s.to), 1-(float64(k)+.5)/4)
		}
		if m.autotune && chance(r, .5) {
			end := s.from + ramp + math.Exp(uniform(r, math.Log(1./6), math.Log(6)))
			c.pulse(s.from+ramp, min(end, s.to), uniform(r, 0, .25))
		}
	}
}

// compose multiplies everything that scales the block and adds the fans.
func (m *miner) compose(c *canvas, r *rand.Rand, b *block) {
	k := math.Sqrt(float64(len(m.machines)))
	own, shared := uniform(r, .002, .006)/k, uniform(r, .0005, .0015)
	drift := newAR(r, .003, 48, c.cal.dt)
	mode := m.modeSteps(c, r)
	tan, idle := tanOf(m.pf), .025*float64(len(m.machines))
	if m.lead {
		tan = -tan
	}
	fan := motor(.8, .2)
	life := span{m.onset, m.end}
	for i := range b.kW {
		full := b.kW[i] * math.Ceil(life.covers(i, c.cal.dt))
		if full <= 0 || b.mask[i] <= 0 {
			b.kW[i] = 0
			if full > 0 && m.idles {
				b.kW[i], b.kvar[i] = idle, -idle*tanOf(.45) // asleep behind its filter capacitors
			}
			continue
		}
		share := max(0, b.mask[i]-c.buf[i]) // part of the interval at power
		warm := 1 + m.beta*(c.temp[i]-20)
		asic := full * share * warm * throttle(c.temp[i]) * mode[i] * (1 + drift.next(r) + (own+shared)*r.NormFloat64())
		air := full * b.mask[i] * m.fans * (1 + .005*max(0, c.temp[i]-25))
		load := tan
		if share < .3*b.mask[i] {
			load = -tanOf(.92) // lightly loaded supplies lead
		}
		b.kW[i] = asic + air
		b.kvar[i] = asic*load + air*fan.tan
	}
}

// throttle is what firmware does in the heat: 10 % less above 40 °C outdoors, nothing above 47 °C.
func throttle(tempC float64) float64 {
	switch {
	case tempC > 47:
		return 0
	case tempC > 40:
		return .9
	}
	return 1
}

// powerModes are the multiples of stock power that operators choose.
var powerModes = []float64{.55, .7, .85, 1, 1.15}

// modeSteps is the power mode over time: 1 throughout unless the operator switches, then about
// every other week, all machines at once.
func (m *miner) modeSteps(c *canvas, r *rand.Rand) []float64 {
	steps := make([]float64, c.cal.n)
	mode, left := 1.0, 14*24*r.ExpFloat64()
	for i := range steps {
		if left -= c.cal.dt; m.modes && left < 0 {
			mode, left = powerModes[r.IntN(len(powerModes))], 14*24*r.ExpFloat64()
		}
		steps[i] = mode * m.firmwareAt(float64(i)*c.cal.dt)
	}
	return steps
}
