package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// An edge is a day's largest lasting upward step.
type edge struct {
	day    flatwatt.Day
	before flatwatt.Day // last day with readings before it
	at     int32        // slot after the step
	kw     float32
}

// phase is what an episode has come to.
type phase uint8

const (
	quiet     phase = iota // no episode
	tentative              // a rise that may yet be chance
	open                   // a rise that is there to stay
)

// An episode is the time since a floor rose: what the added block looks like. Its
// statistics are differences from the baseline, which is not learned meanwhile.
type episode struct {
	start   flatwatt.Day
	onset   edge // the step that began it; at < 0 unknown
	block   [numMasks]models.Level
	whole   models.Mean           // of the change on the leading mask, over all days alike
	delta   [models.Hours]float32 // mean change of the hourly floor
	spread  [models.Hours]float32 // mean absolute deviation of it
	hourN   [models.Hours]uint8
	noise   models.Mean
	sd      models.Mean
	mean    models.Mean // change of the daily mean
	top     models.Mean // change of the daily 95 % quantile
	react   models.Mean
	active  models.Mean
	dips    models.Mean
	unit    models.Mean    // log Bayes factor that dips are whole machines
	shed    models.Mean    // share of the block that was gone during calls
	up      models.Mean    // share of hours in which the block ran
	line    models.Line    // excess in kW on temperature − 15 °C, /10
	sides   [2]models.Mean // excess on weekdays and weekends
	vXX     float32
	vXY     float32
	edgeKW  float32 // size of the step at the onset
	energy  float32 // kWh of the stages before this one
	told    told
	days    uint16 // accumulated
	misses  uint16 // days on which the block did not run
	missed  uint16 // of them, in a row until now
	stages  uint8  // steps of a staged ramp
	phase   phase
	lead    uint8 // mask on which the block is largest
	shifted int8  // days in a row that the block was larger, or smaller (negative)
	_       [2]uint8
}

// told is the block as last estimated while it ran.
type told struct {
	block, se     float32
	window, hours uint8
	_             [2]uint8
}

const (
	openAt        = 2.0 // R at which a rise is taken for lasting and the baseline is frozen
	rampDays      = 21  // steps within this time of one another are stages of one installation
	stageMinKW    = 0.6 // a rise smaller than this, or than this share of the next one,
	stageMinShare = 0.1 // was something else, not a stage
	restartFactor = 2.2 // a jump this far above the block begins a new stage
	endAfterDays  = 3   // days without the block after which it has ended
	patienceDays  = 45  // after which a change that does not look like a miner is accepted
	patienceOdds  = -4.0
	plainOdds     = -6.0 // … and which is accepted after a third of them; the trees ask no further below it
)

var blockDecay = models.Decay(10)

// track moves the episode on by one day.
func (c *customer) track(d *day, p *part, today flatwatt.Day) {
	strongest := c.cusum.step(p)
	e := &c.ep
	switch {
	case e.phase == quiet:
		if strongest > 0 {
			c.begin(d, p, today)
		}
	default:
		if m, jumped := c.jumped(p); jumped {
			c.restage(d, p, m, today)
		}
	}
	if e.phase == quiet {
		return
	}
	if strongest <= 0 && (e.phase == tentative || e.missed == 0) {
		*e = episode{}
		return
	}
	if strongest > openAt && e.phase == tentative {
		e.phase = open
		c.opened = min(c.opened+1, 1000)
	}
	c.accumulate(d, p, today)
	if e.missed >= endAfterDays {
		*e = episode{}
		c.cusum = cusum{}
	}
}

// begin starts an episode today; the step may have been late yesterday.
func (c *customer) begin(d *day, p *part, today flatwatt.Day) {
	c.ep = episode{start: today, phase: tentative, stages: 1}
	c.ep.setOnset(c, d, p, today)
}

// setOnset finds the step that began the block: today, or late yesterday where today
// began at the new level already.
func (e *episode) setOnset(c *customer, d *day, p *part, today flatwatt.Day) {
	size := 0.0
	for m := range numMasks {
		if x := p.excess(m); x > size {
			size = x
		}
	}
	e.onset = edge{day: today, before: c.prev, at: -1}
	switch y := c.yesterday; {
	case y.day == today-1 && float64(y.kw) > 0.5*size:
		e.onset = y
		e.edgeKW = y.kw
	case d.edgeAt >= 0 && d.edgeKW > 0.4*size:
		e.onset = edge{day: today, before: c.prev, at: int32(d.edgeAt), kw: float32(d.edgeKW)}
		e.edgeKW = float32(d.edgeKW)
	}
}

// jumped reports whether today's rise on some mask is far above the block so far, and on
// which: a block that begins at nine shows by day first.
func (c *customer) jumped(p *part) (mask, bool) {
	e := &c.ep
	if e.days == 0 {
		return 0, false
	}
	best, at := 0.0, mask(0)
	for m := range numMasks {
		b := max(0, float64(e.block[m].Mu), float64(e.block[e.lead].Mu))
		if over := p.excess(m) - restartFactor*b - 4*p.sigma[m]; over > best {
			best, at = over, m
		}
	}
	return at, best > 0
}

// restage begins a new stage at today's level. A strong rise of the last weeks was an
// earlier stage of the same installation and keeps its onset; a weak or old one was
// something else.
func (c *customer) restage(d *day, p *part, at mask, today flatwatt.Day) {
	old := c.ep
	c.begin(d, p, today)
	was, is := float64(old.block[old.lead].Mu), p.excess(at)
	if old.phase == open && today-old.start <= rampDays && was > 6*p.sigma[old.lead] && was > max(stageMinKW, stageMinShare*is) {
		c.ep.start, c.ep.onset, c.ep.edgeKW = old.start, old.onset, old.edgeKW
		c.ep.stages = old.stages + 1
		c.ep.energy = old.energy + old.told.block*float32(old.told.hours)*float32(old.days)
	}
	c.ep.phase = tentative
	if old.phase == open {
		c.ep.phase = open
	}
}

// accumulate takes one day into the episode's statistics, or counts it as missed.
func (c *customer) accumulate(d *day, p *part, today flatwatt.Day) {
	e := &c.ep
	m := mask(e.lead)
	if x := p.excess(m); e.days > 0 && x == x && x < 0.5*float64(e.block[m].Mu) {
		e.misses++
		e.missed++
		return
	}
	e.missed = 0
	e.days++
	c.relevel(p)
	for m := range numMasks {
		e.block[m].Add(p.excess(m), blockDecay, 0.01)
		if e.block[m].Mu > e.block[e.lead].Mu {
			e.lead = uint8(m)
		}
	}
	e.whole.Add(p.excess(mask(e.lead)), 1)
	c.compareHours(d, p)
	e.noise.Add(d.noise, blockDecay)
	e.sd.Add(d.sd, blockDecay)
	e.dips.Add(d.dips, blockDecay)
	e.unit.Add(d.unit, blockDecay)
	e.mean.Add(d.mean-float64(c.mean.Mu)-p.correction, blockDecay)
	e.top.Add(d.q95-float64(c.top.Mu)-p.correction, blockDecay)
	e.react.Add(d.qFloor-c.react.Value(), blockDecay)
	e.active.Add(d.pFloor-c.active.Value(), blockDecay)
	e.vXX += float32(d.vXX)
	e.vXY += float32(d.vXY)
	x := p.excess(mask(e.lead))
	e.sides[p.weekend].Add(x, blockDecay)
	e.line.Add((d.tempC-15)/10, x)
}

// compareHours takes the day's hourly changes into the profile of the block.
func (c *customer) compareHours(d *day, p *part) {
	e := &c.ep
	b := float64(e.block[e.lead].Mu)
	ran, known := 0.0, 0.0
	for h, z := range d.z {
		if z != z {
			continue
		}
		loc, _ := c.baseline(p.weekend, h)
		x := z - p.correction - p.kappa[maskAll]*p.sigma[maskAll] - loc
		known++
		if x > 0.5*b {
			ran++
		}
		e.hourN[h] = min(e.hourN[h]+1, 200)
		n := float64(e.hourN[h])
		gain := max(1/n, 1-blockDecay)
		dev := x - float64(e.delta[h])
		if n > 3 {
			limit := 3*float64(e.spread[h]) + 0.02*math.Abs(b) + 0.02
			dev = min(max(dev, -limit), limit)
		}
		e.delta[h] += float32(gain * dev)
		if n > 1 {
			e.spread[h] += float32(max(1/(n-1), 1-blockDecay) * (math.Abs(dev) - float64(e.spread[h])))
		}
	}
	if known > 0 {
		e.up.Add(ran/known, blockDecay)
	}
}

// shift is the profile of the change with its uncertainty, for models.FitShift.
func (c *customer) shift() (s models.Shift) {
	e := &c.ep
	b := max(0.1, float64(e.block[e.lead].Mu))
	for h := range models.Hours {
		n := float64(e.hourN[h])
		if n == 0 {
			s.Var[h] = math.Inf(1)
			continue
		}
		_, pre := c.baseline(0, h)
		if c.locN[1] > 1 {
			_, w := c.baseline(1, h)
			pre = (5*pre + 2*w) / 7
		}
		nPre := min(float64(c.locN[0]+c.locN[1]), 15)
		pre *= models.MeanAbsToSigma
		post := models.MeanAbsToSigma * float64(e.spread[h])
		if n < 4 { // too few days to know the spread: as before
			post = max(post, pre)
		}
		s.Delta[h] = float64(e.delta[h])
		floor := sigmaMinKW + 0.01*b
		s.Var[h] = 2*(pre*pre/max(nPre, 1)+post*post/min(n, 15)) + floor*floor
	}
	return s
}
