package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// Memories, in days.
var (
	baselineDecay = models.Decay(14) // what is normal
	recentDecay   = models.Decay(7)  // published features
	staticDecay   = models.Decay(10) // the present floor, for blocks older than the data
	thermalDecay  = models.Decay(60)
	peakDecay     = models.Decay(180) // how long an old height is remembered
)

const (
	minBaselineDays = 6    // before that a meter is judged by its static evidence only
	sigmaMinKW      = 0.03 // a home's floor wobbles by this much even when nobody is in
	sigmaMinShare   = 0.02 // and any floor by this share of itself
)

// A customer is everything remembered of one customer meter. It holds no pointers and
// no padding that varies, so that equal histories give equal bytes.
type customer struct {
	first, last flatwatt.Day             // with valid readings; last 0 = none yet
	prev        flatwatt.Day             // the day with readings before last
	learned     float32                  // days taken into the baseline
	peak        float32                  // kW, highest level of the floor believed so far
	level       [numMasks]models.Level   // of the masked excess over the usual profile, kW
	base        models.Level             // absolute daily floor, kW
	loc, scale  [2][models.Hours]float32 // usual hourly floor and its spread, weekdays and weekends
	locN        [2]float32
	thermal     models.Thermal
	noise       models.Mean // kW, before the block
	sd          models.Mean // kW, of the intervals of a day
	mean, top   models.Level
	react       models.Mean // kvar at the floor, before the block
	active      models.Mean // kW of the same intervals
	dips        models.Mean
	unit        models.Mean // log Bayes factor that dips are whole machines
	vXX, vXY    float32
	quantum     float32 // smallest difference between two of its readings ever seen, kW
	opened      uint16  // lasting rises seen so far
	_           [2]uint8
	lowDays     uint16 // in a row far below the baseline
	stuckDays   uint16
	firstAlarm  flatwatt.Day // 0 = never
	cleared     float32      // kW, the floor when an operator last said that what runs is honest; 0 = never
	cusum       cusum
	yesterday   edge
	ep          episode
	memory      memory
	hist        history
	unrest      unrest
	floor       models.Level // log of the floor, everything learned: static evidence
	feat        recent
}

// A part is a day's comparison with the baseline, between the two halves of a close.
type part struct {
	ready      bool
	weekend    int
	correction float64           // kW that the temperature explains
	raw        [numMasks]float64 // masked excess over the usual profile, kW
	dev        [numMasks]float64 // the same less its usual value, kW
	sigma      [numMasks]float64
	kappa      [numMasks]float64 // common mode, in sigmas
	peerFloor  float64           // log kW
	peerScale  float64
	peerMean   float64 // log kW, usual mean demand
}

// excess is the meter's own deviation on mask m in kW, common mode removed.
func (p *part) excess(m mask) float64 { return p.dev[m] - p.kappa[m]*p.sigma[m] }

// deviate compares d with the baseline. On each mask the day's statistic is a low
// quantile of the hours' excess over what is usual for that hour and kind of day: a
// block that always runs lifts all of it, use that comes and goes lifts none.
func (c *customer) deviate(d *day, date flatwatt.Day) part {
	p := part{weekend: weekend(date)}
	p.ready = c.learned >= minBaselineDays && c.locN[p.weekend] >= 2
	p.correction = c.thermal.Correction(d.tempC)
	var excess [models.Hours]float64
	for h, z := range d.z {
		loc, _ := c.baseline(p.weekend, h)
		excess[h] = z - p.correction - loc
	}
	for m := range numMasks {
		p.sigma[m] = max(float64(c.level[m].Sigma), c.sigmaMin(float64(c.base.Mu)))
		p.raw[m] = maskFloor(&excess, m)
		p.dev[m] = p.raw[m] - float64(c.level[m].Mu)
	}
	return p
}

// sigmaMin is the least spread that is believed of a floor of mu kW.
func (c *customer) sigmaMin(mu float64) float64 {
	return max(sigmaMinKW, sigmaMinShare*math.Abs(mu), float64(c.quantum)/3.46) // Δ/√12
}

// weekend is 1 on Saturdays and Sundays; 1970-01-01 was a Thursday.
func weekend(d flatwatt.Day) int {
	if (d+3)%7 >= 5 {
		return 1
	}
	return 0
}

// learn takes a day into the baseline. It is not called while the meter is suspicious.
func (c *customer) learn(d *day, p *part) {
	c.learned = min(c.learned+1, models.MaxLevelSamples)
	for m := range numMasks {
		if c.locN[p.weekend] >= 2 { // before that the profile itself is not known
			c.level[m].Add(p.raw[m], baselineDecay, c.sigmaMin(d.floor[maskAll]))
		}
	}
	c.base.Add(d.floor[maskAll], baselineDecay, c.sigmaMin(d.floor[maskAll]))
	g := p.weekend
	c.locN[g] = min(c.locN[g]+1, 60)
	gain := float32(max(1/float64(c.locN[g]), 1-models.Decay(10)))
	for h, z := range d.z {
		if z != z {
			continue
		}
		x := float32(z - p.correction)
		if c.locN[g] == 1 {
			c.loc[g][h] = x
			continue
		}
		e := x - c.loc[g][h]
		if s := 4*c.scale[g][h] + 0.05; c.locN[g] > 3 {
			e = min(max(e, -s), s)
		}
		c.loc[g][h] += gain * e
		c.scale[g][h] += gain * (float32(math.Abs(float64(e))) - c.scale[g][h])
	}
	c.thermal.Add(d.floor[maskAll], d.tempC, thermalDecay)
	c.noise.Add(d.noise, baselineDecay)
	c.sd.Add(d.sd, baselineDecay)
	c.dips.Add(d.dips, baselineDecay)
	c.unit.Add(d.unit, baselineDecay)
	c.mean.Add(d.mean, baselineDecay, 0.01)
	c.top.Add(d.q95, baselineDecay, 0.01)
	c.react.Add(d.qFloor, baselineDecay)
	c.active.Add(d.pFloor, baselineDecay)
	c.vXX = c.vXX*float32(baselineDecay) + float32(d.vXX)
	c.vXY = c.vXY*float32(baselineDecay) + float32(d.vXY)
	if lvl := c.base.Mu; c.learned >= minBaselineDays {
		c.peak = max(lvl, lvl+(c.peak-lvl)*float32(peakDecay))
	}
}

// baseline is the usual floor of hour h on such a day and its spread. While one kind
// of day is young the other stands in, with more doubt.
func (c *customer) baseline(g, h int) (loc, scale float64) {
	if c.locN[g] < 2 {
		g = 1 - g
	}
	return float64(c.loc[g][h]), float64(c.scale[g][h])
}
