package detectors

import (
	"math"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

// materialShare is the share of the present floor from which an added block, rather than
// the whole floor, is what there is to tell.
const materialShare = 0.25

// telling is the branch that estimates and reasons are told of: the trees speak for both.
func (j *judgement) telling() branch {
	block := 0.0
	if j.hasBlock() {
		block = j.block
	}
	if j.stepped() && j.step.jump > 0.3*j.step.block {
		block = max(block, j.step.block)
	}
	if !j.multiplied && block > materialShare*math.Exp(float64(j.c.floor.Mu)) {
		return onsetBranch
	}
	return staticBranch
}

// recall takes the day into the memory, and returns what the block looks like.
func (f *Fleet) recall(j *judgement, b branch, now float64) finding {
	if e := &j.c.ep; j.hasBlock() && e.days == 3 && e.stages == 1 && e.onset.at < 0 && e.onset.before == e.onset.day-1 && j.hours == models.Hours {
		if o, ok := j.c.hist.byEnergy(e.start, float64(j.c.mean.Mu), j.block, j.slotsADay()); ok {
			e.onset = o
		}
	}
	if e := &j.c.ep; j.hasBlock() && e.missed == 0 {
		e.told = told{block: float32(j.block), se: float32(j.se), window: uint8(j.fit.Window.Start), hours: uint8(j.fit.Window.Length)}
	}
	m := &j.c.memory
	m.follow(j)
	found := m.carry(j.present(b), j.today)
	f.redate(j, &found, now)
	m.remember(j, now, found)
	j.now = now
	return found
}

// setState says what the meter is, and whether its block still runs.
func (f *Fleet) setState(s *flatwatt.Score, j *judgement, wasThere bool) {
	s.State = flatwatt.Normal
	if !(s.Probability >= f.params.AlarmProbability) {
		return
	}
	s.State = flatwatt.Suspect
	if j.c.firstAlarm == 0 {
		j.c.firstAlarm = j.today
	}
	if m := &j.c.memory; wasThere && m.end != 0 {
		s.State, s.Ended = flatwatt.Ended, m.end.Start(j.meter.Zone)
	}
}
