package detectors

import (
	"math"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

const z90 = 1.645 // half width of a 90 % interval in standard errors

// estimate fills in how large the block is, since when, how many machines and how much
// energy, for the branch that speaks for it.
func (j *judgement) estimate(s *flatwatt.Score, b branch) {
	if b == staticBranch {
		j.estimateStatic(s)
		return
	}
	e := &j.c.ep
	n := float64(max(e.days, 1))
	sd := float64(e.block[e.lead].Sigma)
	se := math.Sqrt(j.se*j.se + sd*sd/min(n, 10) + 0.01*0.01*j.block*j.block)
	s.Block = flatwatt.Estimate{Value: j.block, Low: max(0, j.block-z90*se), High: j.block + z90*se}
	s.Onset = j.onset()
	s.Schedule = scheduleOf(j.fit.Window)
	s.Units.Low, s.Units.High = models.UnitCount(j.block, se)
	s.HashrateTHs.Low, s.HashrateTHs.High = models.HashrateTHs(s.Block.Low, s.Block.High)
	kwh := float64(e.energy)
	s.Energy = flatwatt.Estimate{Value: kwh, Low: kwh * s.Block.Low / j.block, High: kwh * s.Block.High / j.block}
	if e.phase == ended {
		s.Ended = e.end.Start(j.meter.Zone)
	}
}

// onset is the step that began the block, to the interval where it stands out.
func (j *judgement) onset() flatwatt.Instants {
	e := &j.c.ep
	start := e.onset.day.Start(j.meter.Zone)
	if e.onset.at >= 0 && float64(e.edgeKW) > 0.5*j.block {
		step := max(j.meter.Interval, 15*time.Minute)
		at := start.Add(time.Duration(e.onset.at) * step)
		return flatwatt.Instants{At: at, Low: at.Add(-2 * step), High: at.Add(2 * step)}
	}
	return flatwatt.Instants{At: start, Low: start.Add(-24 * time.Hour), High: start.Add(24 * time.Hour)}
}

// estimateStatic takes the present floor less that of peers for the block. Its onset is
// before the data: zero.
func (j *judgement) estimateStatic(s *flatwatt.Score) {
	floor := math.Exp(float64(j.c.floor.Mu))
	peer := 0.0
	if v := j.part.peerFloor; v == v {
		peer = min(math.Exp(v), floor)
	}
	spread := float64(j.c.floor.Sigma) * floor
	s.Block = flatwatt.Estimate{Value: floor - peer, Low: max(0, floor-2*peer-z90*spread), High: floor + z90*spread}
	s.Schedule = flatwatt.AlwaysOn
	s.Units.Low, s.Units.High = models.UnitCount(s.Block.Value, spread+peer/2)
	s.HashrateTHs.Low, s.HashrateTHs.High = models.HashrateTHs(s.Block.Low, s.Block.High)
	kwh := s.Block.Value * 24 * float64(j.today-j.c.first+1)
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
