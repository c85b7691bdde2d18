package evaluate

import (
	"math"

	"github.com/flatwatt/flatwatt"
)

// A measurer computes every figure of a sample of a fleet.
type measurer struct {
	fleet  *fleet
	opt    Options
	events []event // of non-miners, the most probable first
}

// A sample says how often each case of a fleet is drawn.
type sample []int

func wholeSample(n int) sample {
	s := make(sample, n)
	for i := range s {
		s[i] = 1
	}
	return s
}

// each calls f once for every time that a case is drawn.
func (m *measurer) each(s sample, f func(*meterCase)) {
	for i, times := range s {
		for range times {
			f(m.fleet.cases[i])
		}
	}
}

// measure computes the point values of all figures; their intervals are left unknown.
func (m *measurer) measure(s sample) Figures {
	var f Figures
	for _, v := range f.all() {
		*v.figure = unknownFigure()
	}
	m.ranking(s, &f)
	m.alarms(s, &f)
	m.estimates(s, &f)
	m.calibration(s, &f)
	m.lists(s, &f)
	return f
}

// ranked are the sampled cases by final probability; unknown ones come last, tied.
func (m *measurer) ranked(s sample, keep func(*meterCase) bool) []Ranked {
	var out []Ranked
	m.each(s, func(c *meterCase) {
		if keep(c) {
			out = append(out, Ranked{c.rank(), c.miner()})
		}
	})
	return out
}

func everyCase(*meterCase) bool { return true }

func known(c *meterCase) bool { return !math.IsNaN(c.finding.Probability) }

func (m *measurer) ranking(s sample, f *Figures) {
	all := m.ranked(s, everyCase)
	onset := m.ranked(s, func(c *meterCase) bool { return !c.miner() || c.onsetCase() })
	older := m.ranked(s, func(c *meterCase) bool { return !c.onsetCase() })
	miners := last(steps(all)).miners
	f.AUROC.set(AUROC(all), len(all))
	f.AP.set(AveragePrecision(all), len(all))
	f.APOnset.set(AveragePrecision(onset), len(onset))
	f.APOlder.set(AveragePrecision(older), len(older))
	f.PrecisionAt10.set(PrecisionAt(all, 10), 10)
	f.PrecisionAt20.set(PrecisionAt(all, 20), 20)
	f.PrecisionAt50.set(PrecisionAt(all, 50), 50)
	f.PrecisionAtR.set(PrecisionAt(all, miners), miners)
	f.RecallAtFPR01Pct.set(RecallAt(all, 0.001), miners)
	f.RecallAtFPR1Pct.set(RecallAt(all, 0.01), miners)
}

func (m *measurer) alarms(s sample, f *Figures) {
	months := meterMonths(m.fleet.cases, s)
	if months == 0 {
		return // nothing was scored by day: there is no threshold to speak of
	}
	allowed := m.opt.FalseAlarms * months / 1000
	threshold := thresholdAt(m.events, s, allowed, m.opt.QuietDays)
	f.Threshold.set(threshold, int(months))

	var recall, recallOnset, standing share
	var delays, delaysAll []float64
	m.each(s, func(c *meterCase) {
		if !c.miner() {
			return
		}
		_, lucky, ok := c.detection(threshold, m.opt.QuietDays)
		recall.add(ok)
		days, onset := c.delayDays(threshold, m.opt.QuietDays)
		if !onset {
			return
		}
		recallOnset.add(ok)
		delaysAll = append(delaysAll, days)
		if ok {
			standing.add(lucky)
			delays = append(delays, days)
		}
	})
	f.RecallAtBudget.set(recall.value(), recall.n)
	f.RecallOnsetAtBudget.set(recallOnset.value(), recallOnset.n)
	f.StandingAlarms.set(standing.value(), standing.n)
	f.DelayMedianDays.set(Quantile(delays, 0.5), len(delays))
	f.DelayP90Days.set(Quantile(delays, 0.9), len(delays))
	f.DelayAllMedianDays.set(Quantile(delaysAll, 0.5), len(delaysAll))
}

func (m *measurer) estimates(s sample, f *Figures) {
	var kw, onset []float64
	var kwIn, onsetIn share
	m.each(s, func(c *meterCase) {
		if e, ok := c.kwError(); ok {
			kw = append(kw, e)
		}
		if e, ok := c.onsetErrorDays(); ok {
			onset = append(onset, e)
		}
		if in, ok := c.kwCovered(); ok {
			kwIn.add(in)
		}
		if in, ok := c.onsetCovered(); ok {
			onsetIn.add(in)
		}
	})
	f.BlockErrorMedian.set(Quantile(kw, 0.5), len(kw))
	f.BlockErrorP90.set(Quantile(kw, 0.9), len(kw))
	f.BlockCoverage90.set(kwIn.value(), kwIn.n)
	f.OnsetErrorMedianDays.set(Quantile(onset, 0.5), len(onset))
	f.OnsetErrorP90Days.set(Quantile(onset, 0.9), len(onset))
	f.OnsetCoverage90.set(onsetIn.value(), onsetIn.n)
}

func (m *measurer) calibration(s sample, f *Figures) {
	list := m.ranked(s, known)
	f.ECE.set(ECE(list, m.opt.Bins), len(list))
	f.Brier.set(Brier(list), len(list))
	f.ExpectedOverActual.set(ExpectedOverActual(list), last(steps(list)).miners)
}

// lists measures the two lists that a user may work from: the Bayesian one at the
// nominal rate, and the meters that the method itself calls suspects.
func (m *measurer) lists(s sample, f *Figures) {
	bad, n := BayesList(m.ranked(s, known), m.opt.FDR)
	f.FDPBayesList.set(bad, n)
	var own share
	m.each(s, func(c *meterCase) {
		if c.finding.State == flatwatt.Suspect || c.finding.State == flatwatt.Ended {
			own.add(!c.miner())
		}
	})
	f.FDPAlarmList.set(own.value(), own.n)
}
