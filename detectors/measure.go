package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// A judgement is one meter at the close of one day, with what several terms need.
type judgement struct {
	meter      *flatwatt.Meter
	c          *customer
	part       *part
	tariff     *flatwatt.Tariff // nil: not known
	switching  switching
	day        *day
	widths     Widths
	today      flatwatt.Day
	now        float64    // log-odds of today alone
	multiplied bool       // everything that the meter says has grown by one factor
	step       step       // that the history shows
	rest       rest       // and its rise of the lowest days
	fit        models.Fit // of the episode's profile
	block      float64    // kW; 0 where there is no episode
	se         float64
	hours      float64    // of the block's schedule a day
	usualFit   models.Fit // of the usual profile
	usualOK    bool
}

// prepare fits the block's profile.
func (j *judgement) prepare() {
	j.usualFit, j.usualOK = j.usual()
	e := &j.c.ep
	if e.phase == quiet || e.days == 0 {
		return
	}
	s := j.c.shift()
	fit, ok := models.FitShift(&s)
	if !ok {
		return
	}
	j.fit = fit
	j.hours = float64(fit.Window.Length)
	j.block, j.se = fit.BlockKW, fit.SE
	if lead := float64(e.block[e.lead].Mu); fit.Window.Length == models.Hours && e.days >= 2 && lead > 0 {
		// The daily floor and the hourly profile see the same block; the nearer of them
		// to the present wins where they agree.
		if math.Abs(lead-j.block) < 0.15*j.block {
			j.block = (lead + j.block) / 2
		}
	}
}

func (j *judgement) hasBlock() bool { return j.block > 0 }

// has returns v where there is a block, else NaN.
func (j *judgement) has(v float64) float64 {
	if !j.hasBlock() {
		return math.NaN()
	}
	return v
}

func measureSize(j *judgement) float64     { return j.has(math.Log(j.block)) }
func measureShape(j *judgement) float64    { return j.has(j.fit.LogBayes) }
func measureAge(j *judgement) float64      { return j.has(math.Log(float64(j.c.ep.days))) }
func measureComb(j *judgement) float64     { return j.has(models.CombLogBayes(j.block, j.se)) }
func measureSchedule(j *judgement) float64 { return j.has(j.hours) }

// measureClarity is the logarithm of how many usual spreads the block stands above the
// usual floor on the mask where it is largest.
func measureClarity(j *judgement) float64 {
	m := j.c.ep.lead
	return j.has(math.Log(max(0.1, float64(j.c.ep.block[m].Mu)/j.part.sigma[m])))
}

func measureFlatness(j *judgement) float64 {
	return j.has(math.Log(max(j.fit.Residual, 0.005)))
}

func measureOutside(j *judgement) float64 {
	if j.fit.Window.Length == models.Hours {
		return math.NaN()
	}
	return j.has(j.fit.Outside)
}

// measureMeanRatio compares the change of the mean with what the block alone would
// make: 1 where nothing else changed.
func measureMeanRatio(j *judgement) float64 {
	return j.has(j.c.ep.mean.Value() / (j.block * j.hours / models.Hours))
}

func measureTopRatio(j *judgement) float64 {
	if j.hours < 16 {
		return math.NaN()
	}
	return j.has(j.c.ep.top.Value() / j.block)
}

// measureNoise is the logarithm of the block's own quarter-hour noise over its power.
// Where the meter was noisy before, a small block's noise cannot be seen: the bound is
// a third of the earlier noise.
func measureNoise(j *judgement) float64 {
	pre, post := j.c.noise.Value(), j.c.ep.noise.Value()
	extra := max(0, post*post-pre*pre)
	return j.has(math.Log(math.Sqrt(extra+pre*pre/9)/j.block + 1e-3))
}

func measureDaySpread(j *judgement) float64 {
	e := &j.c.ep
	if e.days < 3 {
		return math.NaN()
	}
	s := float64(e.block[e.lead].Sigma)
	return j.has(math.Log(s/j.block + 5e-3))
}

// measureThermal is the block's temperature slope in % per °C, shrunk towards 0 by its
// standard error against a prior spread of 2 % per °C.
func measureThermal(j *judgement) float64 {
	slope, se, ok := j.c.ep.line.Slope()
	if !ok {
		return math.NaN()
	}
	slope, se = slope*10/j.block, se*10/j.block // kW per 10 °C to % per °C
	return j.has(slope * 4 / (4 + se*se))
}

// measurePowerFactor is ΔP/√(ΔP² + ΔQ²) of the floor before and after.
func measurePowerFactor(j *judgement) float64 {
	e := &j.c.ep
	dp, dq := e.active.Value(), e.react.Value()
	if !(dp > 0.3*j.block) || dq != dq {
		return math.NaN()
	}
	return j.has(dp / math.Hypot(dp, dq))
}

// measureVoltage is the exponent of the block's power on voltage: the floor's exponent
// after, less what the earlier load contributes.
func measureVoltage(j *judgement) float64 {
	c := j.c
	if c.ep.vXX < 1e-4 || c.vXX < 1e-5 {
		return math.NaN()
	}
	before := max(0, float64(c.mean.Mu))
	pre, post := float64(c.vXY/c.vXX), float64(c.ep.vXY/c.ep.vXX)
	return j.has(min(max((post*(before+j.block)-pre*before)/j.block, -2), 4))
}

func measureUptime(j *judgement) float64 {
	e := &j.c.ep
	return j.has(float64(e.misses) / float64(e.misses+e.days))
}

func measureDips(j *judgement) float64 {
	return j.has(j.c.ep.dips.Value() - j.c.dips.Value())
}

func measureEdge(j *judgement) float64 {
	return j.has(float64(j.c.ep.edgeKW) / j.block)
}

// measureNovelty is the share of the block that lies above the highest floor believed
// before it: a return from a holiday has none.
func measureNovelty(j *judgement) float64 {
	c := j.c
	level := float64(c.base.Mu)
	return j.has(min(1, max(-1, (level+j.block-float64(c.peak))/j.block)))
}

func measurePeers(j *judgement) float64 {
	m := j.c.ep.lead
	return j.has(j.part.kappa[m] * j.part.sigma[m] / j.block)
}

func measureGrowth(j *judgement) float64 {
	return j.has(math.Log(j.block / max(0.05, float64(j.c.base.Mu))))
}

func measureWeekend(j *judgement) float64 {
	a, b := j.c.ep.sides[0], j.c.ep.sides[1]
	if a.N < 2 || b.N < 1 {
		return math.NaN()
	}
	return j.has(math.Abs(a.Value()-b.Value()) / j.block)
}

// measureDayWave is the block's swing with the warmth of the day: the cosine of its
// hourly profile with its top at 15:00, in % of the block. Machines and their fans draw
// a little more when it is warm, compressors far more, motors nothing.
func measureDayWave(j *judgement) float64 { return j.wave(15) }

// measureEveningWave is the same with its top at 21:00: telephone and data traffic peak
// in the evening, machines do not know the hour.
func measureEveningWave(j *judgement) float64 { return j.wave(21) }

// wave is the amplitude of the block's daily wave with its top at hour top, in % of the
// block, shrunk towards 0 by its standard error against a prior spread of 5 %.
func (j *judgement) wave(top int) float64 {
	e := &j.c.ep
	if !j.hasBlock() || j.fit.Window.Length < 21 || e.days < 3 {
		return math.NaN()
	}
	var sum, norm, v float64
	for h, d := range e.delta {
		w := math.Cos(2 * math.Pi * float64(h-top) / models.Hours)
		sd := models.MeanAbsToSigma * float64(e.spread[h])
		sum += w * float64(d)
		norm += w * w
		v += w * w * sd * sd / float64(max(1, min(e.hourN[h], 15)))
	}
	a, se := 100*sum/norm/j.block, 100*math.Sqrt(v)/norm/j.block
	return a * 25 / (25 + se*se)
}

// measureHistory is the logarithm of one plus the lasting rises that this meter has had
// before: some places change all the time.
func measureHistory(j *judgement) float64 {
	n := float64(j.c.opened)
	if j.c.ep.phase == open {
		n--
	}
	return j.has(math.Log1p(max(0, n)))
}

// measureSpreadRatio compares the day-to-day spread of the floor since the rise with
// that before: a constant block leaves it as it was.
func measureSpreadRatio(j *judgement) float64 {
	e := &j.c.ep
	if e.days < 4 {
		return math.NaN()
	}
	return j.has(math.Log(float64(e.block[e.lead].Sigma) / j.part.sigma[e.lead]))
}

// measureHourRatio is the same for the hourly floors.
func measureHourRatio(j *judgement) float64 {
	var pre, post float64
	for h := range models.Hours {
		_, s := j.c.baseline(j.part.weekend, h)
		pre += s
		post += float64(j.c.ep.spread[h])
	}
	if j.c.ep.days < 4 || pre <= 0 {
		return math.NaN()
	}
	return j.has(math.Log((post + 0.01) / (pre + 0.01)))
}

// measureDeviationRatio is how much the spread of a day's intervals grew, as a share of
// the block: nothing, where a constant block was added.
func measureDeviationRatio(j *judgement) float64 {
	if j.fit.Window.Length < 21 {
		return math.NaN()
	}
	return j.has((j.c.ep.sd.Value() - j.c.sd.Value()) / j.block)
}

// measureHoursUp is the share of the schedule's hours in which the block ran, on the days
// on which it did: 1 for machines.
func measureHoursUp(j *judgement) float64 {
	return j.has(min(2, j.c.ep.up.Value()*models.Hours/max(j.hours, 1)))
}

// measureHourSpread is the logarithm of how much the block's hours vary from day to day.
func measureHourSpread(j *judgement) float64 {
	e := &j.c.ep
	if e.days < 3 {
		return math.NaN()
	}
	sum, n := 0.0, 0.0
	for h, s := range e.spread {
		if j.fit.Window.Contains(h) && e.hourN[h] > 1 {
			sum, n = sum+float64(s), n+1
		}
	}
	return j.has(math.Log(sum/n/j.block + 3e-3))
}

// measureBlockLevel is the logarithm of the block over the usual mean demand of peers.
func measureBlockLevel(j *judgement) float64 { return j.has(math.Log(j.block) - j.part.peerMean) }
