package detectors

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

const (
	lowSigmas    = -4.0 // a floor this far down is an absence, not a new normal …
	lowDaysMax   = 21   // … unless it lasts longer than this
	stuckDaysMin = 2
	evidenceMin  = 0.05  // contributions smaller than this are not worth words
	estimateFrom = 0.002 // probability from which a block is worth estimating
	evidenceMax  = 12    // terms told with a score
	recallMargin = 2.0   // log-odds by which an earlier finding must be more convincing to be told instead
)

// judge takes meter i's day into its memory c and appends its score.
func (f *Fleet) judge(dst []flatwatt.Score, c *customer, i int32, z *zone, d *day, p *part) []flatwatt.Score {
	if c.last == 0 {
		c.first = z.day
	}
	c.prev, c.last = c.last, z.day
	c.noteFault(d)
	if c.stuckDays == 0 {
		f.remember(c, d, p, z.day)
	}
	c.hist.push(z.day, d.record(p))
	c.unrest.add(z.day, d.floor[maskAll]-p.correction)
	f.meter = f.register.meter(i)
	f.judgement = judgement{meter: &f.meter, tariff: f.tariffs[f.meter.Tariff], c: c, part: p, day: d, widths: f.params.Widths.orDefault(), today: z.day, now: math.NaN()}
	j := &f.judgement
	j.prepare()
	if j.multiplied = j.rescaled(); j.multiplied {
		j.block = 0 // what multiplies everything is no block, and was none
		c.memory.disown(c.ep.start)
	} else {
		j.step, j.rest = f.scanner.scan(c, f.groups.temperatures(f.weather, j.meter.Region, f.register.kindOf[i], z), f.cheap[j.meter.Tariff])
		j.comeBack()
		j.look()
	}
	dst = append(dst, flatwatt.Score{
		Meter: j.meter.ID, Day: z.day, Start: time.Unix(z.start, 0).UTC(),
		Detector: "customer", Model: f.params.Version, Features: c.feat.features(),
	})
	s := &dst[len(dst)-1] // in place: a score is large
	f.weigh(s, j)

	if f.watch != nil {
		f.watch(s, j.meter.Class, f.measure[:numTerms], j.hasBlock(), int(c.ep.days))
	}
	if f.floors != nil {
		f.floors(s, &d.z)
	}
	f.absorbIfHonest(c, j.now)
	f.release(j)
	return dst
}

// remember takes a day into the memory: published features always, the baseline only
// while nothing is suspicious.
func (f *Fleet) remember(c *customer, d *day, p *part, today flatwatt.Day) {
	c.feat.add(d, p)
	if fl := d.floor[maskAll]; fl == fl {
		c.floor.Add(math.Log(max(fl, 0.02)), staticDecay, 0.01)
	}
	if p.ready {
		c.track(d, p, today)
	}
	if c.mayLearn(p) {
		c.learn(d, p)
	}
	c.yesterday = edge{day: today, before: c.prev, at: int32(d.edgeAt), kw: float32(d.edgeKW)}
}

// mayLearn is the gate: neither a suspected block nor a short absence becomes normal.
func (c *customer) mayLearn(p *part) bool {
	if !p.ready {
		return true
	}
	if c.ep.phase == open {
		return false
	}
	if p.excess(maskAll) < lowSigmas*p.sigma[maskAll] {
		c.lowDays++
		if c.lowDays == lowDaysMax+1 { // a new, lower normal: learn it quickly
			c.forgetLevels()
		}
		return c.lowDays > lowDaysMax
	}
	c.lowDays = 0
	return true
}

// forgetLevels makes the next days count as if they were the first few.
func (c *customer) forgetLevels() {
	for m := range numMasks {
		c.level[m].N = min(c.level[m].N, 2)
	}
	for g := range c.locN {
		c.locN[g] = min(c.locN[g], 2)
	}
	c.base.N, c.mean.N, c.top.N = min(c.base.N, 2), min(c.mean.N, 2), min(c.top.N, 2)
}

// noteFault counts days on which the register stood still: every reading the same,
// although the meter is known to resolve finer.
func (c *customer) noteFault(d *day) {
	if d.quantum > 0 && (c.quantum == 0 || float32(d.quantum) < c.quantum) {
		c.quantum = float32(d.quantum)
	}
	if d.stuck && (c.quantum == 0 || d.q50 > 100*float64(c.quantum)) {
		c.stuckDays = min(c.stuckDays+1, 1000)
	} else if d.valid > 0.25 { // a day that has hardly begun says nothing
		c.stuckDays = 0
	}
}

// weigh turns measures into a probability with its reasons and estimates.
func (f *Fleet) weigh(s *flatwatt.Score, j *judgement) {
	nan := math.NaN()
	none := flatwatt.Estimate{Value: nan, Low: nan, High: nan}
	s.Probability, s.LogOdds, s.LogEValue, s.Block, s.Energy = nan, nan, nan, none, none
	c := j.c
	switch {
	case c.stuckDays >= stuckDaysMin:
		s.State = flatwatt.MeterFault
		return
	case c.floor.N < minStaticDays:
		s.State = flatwatt.NotEnoughData
		return
	}
	on, st := f.logOdds(j)
	b := j.telling()
	known := st - f.explained(j, st) // what an operator's word takes away
	st -= known
	now := models.LogAddExp(on, st)
	m := &c.memory
	if before, ok := m.until(c.ep.start); j.multiplied && ok {
		now = min(now, before) // a factor tells no more of a miner than the days before it
	}
	found := f.recall(j, b, now)
	s.LogOdds = now
	if m.day != 0 {
		s.LogOdds = max(now, float64(m.odds))
	}
	wasThere := s.LogOdds > now+recallMargin // today tells too little of it
	calibrated := f.params.Calibrated(s.LogOdds)
	s.Probability, s.LogEValue = models.Sigmoid(calibrated), f.params.EValue.Log(calibrated)
	switch {
	case wasThere:
		s.Evidence = f.one(pastTerm, s.LogOdds-now, m.found.block)
	case b == staticBranch && known > 0:
		s.Evidence = f.one(wordTerm, -known, c.cleared)
	default:
		s.Evidence = f.reasons(b)
	}
	f.setState(s, j, wasThere)
	if c.firstAlarm != 0 {
		s.FirstAlarm = (c.firstAlarm + 1).Start(j.meter.Zone) // when that day closed
	}
	if s.Probability < estimateFrom && c.firstAlarm == 0 {
		return
	}
	if wasThere {
		past := m.toDate()
		j.tell(s, &past, m.since(j.today))
		return
	}
	j.tell(s, &found, float64(found.energy))
}

// logOdds sums the contributions of both branches, and to both what the trees add for
// what the measurements say together.
func (f *Fleet) logOdds(j *judgement) (onset, static float64) {
	onset = f.params.prior(j.meter, onsetBranch)
	static = f.params.prior(j.meter, staticBranch)
	for i := range terms {
		x := terms[i].measure(j)
		f.measure[i] = x
		if terms[i].branch == onsetBranch {
			onset += f.params.curves[i].At(x)
		} else {
			static += f.params.curves[i].At(x)
		}
	}
	f.measure[numTerms] = f.params.classIndex(j.meter.Class)
	f.measure[numTerms+1] = 1
	if !j.hasBlock() {
		f.measure[numTerms+1] = 0
	}
	if j.multiplied || !j.hasBlock() && !j.stepped() {
		onset = math.Inf(-1)
	}
	clear(f.shares[:])
	together := f.forest.At(f.measure[:], models.LogAddExp(onset, static), f.shares[:])
	return onset + together + f.bound(onsetBranch), static + together + f.bound(staticBranch)
}

// pastTerm is the evidence of an earlier finding: by how much it convinced more than today.
const pastTerm = "past"

// wordTerm is what an operator's word took from the static story, and the floor that it was
// given for.
const wordTerm = "word"

// one is a piece of evidence by itself, of a block or floor in kW, from f's arena.
func (f *Fleet) one(term string, odds float64, kw float32) []flatwatt.Evidence {
	f.evidence = append(f.evidence, flatwatt.Evidence{Term: term, LogOdds: odds, Value: float64(kw)})
	return slices.Clip(f.evidence[len(f.evidence)-1:])
}

// reasons are the contributions of branch b, largest first, cut from f's arena.
func (f *Fleet) reasons(b branch) []flatwatt.Evidence {
	from := len(f.evidence)
	for i := range terms {
		x, v := f.measure[i], f.shares[i]
		if terms[i].branch == b {
			v += f.params.curves[i].At(x) + f.boundOf(i)
		}
		if x == x && math.Abs(v) >= evidenceMin {
			f.evidence = append(f.evidence, flatwatt.Evidence{Term: terms[i].name, LogOdds: v, Value: terms[i].show(x)})
		}
	}
	e := f.evidence[from:]
	slices.SortStableFunc(e, func(a, b flatwatt.Evidence) int {
		return cmp.Compare(math.Abs(b.LogOdds), math.Abs(a.LogOdds))
	})
	if len(e) > evidenceMax {
		f.evidence = f.evidence[:from+evidenceMax]
		e = e[:evidenceMax]
	}
	return slices.Clip(e)
}

// absorbIfHonest makes a lasting change that does not look like a miner the new normal.
func (f *Fleet) absorbIfHonest(c *customer, now float64) {
	e := &c.ep
	if e.phase != open || !(now < patienceOdds) {
		return
	}
	if e.days < patienceDays && !(e.days >= patienceDays/3 && now < plainOdds) {
		return
	}
	c.absorb()
}

// absorb makes the open rise part of what is normal.
func (c *customer) absorb() {
	e := &c.ep
	c.base.Mu += e.block[maskAll].Mu
	c.base.N = min(c.base.N, 20)
	for m := range numMasks {
		c.level[m].N = min(c.level[m].N, 20)
	}
	for g := range c.loc {
		for h := range c.loc[g] {
			c.loc[g][h] += e.delta[h]
		}
		c.locN[g] = min(c.locN[g], 10)
	}
	c.peak = max(c.peak, c.base.Mu)
	c.mean.Mu += e.mean.Mu
	c.top.Mu += e.top.Mu
	c.noise, c.dips, c.unit, c.sd = e.noise, e.dips, e.unit, e.sd
	c.react.Mu += e.react.Mu
	c.active.Mu += e.active.Mu
	c.ep, c.cusum = episode{}, cusum{}
}
