package detectors

import (
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// z90 is the half width of a 90 % interval in standard errors. The normal 1.645 covered
// 55–70 % of simulated blocks, as days are not independent and blocks are staged. The
// factor 2 is empirical, from development fleets, and covers 80–90 % there.
const z90 = 1.645 * 2

// estimate fills in how large the block is, since when, how many machines and how much
// energy, for the branch that speaks for it.
func (j *judgement) estimate(s *flatwatt.Score, b branch, gone bool) {
	e := &j.c.ep
	switch {
	case b == staticBranch:
		j.estimateStatic(s)
	case gone:
		p := &j.c.past
		fillBlock(s, float64(p.block), float64(p.se), float64(p.energy))
		s.Onset = j.onset(p.onset, float64(p.block))
		s.Schedule = scheduleOf(models.Window{Start: int(p.window), Length: int(p.hours)})
		s.Ended = p.end.Start(j.meter.Zone)
	default:
		n := float64(max(e.days, 1))
		sd := float64(e.block[e.lead].Sigma)
		se := math.Sqrt(j.se*j.se + sd*sd/min(n, 10) + 0.01*0.01*j.block*j.block)
		fillBlock(s, j.block, se, float64(e.energy)+j.block*j.hours*float64(e.days))
		s.Onset = j.onset(e.onset, j.block)
		s.Schedule = scheduleOf(j.fit.Window)
	}
}

// fillBlock tells a block of kw ± se with what follows from it.
func fillBlock(s *flatwatt.Score, kw, se, kwh float64) {
	s.Block = flatwatt.Estimate{Value: kw, Low: max(0, kw-z90*se), High: kw + z90*se}
	s.Units.Low, s.Units.High = models.UnitCount(kw, se)
	s.HashrateTHs.Low, s.HashrateTHs.High = models.HashrateTHs(s.Block.Low, s.Block.High)
	s.Energy = flatwatt.Estimate{Value: kwh, Low: kwh * s.Block.Low / kw, High: kwh * s.Block.High / kw}
}

// onset is the step that began a block, to the interval where it stands out.
func (j *judgement) onset(o edge, block float64) flatwatt.Instants {
	start := o.day.Start(j.meter.Zone)
	if o.before != 0 && o.before < o.day-1 { // it began while there were no readings
		return flatwatt.Instants{At: start, Low: (o.before + 1).Start(j.meter.Zone), High: start.Add(24 * time.Hour)}
	}
	if o.at >= 0 && float64(o.kw) > 0.5*block {
		step := max(j.meter.Interval, 15*time.Minute)
		at := start.Add(time.Duration(o.at) * step)
		return flatwatt.Instants{At: at, Low: at.Add(-2 * step), High: at.Add(2 * step)}
	}
	// No step stands out: the block crept in, and the test saw it a little late.
	return flatwatt.Instants{At: start, Low: start.Add(-72 * time.Hour), High: start.Add(24 * time.Hour)}
}

// estimateStatic takes the present floor less that of peers for the block, or the
// constant block that explains the usual profile where that one is larger: a block on
// fixed hours does not show in the floor. Its onset is before the data: zero.
func (j *judgement) estimateStatic(s *flatwatt.Score) {
	floor := math.Exp(float64(j.c.floor.Mu))
	peer := 0.0
	if v := j.part.peerFloor; v == v {
		peer = min(math.Exp(v), floor)
	}
	spread := float64(j.c.floor.Sigma) * floor
	s.Block = flatwatt.Estimate{Value: floor - peer, Low: max(0, floor-2*peer-z90*spread), High: floor + z90*spread}
	s.Schedule = flatwatt.AlwaysOn
	hours := float64(models.Hours)
	if w := &j.usualFit; j.usualOK && w.LogBayes > 0 && w.BlockKW > s.Block.Value {
		se := math.Hypot(w.SE, w.Residual*w.BlockKW)
		s.Block = flatwatt.Estimate{Value: w.BlockKW, Low: max(0, w.BlockKW-z90*se), High: w.BlockKW + z90*se}
		s.Schedule, hours, spread, peer = scheduleOf(w.Window), float64(w.Window.Length), se, 0
	}
	s.Units.Low, s.Units.High = models.UnitCount(s.Block.Value, spread+peer/2)
	s.HashrateTHs.Low, s.HashrateTHs.High = models.HashrateTHs(s.Block.Low, s.Block.High)
	kwh := s.Block.Value * hours * float64(j.today-j.c.first+1)
	s.Energy = flatwatt.Estimate{Value: kwh, Low: kwh * ratio0(s.Block.Low, s.Block.Value), High: kwh * ratio0(s.Block.High, s.Block.Value)}
}

func ratio0(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}

// scheduleOf names a window.
func scheduleOf(w models.Window) flatwatt.Schedule {
	switch {
	case w.Length >= 21:
		return flatwatt.AlwaysOn
	case w.Contains(2) && !w.Contains(12):
		return flatwatt.Night
	case w.Contains(12) && !w.Contains(2):
		return flatwatt.Daytime
	default:
		return flatwatt.OffPeak
	}
}
